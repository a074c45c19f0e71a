/**
 * `npm run bench`: figures that count are ratios in one run on one machine (DESIGN §10).
 *
 *   npm run bench -- [--rows 500000] [--rounds 3]
 *   npm run bench -- --drivers [--rows 500000] [--rounds 3]
 *   npm run bench -- --rss [--large 5000000] [--envelope change,debezium,upsert]
 *
 * Four parts: the codec alone; the envelopes against each other; the drivers against each other and Java's, which `--drivers` does alone; the whole line against the
 * kafkajs driver alone. Or, with `--rss`, the relay's memory on one version of
 * five million rows, in each of the envelopes.
 */
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';
import { must } from '../../src/lib/assert.ts';
import { startBroker } from '../kafka/broker.ts';
import { KafkaMissing } from '../kafka/kafka-missing.ts';
import { startScript } from '../processes/child.ts';
import { COMPRESSIONS, compareDrivers } from './drivers.ts';
import type { Measured } from './watch.ts';
import { ENVELOPES, largeVersion, rounds } from './whole-line.ts';
import type { EnvelopeName, Round } from './whole-line.ts';

const CODEC = fileURLToPath(new URL('codec.ts', import.meta.url));
const ENVELOPES_SCRIPT = fileURLToPath(new URL('envelopes.ts', import.meta.url));

/** What the issue asks for: of the bare driver's rate, and of memory in bytes, the default of `limits.memory`. */
const RATIO_AIM = 0.8;
/** Of kafkajs' CPU for a record. */
const DRIVER_AIM = 0.25;
/** How often a driver sends the same records, so that it is warm for most of them. */
const DRIVER_TIMES = 4;
const RSS_AIM = 512 * 1024 * 1024;

async function bench(signal: AbortSignal): Promise<void> {
  const { values } = parseArgs({
    options: {
      rows: { type: 'string', default: '500000' },
      rounds: { type: 'string', default: '3' },
      drivers: { type: 'boolean', default: false },
      rss: { type: 'boolean', default: false },
      large: { type: 'string', default: '5000000' },
      envelope: { type: 'string', default: ENVELOPES.join(',') },
    },
  });
  if (values.rss)
    return memory(
      Number(values.large),
      ENVELOPES.filter((name) => values.envelope.split(',').includes(name)),
      signal,
    );
  if (values.drivers) return drivers(Number(values.rows), Number(values.rounds), signal);
  console.log('— the codec alone, one thread');
  await runScript(CODEC, signal);
  console.log('— the envelopes, one thread, rows a second of CPU');
  await runScript(ENVELOPES_SCRIPT, signal);

  await drivers(Number(values.rows), 1, signal);

  await using stack = new AsyncDisposableStack();
  const broker = await startBroker();
  stack.defer(() => broker.stop());
  console.log(`— the whole line on one broker (${broker.origin}), ${values.rows} rows, half of them in change files`);
  report(await rounds(broker, Number(values.rows), Number(values.rounds), progress, signal));
  console.log('\n(--rss measures the memory on a version of five million rows; it takes some minutes)');
}

async function drivers(rows: number, count: number, signal: AbortSignal): Promise<void> {
  const broker = await startBroker();
  try {
    console.log(`— the drivers on one broker (${broker.origin}), ${rows * DRIVER_TIMES} records each`);
    const skip = (reason: string): void => console.log(`Java's own producer is left out: ${reason}`);
    const runs = await compareDrivers(broker, { rows, times: DRIVER_TIMES, rounds: count }, { say: progress, skip }, signal);
    console.log(`${''.padEnd(16)}${['compression', 'records/s', 'µs CPU/record'].map((text) => text.padStart(17)).join('')}`);
    for (const { name, compression, recordsPerSecond, cpuMicrosPerRecord } of runs) {
      const cells = [compression, Math.round(recordsPerSecond).toLocaleString('en'), cpuMicrosPerRecord.toFixed(2)];
      console.log(`${name.padEnd(16)}${cells.map((cell) => cell.padStart(17)).join('')}`);
    }
    for (const compression of COMPRESSIONS) {
      const cpu = (name: string): number =>
        median(runs.filter((run) => run.name === name && run.compression === compression).map((run) => run.cpuMicrosPerRecord));
      const part = cpu('direct') / cpu('kafkajs');
      console.log(
        `CPU of direct / kafkajs, compression ${compression}: ${percent(part)}; the aim is ${percent(DRIVER_AIM)}${part <= DRIVER_AIM ? ': reached' : ': missed'}`,
      );
    }
  } finally {
    await broker.stop();
  }
}

