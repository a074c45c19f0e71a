/**
 * A driver alone, as a process of its own: encodes the change files of a table written by test/delta-writer, keeps the blocks in memory, and then publishes them as the
 * relay would, chunk by chunk with a checkpoint record in each transaction, all of them several times if asked to.
 *
 *   node test/bench/kafka-driver.ts <driver> <compression> <table folder> <broker,broker> <topic> [times]
 *
 * Prints one JSON line at the end: `{records, bytes, transactions, seconds, cpuMicros}`, the last two from the first transaction on.
 */
import { readFile, readdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { CONNECTORS } from '../../connectors/index.ts';
import { openPool } from '../../src/codec/pool.ts';
import { must } from '../../src/lib/assert.ts';
import type { FileKind } from '../../src/model/change-files.ts';
import type { PlanEntry } from '../../src/model/plan.ts';
import type { Version } from '../../src/model/version.ts';
import type { Segment } from '../../src/ports/encoder.ts';
import { orderSchema } from '../delta-writer/orders.ts';
import { quiet } from '../support/quiet-telemetry.ts';

/** The defaults of `limits` and `kafka.topics`. */
const CHUNK_RECORDS = 50_000;
const CHUNK_BYTES = 16 * 1024 * 1024;
const PARTITIONS = 6;
const COMMIT_MS = 20_000;
const FRAMING_BYTES = 17;

const Arguments = z.tuple([
  z.enum(['kafkajs', 'direct']),
  z.enum(['none', 'gzip', 'snappy', 'lz4', 'zstd']),
  z.string(),
  z.string(),
  z.string(),
  z.coerce.number().default(1),
]);
const [driver, compression, tableFolder, brokers, topic, times] = Arguments.parse(process.argv.slice(2));
const { signal } = new AbortController();
/** The table's change rows as the blocks of whole chunks. */
async function encoded(): Promise<readonly (readonly Segment[])[]> {
  await using pool = openPool({
    workers: Math.max(1, availableParallelism() - 1),
    workerUrl: new URL('../../src/worker.ts', import.meta.url),
    memoryBytes: 512 * 1024 * 1024,
  });
  const packed: Segment[][] = [];
  let records = Infinity;
  let bytes = Infinity;
  for (const { version, timestamp, entry, path } of await entries()) {
    const request = {
      entry,
      version,
      timestamp,
      layout: {
        envelope: { kind: 'change' as const },
        schema: orderSchema(),
        table: { share: 'local', schema: 'default', table: 'orders' },
        key: ['id'],
        prefixes: { key: new Uint8Array(FRAMING_BYTES), value: new Uint8Array(FRAMING_BYTES) },
        partitions: PARTITIONS,
        unkeyedPartition: 0,
      },
      bytes: new Uint8Array(await readFile(path)),
      rows: null,
      isSnapshot: false,
      fromRow: 0,
      segmentRecords: CHUNK_RECORDS,
      segmentBytes: CHUNK_BYTES,
    };
    for await (const segment of pool.encode(request, signal)) {
      if (records + segment.records > CHUNK_RECORDS || bytes + segment.bytes > CHUNK_BYTES) {
        packed.push([]);
        records = 0;
        bytes = 0;
      }
      must(packed.at(-1), 'a chunk').push(segment);
      records += segment.records;
      bytes += segment.bytes;
    }
  }
  return packed;
}

async function publish(chunks: readonly (readonly Segment[])[]): Promise<void> {
  const checkpoints = `${topic}.checkpoints`;
  const { open, defaults } = CONNECTORS.kafka[driver];
  await using publisher = open({ ...defaults, compression, brokers: brokers.split(','), clientId: 'bench', telemetry: quiet });
  await publisher.admin.create(
    [
      { topic, partitions: PARTITIONS, replicationFactor: -1, config: {} },
      { topic: checkpoints, partitions: 1, replicationFactor: -1, config: { 'cleanup.policy': 'compact' } },
    ],
    signal,
  );
  const { producer } = await publisher.claim(
    { transactionalId: topic, topic: checkpoints, partition: 0, claimValue: '{"nonce":"bench"}' },
    signal,
  );
  const startedAt = performance.now();
  const usedBefore = process.cpuUsage();
  for (let round = 0; round < times; round++) {
    for (const [index, segments] of chunks.entries()) {
      await producer.begin();
      await producer.send(
        topic,
        segments.flatMap(({ blocks }) => blocks),
      );
      await producer.sendControl([{ topic: checkpoints, partition: 0, key: 'bench', value: JSON.stringify({ index }) }]);
      await producer.commit(COMMIT_MS);
    }
  }
  const { user, system } = process.cpuUsage(usedBefore);
  const seconds = (performance.now() - startedAt) / 1000;
  await producer.close();
  const all = chunks.flat();
  const sum = (of: (segment: Segment) => number): number => all.reduce((total, segment) => total + of(segment), 0) * times;
  const [records, bytes] = [sum((segment) => segment.records), sum((segment) => segment.bytes)];
  const published = { records, bytes, transactions: chunks.length * times, seconds, cpuMicros: user + system };
  process.stdout.write(`${JSON.stringify(published)}\n`);
}

interface Work {
  readonly version: Version;
  readonly timestamp: number;
  readonly entry: PlanEntry;
  readonly path: string;
}

const LoggedFile = z.object({ path: z.string(), size: z.number(), dataChange: z.boolean() });
const ActionLine = z.object({
  commitInfo: z.object({ timestamp: z.number() }).optional(),
  add: LoggedFile.optional(),
  cdc: LoggedFile.optional(),
});

/** The plan of every version, read from the log: a version's change files twice, or else the files that came. */
async function entries(): Promise<readonly Work[]> {
  const log = join(tableFolder, '_delta_log');
  const works: Work[] = [];
  for (const [version, name] of (await readdir(log)).toSorted().entries()) {
    const lines = (await readFile(join(log, name), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => ActionLine.parse(JSON.parse(line)));
    const timestamp = must(lines[0]?.commitInfo, 'commitInfo').timestamp;
    const work = (kind: FileKind, pass: PlanEntry['pass'], { path, size }: z.infer<typeof LoggedFile>): Work => ({
      version,
      timestamp,
      entry: { kind, pass, file: { kind, id: path, size, partitionValues: {}, rows: null } },
      path: join(tableFolder, path),
    });
    const cdc = lines.flatMap((line) => line.cdc ?? []);
    const came = lines.flatMap((line) => (line.add?.dataChange === true ? line.add : []));
    if (cdc.length === 0) works.push(...came.map((file) => work('add', 'arrives', file)));
    else works.push(...cdc.map((file) => work('cdf', 'leaves', file)), ...cdc.map((file) => work('cdf', 'arrives', file)));
  }
  return works;
}

await publish(await encoded());
