/**
 * Answers of `/changes` and `/query` in either response format, as far as these tests compare them.
 */
import { at, textAt } from '../provider/support.ts';
import type { RawAnswer } from './live-provider.ts';

export interface RawFile {
  readonly version: number;
  readonly kind: 'add' | 'remove' | 'cdf';
  readonly id: string;
  readonly size: number;
  /** A secret. */
  readonly url: string;
}

/** Those that tell of changes: of a version that has change files these alone, and never what a commit only moved. */
export function changedFiles({ lines }: RawAnswer): readonly RawFile[] {
  const files = lines.flatMap((line) => parquetFile(line) ?? deltaFile(line) ?? []);
  const recorded = new Set(files.filter(({ kind }) => kind === 'cdf').map(({ version }) => version));
  return files.filter(({ version, kind }) => kind === 'cdf' || !recorded.has(version));
}

/** Without what differs from answer to answer and from format to format. */
export function comparableFiles(files: readonly RawFile[], withIds: boolean): readonly unknown[] {
  return files.map(({ version, kind, size, id }) => `${version} ${kind} ${size}${withIds ? ` ${id}` : ''}`).toSorted();
}

/** Of the files of a snapshot. */
export function snapshotUrls({ lines }: RawAnswer): readonly string[] {
  return lines.flatMap((line) => textAt(line, 'file', 'url') || textAt(line, 'file', 'deltaSingleAction', 'add', 'path') || []);
}

export function endOf({ lines }: RawAnswer): unknown {
  return lines.at(-1)?.['endStreamAction'];
}

function parquetFile(line: unknown): RawFile | null {
  for (const kind of ['add', 'remove', 'cdf'] as const) {
    const told = at(line, kind);
    if (told === undefined) continue;
    return { version: Number(at(told, 'version')), kind, id: textAt(told, 'id'), size: Number(at(told, 'size')), url: textAt(told, 'url') };
  }
  return null;
}

function deltaFile(line: unknown): RawFile | null {
  const wrapper = at(line, 'file');
  for (const kind of ['add', 'remove', 'cdc'] as const) {
    const told = at(wrapper, 'deltaSingleAction', kind);
    if (told === undefined || (kind !== 'cdc' && at(told, 'dataChange') === false)) continue;
    return {
      version: Number(at(wrapper, 'version')),
      kind: kind === 'cdc' ? 'cdf' : kind,
      id: textAt(wrapper, 'id'),
      size: Number(at(told, 'size')),
      url: textAt(told, 'path'),
    };
  }
  return null;
}
