/**
 * What was read against what must be read: every change once, and in each partition versions never fall and what leaves stands before what arrives.
 */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { lineOf } from './avro-row.ts';
import type { ReadChange } from './consumer.ts';

export interface Reconciliation {
  readonly changes: number;
  readonly versions: number;
  /** Lines that were expected and not read, and the other way round; one entry for each time. */
  readonly lost: readonly string[];
  readonly doubled: readonly string[];
  /** One sentence each. */
  readonly disorder: readonly string[];
}

/** The rows of an `expected.jsonl`, each spelled as `lineOf` spells rows. */
export async function expectedLines(path: string): Promise<readonly string[]> {
  const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.stringify(JSON.parse(line)));
}

/** `read` in the order of reading; of one table. */
export function reconcile(expected: readonly string[], read: readonly ReadChange[]): Reconciliation {
  const open = new Map<string, number>();
  for (const line of expected) open.set(line, (open.get(line) ?? 0) + 1);
  const doubled: string[] = [];
  for (const line of read.map(lineOf)) {
    const times = open.get(line) ?? 0;
    if (times === 0) doubled.push(line);
    else open.set(line, times - 1);
  }
  return {
    changes: read.length,
    versions: new Set(expected.map(versionOf)).size,
    lost: [...open].flatMap(([line, times]) => Array<string>(times).fill(line)),
    doubled,
    disorder: disorderOf(read),
  };
}

const Versioned = z.looseObject({ _commit_version: z.number() });

/** Of a line of `expected.jsonl`. */
export function versionOf(line: string): number {
  return Versioned.parse(JSON.parse(line))._commit_version;
}

function disorderOf(read: readonly ReadChange[]): readonly string[] {
  const find = disorderFinder();
  return read.map(find).filter((sentence) => sentence !== null);
}

/** To be given change after change: a sentence where one stands behind another that it must not stand behind, else null. */
export function disorderFinder(): (change: ReadChange) => string | null {
  const last = new Map<string, ReadChange>();
  return (change) => {
    const partition = `${change.topic}/${change.partition}`;
    const before = last.get(partition);
    last.set(partition, change);
    if (before === undefined || rank(change) >= rank(before)) return null;
    return `${partition}: ${change.type} of version ${change.version} after ${before.type} of version ${before.version}`;
  };
}

function rank(change: ReadChange): number {
  return change.version * 2 + (change.type === 'insert' || change.type === 'update_postimage' ? 1 : 0);
}
