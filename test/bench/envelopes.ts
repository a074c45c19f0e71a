/**
 * The three envelopes on the same rows in one run, one thread, from Parquet to records. Part of `npm run bench`.
 *
 *   node test/bench/envelopes.ts [--rows 500000] [--passes 5]
 *
 * Two versions: one of changes, a change file of inserts, updates (both images side by side, as Spark writes them) and deletes; one that appends, a data file. Rows of the
 * feed a second of CPU, both images of an update counted; the envelopes take turns, so that what slows the machine down slows all of them.
 */
import { parseArgs } from 'node:util';
import { openDecoder } from '../../connectors/decoders/parquet.ts';
import { RecordWriter } from '../../src/codec/record-writer.ts';
import { encodeEntry } from '../../src/codec/segments.ts';
import { encodeVersion } from '../../src/codec/version-encoder.ts';
import { must } from '../../src/lib/assert.ts';
import type { FileKind } from '../../src/model/change-files.ts';
import type { ChangeType } from '../../src/model/column-batch.ts';
import type { VersionPlan } from '../../src/model/plan.ts';
import type { Column } from '../../src/model/table-schema.ts';
import type { Envelope, RecordLayout, Segment } from '../../src/ports/encoder.ts';
import { planOf } from '../../src/relay/order.ts';
import { pairingOf } from '../../src/relay/pairing.ts';
import { ORDER_COLUMNS } from '../delta-writer/orders.ts';
import { parquetFile } from '../delta-writer/parquet-file.ts';

/** Of the rows a second that `change` makes. */
const RATIO_AIM = 0.7;
/** The default of `limits.memory`. */
const MEMORY_BYTES = 512 * 1024 * 1024;

const { values } = parseArgs({ options: { rows: { type: 'string', default: '500000' }, passes: { type: 'string', default: '5' } } });
const rows = Number(values.rows);
const rounds = Number(values.passes);

const ENVELOPES: readonly Envelope[] = [
  { kind: 'change' },
  { kind: 'debezium', recipient: 'analytics', tableId: '5c6a4a54-5b3c-4b9e-9c2e-111111111111' },
  { kind: 'upsert' },
];
const SCHEMA = {
  columns: ORDER_COLUMNS.map(({ name, type }): Column => ({
    name,
    type: type === 'decimal(18,2)' ? { kind: 'decimal', precision: 18, scale: 2 } : { kind: type },
    nullable: true,
    comment: null,
    physical: null,
  })),
  partitionColumns: [],
  mapping: 'none',
} as const;
const BOUNDS = { segmentRecords: 50_000, segmentBytes: 4 * 1024 * 1024 };

const decoder = openDecoder();
const writer = new RecordWriter();

await compare('changes', 'cdf', changeFile());
await compare('an append', 'add', appendedFile());

interface Made {
  /** Of CPU: of the clock others take their part. */
  readonly ms: number;
  readonly records: number;
  readonly bytes: number;
}

async function compare(name: string, kind: FileKind, file: Uint8Array<ArrayBuffer>): Promise<void> {
  const made = ENVELOPES.map((): Made[] => []);
  for (let round = -1; round < rounds; round += 1) {
    for (const [i, envelope] of ENVELOPES.entries()) {
      const one = work(envelope, kind, file);
      if (round >= 0) made[i]?.push(one);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  const medians = made.map((all) => must(all.toSorted((a, b) => a.ms - b.ms)[all.length >> 1], 'a round'));
  const change = must(medians[0], 'the rate of change');
  for (const [i, { ms, records, bytes }] of medians.entries()) {
    const ratio = change.ms / ms;
    const verdict =
      i === 0
        ? ''
        : `  ${(ratio * 100).toFixed(0)} % of change (the aim is ${RATIO_AIM * 100}: ${ratio >= RATIO_AIM ? 'reached' : 'missed'})`;
    const rate = `${(rows / ms / 1000).toFixed(2)} M rows/s`;
    console.log(
      `${name}, ${must(ENVELOPES[i], 'an envelope').kind}`.padEnd(20),
      rate.padStart(14),
      ` ${records} records, ${(bytes / rows).toFixed(0)} B a row${verdict}`,
    );
  }
}

function work(envelope: Envelope, kind: FileKind, file: Uint8Array<ArrayBuffer>): Made {
  const layout: RecordLayout = {
    envelope,
    schema: SCHEMA,
    table: { share: 'share', schema: 'schema', table: 'orders' },
    key: ['id'],
    prefixes: { key: new Uint8Array(17), value: new Uint8Array(17) },
    partitions: 6,
    unkeyedPartition: 0,
  };
  const changed = { kind, id: 'bench', size: file.length, partitionValues: {}, rows: null };
  const plan = planOf({ version: 12, timestamp: 1_750_000_000_000, tableId: 't', schema: SCHEMA, files: [changed] }, false);
  const before = process.cpuUsage();
  let records = 0;
  let bytes = 0;
  for (const segment of segmentsOf(plan, layout, file)) {
    records += segment.records;
    bytes += segment.bytes;
  }
  const { user, system } = process.cpuUsage(before);
  return { ms: (user + system) / 1000, records, bytes };
}

function* segmentsOf(plan: VersionPlan, layout: RecordLayout, file: Uint8Array<ArrayBuffer>): Generator<Segment, void> {
  const { version, timestamp } = plan;
  const pairing = pairingOf(plan, layout, MEMORY_BYTES);
  if (pairing === null) {
    for (const entry of plan.entries) {
      const request = { entry, version, timestamp, layout, bytes: file, rows: null, isSnapshot: false, fromRow: 0, ...BOUNDS };
      yield* encodeEntry(request, decoder, writer);
    }
    return;
  }
  const job = {
    plan,
    layout,
    passes: pairing.passes,
    passesMax: 1024,
    memoryBytes: pairing.memoryBytes,
    from: { step: 0, row: 0 },
    keptBytes: 0,
    ...BOUNDS,
  };
  const segments = encodeVersion(job, decoder, writer);
  for (let next = segments.next(); next.done !== true;) {
    if ('kind' in next.value) next = segments.next({ bytes: file.slice(), rows: null });
    else {
      yield next.value;
      next = segments.next();
    }
  }
}

/** Of four rows one is an insert, two are an update, and one is a delete. */
function changeFile(): Uint8Array<ArrayBuffer> {
  const types: readonly ChangeType[] = ['insert', 'update_preimage', 'update_postimage', 'delete'];
  const ids = Int32Array.from({ length: rows }, (_, i) => (i % 4 === 2 ? i - 1 : i));
  const revisions = Int32Array.from({ length: rows }, (_, i) => (i % 4 === 2 ? 1 : 0));
  return new Uint8Array(
    parquetFile(
      7,
      { ids, revisions },
      Array.from({ length: rows }, (_, i) => types[i % 4] ?? 'insert'),
    ),
  );
}

function appendedFile(): Uint8Array<ArrayBuffer> {
  return new Uint8Array(parquetFile(7, { ids: Int32Array.from({ length: rows }, (_, i) => i), revisions: new Int32Array(rows) }, null));
}
