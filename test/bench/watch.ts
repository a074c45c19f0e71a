/**
 * A process that writes a topic, seen from outside: how fast records appear, and what it uses meanwhile. The relay and the bare driver are measured by
 * this alone, so that their rates compare.
 */
import { sleep } from '../../src/lib/abort.ts';
import { must } from '../../src/lib/assert.ts';
import type { TopicAdmin } from '../../src/ports/publisher.ts';
import { useOf } from '../processes/child.ts';
import type { Child, ProcessUse } from '../processes/child.ts';

export interface Measured {
  /** Records a second between the first and the last ones seen: starting and stopping do not count. */
  readonly rowsPerSecond: number;
  /** CPU of the process over the same span; null where the system does not tell. */
  readonly cpuMicrosPerRow: number | null;
  /** Of each of the other processes asked about, by name. */
  readonly othersCpuMicrosPerRow: Readonly<Record<string, number | null>>;
  /** From its start to its end. */
  readonly peakRssBytes: number | null;
  readonly wallSeconds: number;
}

export interface Watched {
  readonly child: Child;
  readonly admin: TopicAdmin;
  readonly topic: string;
  readonly rows: number;
  /** Process ids by name. */
  readonly others: Readonly<Record<string, number>>;
}

const SAMPLE_MS = 50;

/** Topics that exist. */
const known = new Set<string>();

interface Sample {
  readonly at: number;
  readonly records: number;
  readonly use: ProcessUse | null;
  readonly others: Readonly<Record<string, ProcessUse | null>>;
}

/** Watches until the child has ended. Rejects if it fails, or if the topic holds fewer records than `rows`. */
export async function watch(watched: Watched, signal: AbortSignal): Promise<Measured> {
  const { child, rows } = watched;
  const started = performance.now();
  const samples: Sample[] = [];
  let peakRssBytes: number | null = null;
  while (child.isRunning) {
    const sample = await take(watched, signal);
    peakRssBytes = sample.use?.peakRss ?? peakRssBytes;
    const last = samples.at(-1);
    if (sample.records > (last?.records ?? 0) && sample.use !== null) samples.push(sample);
    await sleep(SAMPLE_MS, signal);
  }
  const { code, signal: by } = await child.exited;
  if (code !== 0) throw new Error(`process ${child.pid} ended with ${String(code ?? by)}:\n${child.stderr}`);
  const end = await take(watched, signal);
  if (end.records < rows) throw new Error(`${watched.topic} holds ${end.records} records of ${rows}:\n${child.stderr}`);
  if (samples.length < 2) throw new Error(`all of ${rows} records came in one piece: take more rows`);
  const first = must(samples[0], 'a sample');
  const last = must(samples.at(-1), 'a sample');
  const count = last.records - first.records;
  return {
    rowsPerSecond: count / ((last.at - first.at) / 1000),
    cpuMicrosPerRow: cpu(first.use, last.use, count),
    othersCpuMicrosPerRow: Object.fromEntries(
      Object.keys(watched.others).map((name) => [name, cpu(first.others[name], last.others[name], count)]),
    ),
    peakRssBytes,
    wallSeconds: (performance.now() - started) / 1000,
  };
}

async function take({ child, admin, topic, others }: Watched, signal: AbortSignal): Promise<Sample> {
  const [records, use, ...otherUses] = await Promise.all([
    endOf(admin, topic, signal),
    useOf(child.pid),
    ...Object.values(others).map(useOf),
  ]);
  return {
    at: performance.now(),
    records,
    use,
    others: Object.fromEntries(Object.keys(others).map((name, index) => [name, otherUses[index] ?? null])),
  };
}

/** The sum of the partitions' ends; 0 while the topic is missing. Transaction markers count too: a handful in 50 000. */
async function endOf(admin: TopicAdmin, topic: string, signal: AbortSignal): Promise<number> {
  if (!known.has(topic)) {
    if ((await admin.describe(topic, signal)) === null) return 0;
    known.add(topic);
  }
  const partitions = await admin.offsets(topic, signal);
  return partitions.reduce((sum, { end }) => sum + end, 0);
}

function cpu(first: ProcessUse | null | undefined, last: ProcessUse | null | undefined, rows: number): number | null {
  return first && last ? ((last.cpuSeconds - first.cpuSeconds) * 1e6) / rows : null;
}
