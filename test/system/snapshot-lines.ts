/**
 * What a feed must tell that begins with a snapshot: the rows that the changes up to its version leave, as if that version had inserted them, and then the changes
 * behind it.
 */
import { z } from 'zod';
import { versionOf } from '../demo/reconcile.ts';

const Line = z.looseObject({ _change_type: z.string(), id: z.string() });

export interface TakenSnapshot {
  readonly version: number;
  /** Of its rows. */
  readonly timestamp: number | null;
  /** The columns that the table has at the version, in order. */
  readonly columns: readonly string[];
}

/** `lines` as of `expected.jsonl`, in the order of their versions; `id` is a key. */
export function fromSnapshot(lines: readonly string[], { version, timestamp, columns }: TakenSnapshot): readonly string[] {
  const rows = new Map<string, Readonly<Record<string, unknown>>>();
  for (const line of lines) {
    if (versionOf(line) > version) break;
    const row = Line.parse(JSON.parse(line));
    const isLeaving = row._change_type === 'delete' || row._change_type === 'update_preimage';
    if (isLeaving) rows.delete(row.id);
    else rows.set(row.id, row);
  }
  const state = [...rows.values()].map((row) => {
    const cells = columns.map((name): [string, unknown] => [name, row[name] ?? null]);
    return JSON.stringify({
      _change_type: 'insert',
      _commit_version: version,
      _commit_timestamp: timestamp,
      ...Object.fromEntries(cells),
    });
  });
  return [...state, ...lines.filter((line) => versionOf(line) > version)];
}
