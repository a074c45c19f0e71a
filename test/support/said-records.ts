/**
 * What a topic of `debezium` or `upsert` must hold, from the rows that Spark gives, told otherwise than the relay does it: for each key what a consumer sees, record
 * after record. Keys must be unique in the table, so that within a version a key leaves once at most, and arrives once.
 */
import { must } from '../../src/lib/assert.ts';

/** A record read back, by a reader that has no part in the relay. */
export interface ReadRecord {
  readonly partition: number;
  readonly offset: number;
  readonly key: Readonly<Record<string, unknown>> | null;
  readonly value: Readonly<Record<string, unknown>> | null;
}

/** A payload in the framing by GUID. */
export function decoded(
  payload: Uint8Array,
  readers: ReadonlyMap<string, (body: Uint8Array) => Readonly<Record<string, unknown>>>,
): Readonly<Record<string, unknown>> {
  const bytes = Buffer.from(payload);
  const guid = bytes.toString('hex', 1, 17).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return must(readers.get(guid), `the schema ${guid}`)(bytes.subarray(17));
}

/** By key as JSON, what comes for it, in order: short texts, and `null` for tombstones. */
export type SaidByKey = Readonly<Record<string, readonly (string | null)[]>>;

/** What was read. `partitionsOf` a key must be one. */
export function saidByKey(records: readonly ReadRecord[]): SaidByKey {
  const found = new Map<string, { readonly partition: number; readonly said: (string | null)[] }>();
  for (const { key, value, partition } of records) {
    const name = JSON.stringify(key);
    const known = found.get(name) ?? { partition, said: [] };
    found.set(name, known);
    if (known.partition !== partition) throw new Error(`key ${name} is in partitions ${known.partition} and ${partition}`);
    known.said.push(value === null ? null : 'op' in value && 'source' in value ? envelopeText(value) : JSON.stringify(value));
  }
  return sorted([...found].map(([name, { said }]) => [name, said] as const));
}

/** What must be read, from lines of `expected.jsonl`. */
export function expectedByKey(lines: readonly string[], envelope: 'debezium' | 'upsert', key: readonly string[]): SaidByKey {
  const versions = Map.groupBy(lines.map(changeOf), ({ version }) => version);
  const found = new Map<string, (string | null)[]>();
  for (const [, changes] of [...versions].toSorted(([a], [b]) => a - b)) {
    const ofKeys = Map.groupBy(changes, ({ row }) => JSON.stringify(Object.fromEntries(key.map((name) => [name, row[name]]))));
    for (const [name, ofKey] of ofKeys) {
      const leaves = ofKey.filter(({ type }) => type === 'delete' || type === 'update_preimage');
      const arrives = ofKey.filter(({ type }) => type === 'insert' || type === 'update_postimage');
      if (leaves.length > 1 || arrives.length > 1) throw new Error(`the key ${name} is not unique in version ${String(ofKey[0]?.version)}`);
      const said = envelope === 'upsert' ? upsertOf(arrives[0]) : debeziumOf(leaves[0], arrives[0]);
      found.set(name, [...(found.get(name) ?? []), ...said]);
    }
  }
  return sorted([...found]);
}

interface Change {
  readonly type: string;
  readonly version: number;
  readonly timestamp: number;
  readonly row: Readonly<Record<string, unknown>>;
}

function changeOf(line: string): Change {
  const parsed: unknown = JSON.parse(line);
  const { _change_type: type, _commit_version: version, _commit_timestamp: timestamp, ...row } = Object(parsed);
  return { type: String(type), version: Number(version), timestamp: Number(timestamp), row };
}

function upsertOf(arrives: Change | undefined): readonly (string | null)[] {
  return [arrives === undefined ? null : JSON.stringify(arrives.row)];
}

function debeziumOf(leaves: Change | undefined, arrives: Change | undefined): readonly (string | null)[] {
  if (leaves?.type === 'update_preimage' && arrives?.type === 'update_postimage') return [textOf('u', leaves.row, arrives.row, arrives)];
  return [
    ...(leaves === undefined ? [] : [textOf('d', leaves.row, null, leaves), null]),
    ...(arrives === undefined ? [] : [textOf('c', null, arrives.row, arrives)]),
  ];
}

function textOf(op: string, before: unknown, after: unknown, { type, version, timestamp }: Change): string {
  return JSON.stringify({ op, before, after, type, version, timestamp: String(timestamp) });
}

function envelopeText({ op, before, after, source }: Readonly<Record<string, unknown>>): string {
  const { change_type: type, commit_version: version, ts_ms: timestamp } = Object(source);
  return JSON.stringify({ op, before, after, type, version: Number(version), timestamp });
}

function sorted(entries: readonly (readonly [string, readonly (string | null)[]])[]): SaidByKey {
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
