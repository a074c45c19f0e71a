/**
 * The drivers against each other and against Java's own transactional producer: the same number of records of the same size to the same broker, in turns, so that all
 * meet the same machine. Ours send what workers have framed, keys and all; Java's frames records without keys, and its CPU is that of the whole JVM from its start.
 *
 * Each runs under the settings of V8 that serve it best: the direct driver under the relay's, kafkajs under Node's own. It makes many small objects, and takes half as
 * much CPU again where the young generation is small.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { MEMORY_FLAGS } from '../../src/cli/start-settings.ts';
import { writeHistory } from '../delta-writer/history.ts';
import type { Broker } from '../kafka/cluster.ts';
import { startProgram } from '../processes/child.ts';
import { javaProducer } from './java-producer.ts';

const DRIVER = fileURLToPath(new URL('kafka-driver.ts', import.meta.url));
const CREATED_AT = Date.parse('2026-01-01T00:00:00Z');
const FLAGS = { kafkajs: [], direct: MEMORY_FLAGS } as const;
export const COMPRESSIONS = ['none', 'zstd'] as const;

export interface DriverRun {
  readonly name: string;
  readonly compression: (typeof COMPRESSIONS)[number];
  readonly recordsPerSecond: number;
  readonly cpuMicrosPerRecord: number;
}

const Published = z.object({ records: z.number(), bytes: z.number(), seconds: z.number(), cpuMicros: z.number() });

/** `rows` is half of what a driver is given at once; `times` over. Where Java's producer cannot be had, `skip` is told why, and it is left out. */
export async function compareDrivers(
  broker: Broker,
  { rows, times, rounds }: { readonly rows: number; readonly times: number; readonly rounds: number },
  { say, skip }: { readonly say: (text: string) => void; readonly skip: (reason: string) => void },
  signal: AbortSignal,
): Promise<readonly DriverRun[]> {
  const folder = await mkdtemp(join(tmpdir(), 'cdf-relay-bench-'));
  try {
    const { tableFolder } = await writeHistory(join(folder, 'orders'), {
      seed: 1,
      versions: 2,
      rowsPerVersion: { least: 1, most: 1 },
      bigVersions: [{ version: 1, kind: 'insert', rows, files: 1 }],
      expected: 'nothing',
      createdAt: CREATED_AT,
    });
    const prefix = `drivers-${process.pid.toString(36)}${Date.now().toString(36)}`;
    const java = await javaProducer().catch((error: unknown) => {
      skip(error instanceof Error ? error.message : String(error));
      return null;
    });
    const runs: DriverRun[] = [];
    for (let round = 1; round <= rounds; round++) {
      for (const compression of COMPRESSIONS) {
        let size = { records: 0, bytes: 0 };
        for (const driver of ['kafkajs', 'direct'] as const) {
          say(`round ${round} of ${rounds}: ${driver}, compression ${compression} …`);
          const topic = `${prefix}-${driver}-${compression}-${round}`;
          const line = [driver, compression, tableFolder, broker.brokers.join(','), topic, String(times)];
          const child = startProgram(process.execPath, [...FLAGS[driver], DRIVER, ...line]);
          signal.addEventListener('abort', () => child.signal('SIGTERM'), { once: true });
          const { code } = await child.exited;
          signal.throwIfAborted();
          if (code !== 0) throw new Error(`the driver ${driver} failed:\n${child.stderr}`);
          const { records, bytes, seconds, cpuMicros } = Published.parse(JSON.parse(child.stdout));
          size = { records, bytes };
          runs.push({ name: driver, compression, recordsPerSecond: records / seconds, cpuMicrosPerRecord: cpuMicros / records });
        }
        if (java === null) continue;
        say(`round ${round} of ${rounds}: Java, compression ${compression} …`);
        const topic = `${prefix}-java-${compression}-${round}`;
        const used = await java(
          { broker, topic, records: size.records, recordBytes: Math.round(size.bytes / size.records), compression },
          signal,
        );
        runs.push({ name: 'Java', compression, ...used });
      }
    }
    return runs;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