async function memory(rows: number, envelopes: readonly EnvelopeName[], signal: AbortSignal): Promise<void> {
  const broker = await startBroker();
  try {
    console.log(`— one version of ${rows} rows, updates in change files of up to 32 MiB, on one broker (${broker.origin})`);
    console.log(HEADING);
    for await (const { envelope, measured } of largeVersion(broker, rows, envelopes, progress, signal)) {
      const peak = measured.peakRssBytes;
      const verdict = peak === null ? '' : peak < RSS_AIM ? '  reached' : '  missed';
      console.log(`${lineOf(envelope, measured, null)}${verdict}`);
    }
    console.log(`the aim is ${megabytes(RSS_AIM)} of memory at most`);
  } finally {
    await broker.stop();
  }
}

/** A benchmark in a process of its own, whose tables are printed. */
async function runScript(path: string, signal: AbortSignal): Promise<void> {
  const script = startScript(path, []);
  signal.addEventListener('abort', () => script.signal('SIGTERM'), { once: true });
  const { code } = await script.exited;
  signal.throwIfAborted();
  if (code !== 0) throw new Error(`${path} failed:\n${script.stderr}`);
  console.log(script.stdout);
}

const HEADING = `${''.padEnd(16)}${['rows/s', 'MB/s', 'µs CPU/row', 'provider µs/row', 'peak RSS', 'whole run'].map((text) => text.padStart(17)).join('')}`;

function report(found: readonly Round[]): void {
  console.log(HEADING);
  for (const { relay, driver, bytesPerRecord } of found) {
    console.log(lineOf('relay', relay, bytesPerRecord));
    console.log(lineOf('driver alone', driver, bytesPerRecord));
  }
  const ratios = found.map(({ relay, driver }) => relay.rowsPerSecond / driver.rowsPerSecond);
  const ratio = median(ratios);
  const { bytesPerRecord } = must(found[0], 'a round');
  console.log(`${bytesPerRecord.toFixed(0)} B a record; rates between the first records and the last`);
  console.log(`relay / driver alone, round by round: ${ratios.map(percent).join(', ')}; they differ by what else the machine does`);
  console.log(
    `relay / driver alone, median: ${percent(ratio)}; the aim is ${percent(RATIO_AIM)}${ratio >= RATIO_AIM ? ': reached' : ': missed'}`,
  );
}

function lineOf(name: string, measured: Measured, bytesPerRecord: number | null): string {
  const cells = [
    Math.round(measured.rowsPerSecond).toLocaleString('en'),
    bytesPerRecord === null ? '–' : ((measured.rowsPerSecond * bytesPerRecord) / 1e6).toFixed(1),
    micros(measured.cpuMicrosPerRow),
    micros(measured.othersCpuMicrosPerRow['provider'] ?? null),
    megabytes(measured.peakRssBytes),
    `${measured.wallSeconds.toFixed(1)} s`,
  ];
  return `${name.padEnd(16)}${cells.map((cell) => cell.padStart(17)).join('')}`;
}

function percent(part: number): string {
  return `${(part * 100).toFixed(0)} %`;
}

function micros(value: number | null): string {
  return value === null ? '–' : value.toFixed(2);
}

function megabytes(bytes: number | null): string {
  return bytes === null ? '–' : `${(bytes / 1e6).toFixed(0)} MB`;
}

function median(values: readonly number[]): number {
  return must(values.toSorted((a, b) => a - b)[values.length >> 1], 'a value');
}

/** Passing words, for people who wait: stderr, so that stdout holds the tables alone. */
function progress(text: string): void {
  process.stderr.write(`  ${text}\n`);
}

const interrupt = new AbortController();
// A terminal that is closed says SIGHUP. npm and the terminal may both pass a signal on: repetitions must not cut the stopping short.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => interrupt.abort(new Error('interrupted')));
try {
  await bench(interrupt.signal);
} catch (error) {
  const reason = interrupt.signal.aborted
    ? 'Interrupted; everything that was started is stopped.'
    : error instanceof Error
      ? error.message
      : String(error);
  process.stderr.write(`${reason}\n`);
  process.exitCode = interrupt.signal.aborted ? 130 : error instanceof KafkaMissing ? 3 : 1;
}
