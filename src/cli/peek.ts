/**
 * `peek`: change rows of a table as JSON lines, in the order and the encoding in which they would be published: the same plan, workers and codec, without Kafka.
 */
import { readProfile } from '../../connectors/sources/delta-sharing/profile.ts';
import { openSource, SOURCE_DEFAULTS } from '../../connectors/sources/delta-sharing/source.ts';
import { rowReader } from '../codec/avro-reader.ts';
import { openPool } from '../codec/pool.ts';
import { records } from '../codec/records.ts';
import { must } from '../lib/assert.ts';
import { systemClock } from '../lib/clock.ts';
import { parseTableName } from '../model/version.ts';
import type { TableName } from '../model/version.ts';
import type { Encoder } from '../ports/encoder.ts';
import type { Source } from '../ports/source.ts';
import { listVersions } from '../relay/listing.ts';
import type { ListedVersion } from '../relay/listing.ts';
import { planOf } from '../relay/order.ts';
import { parseArguments, wrong } from './arguments.ts';
import { RELAY } from './product.ts';
import { openCommandTelemetry } from './kafka-session.ts';
import { print, tell } from './output.ts';

const MEMORY_BYTES = 512 * 2 ** 20;
const RETRY_MS = 30_000;
/** Versions asked for at once. */
const RANGE = 100;
const SEGMENT = { segmentRecords: 1_000, segmentBytes: 2 ** 20 };

export async function run(argv: readonly string[], signal: AbortSignal): Promise<number> {
  const options = parseArguments('peek', argv);
  const table = parseTableName(options.positional(1));
  if (table === null) throw wrong('peek', `\`${options.positional(1)}\` is no table: write share.schema.table`);
  const from = must(options.version('from'), '--from');
  const profile = await readProfile(options.positional(0));
  await using opened = new AsyncDisposableStack();
  const telemetry = openCommandTelemetry(opened);
  const source = opened.use(
    openSource({
      ...SOURCE_DEFAULTS,
      allowHosts: options.hosts('allow-host'),
      name: 'the provider',
      profile,
      retryTimeoutMs: RETRY_MS,
      telemetry,
      clock: systemClock,
      userAgent: RELAY,
    }),
  );
  const asked = options.version('to');
  if (asked !== null && asked < from) throw wrong('peek', `--to ${asked} is below --from ${from}`);
  const latest = await source.latestVersion(table, signal);
  if (from > latest) throw wrong('peek', `--from ${from} is beyond the latest version, which is ${latest}`);
  const to = asked ?? latest;
  if (to > latest) throw wrong('peek', `--to ${to} is beyond the latest version, which is ${latest}`);
  const encoder = opened.use(openPool({ workers: 1, workerUrl: new URL('../worker.ts', import.meta.url), memoryBytes: MEMORY_BYTES }));
  const rows = await printRange({ source, encoder, table }, from, to, signal);
  tell(`${rows} rows of versions ${from} to ${to}`);
  return 0;
}

interface Peeked {
  readonly source: Source;
  readonly encoder: Encoder;
  readonly table: TableName;
}

async function printRange(peeked: Peeked, from: number, to: number, signal: AbortSignal): Promise<number> {
  let rows = 0;
  for (let next = from; next <= to;) {
    const listed = await listVersions(
      peeked.source,
      { table: peeked.table, from: next, to: Math.min(to, next + RANGE - 1), listedAs: null },
      signal,
    );
    for (const version of listed) rows += await printVersion(peeked, version, signal);
    next = must(listed.at(-1), 'a listed version').version + 1;
  }
  return rows;
}

async function printVersion(
  { encoder, table }: Peeked,
  { version, changes, listing }: ListedVersion,
  signal: AbortSignal,
): Promise<number> {
  if (changes === null || changes.files.length === 0) return 0;
  const { schema, timestamp } = changes;
  const layout = {
    envelope: { kind: 'change' as const },
    schema,
    table,
    key: [],
    prefixes: { key: null, value: new Uint8Array(0) },
    partitions: 1,
    unkeyedPartition: 0,
  };
  const read = rowReader(encoder.schemas(layout).value);
  let rows = 0;
  for (const entry of planOf(changes, false).entries) {
    const { bytes, rows: selection } = await listing.read(changes, entry.file, signal);
    for await (const segment of encoder.encode(
      { entry, version, timestamp, layout, bytes, rows: selection, isSnapshot: false, fromRow: 0, ...SEGMENT },
      signal,
    )) {
      for (const block of segment.blocks) {
        for (const { value } of records(block)) {
          await print(JSON.stringify(read(must(value, 'the value of a record'))), signal);
          rows += 1;
        }
      }
    }
  }
  return rows;
}
