/**
 * `npm run demo`: the whole product on one machine, with a kill in the middle.
 *
 *   Delta tables ──► serve (Delta Sharing) ──► the relay ──► Kafka ──► a read_committed consumer ──► this screen
 *   a version more every 2 s                  SIGKILL, start again                                  compared with the rows that Spark gave
 *
 * Exit codes: 0 the consumer read every change once; 1 it did not, or something failed; 3 no Kafka can be had; 130 interrupted before the end.
 */
import { join } from 'node:path';
import { sleep } from '../../src/lib/abort.ts';
import { must } from '../../src/lib/assert.ts';
import { KafkaMissing } from '../kafka/kafka-missing.ts';
import type { Child } from '../processes/child.ts';
import { quietKafka, startConsumer } from './consumer.ts';
import type { ReadChange } from './consumer.ts';
import { Progress } from './progress.ts';
import { expectedLines, reconcile } from './reconcile.ts';
import { announce, changeLine, HEADING, say, styled } from './screen.ts';
import { REVEAL, shown, startKafka, startProvider, startRelay, TABLES, TABLES_FOLDER, temporaryFolder, writeConfig } from './stage.ts';
import type { RelayConfig } from './stage.ts';

/** Of all changes, so many are read when the relay is killed inside a version; and so many when it is killed wherever it is. */
const KILL_AT = 0.35;
const KILL_ANYWAY_AT = 0.65;
const DEAD_MS = 5_000;
/** So long nothing more may come before the changes are counted. */
const QUIET_MS = 3_000;
const STORY_MS = 100_000;
const TOPICS_MS = 30_000;
const TABLE_WIDTH = Math.max(...TABLES.map(({ name }) => name.length));

const interrupt = new AbortController();
// Without a reader there is nobody to show anything to, but everything is still to be stopped.
process.stdout.on('error', (error) => interrupt.abort(error));
// A terminal that is closed says SIGHUP. npm and the terminal may both pass a signal on: repetitions must not cut the stopping short.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => interrupt.abort(new Error('interrupted')));

async function demo(signal: AbortSignal): Promise<number> {
  const stack = new AsyncDisposableStack();
  try {
    const outcome = await story(stack, signal);
    await stack.disposeAsync();
    say(styled('dim', '  Everything that was started is stopped.'));
    return outcome;
  } catch (error) {
    await stack.disposeAsync();
    if (signal.aborted) {
      say(styled('dim', '  Interrupted; everything that was started is stopped.'));
      return 130;
    }
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return error instanceof KafkaMissing ? 3 : 1;
  }
}

async function story(stack: AsyncDisposableStack, signal: AbortSignal): Promise<number> {
  const began = Date.now();
  say(styled('bold', 'cdf-relay: what changes in Delta tables that a partner shares arrives in Kafka, exactly once.'));
  say();
  say('  Starting Kafka (the very first time it is fetched: a minute or two) …');
  const kafka = await startKafka(stack);
  const folder = await temporaryFolder(stack);
  signal.throwIfAborted();
  say(`  Kafka     ${kafka.origin}`);
  await startProvider(folder, stack, signal);
  say(
    `  provider  a Delta Sharing server over ${shown(TABLES_FOLDER)}; its tables were written by Spark and gain a version every ${REVEAL}`,
  );
  const config = await writeConfig(folder, kafka);
  say(`  config    ${config.path}`);
  say();
  say(config.text.trimEnd().replaceAll(/^/gm, '    ')); // as a user would write it
  say();
  const relay = startRelay(config, stack);
  say(`  relay     node src/main.ts run -c ${config.path}   (process ${relay.pid}, metrics at ${config.metricsUrl})`);
  say('  consumer  kafkajs, read_committed, its own Avro reader; what it reads is below');
  say(`  ${styled('bold', 'Watch for')} the SIGKILL, and whether anything is lost or doubled by it.`);
  say();
  const outcome = await watch(config, kafka.brokers, relay, stack, signal);
  say(`  ${styled('dim', `That took ${Math.round((Date.now() - began) / 1000)} s.`)}`);
  await whatNext(config, folder, signal);
  return outcome ? 0 : 1;
}

/** True when every change was read once and in order. */
async function watch(
  config: RelayConfig,
  brokers: readonly string[],
  first: Child,
  stack: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<boolean> {
  const expected = new Map<string, readonly string[]>();
  for (const { name } of TABLES) expected.set(name, await expectedLines(join(TABLES_FOLDER, name, 'expected.jsonl')));
  const progress = new Progress(expected);
  const { total } = progress;
  const read: ReadChange[] = [];
  const story = new AbortController();
  const until = AbortSignal.any([signal, story.signal, AbortSignal.timeout(STORY_MS)]);
  let lastAt = Date.now();
  let resumedAfter: number | null = null;
  let killed = false;
  await topicsExist(config, brokers, first, until);
  const keys = new Map<string, readonly string[]>(TABLES.map(({ name, key }) => [name, key]));
  const tableOf = new Map([...config.topics].map(([table, topic]) => [topic, table]));
  say(styled('dim', HEADING(TABLE_WIDTH)));
  stack.use(
    await startConsumer({
      brokers,
      name: `${config.recipient}-consumer`,
      topics: [...config.topics.values()],
      schemasTopic: config.schemasTopic,
      onChange(change) {
        if (resumedAfter !== null)
          announce('green', `it goes on: the first change ${((Date.now() - resumedAfter) / 1000).toFixed(1)} s after the start`);
        resumedAfter = null;
        lastAt = Date.now();
        read.push(change);
        const table = must(tableOf.get(change.topic), 'the table of a topic');
        say(changeLine(change, table, TABLE_WIDTH, keys.get(table) ?? []));
        progress.add(table, change.version);
        const part = read.length / total;
        if (!killed && part >= (progress.halfRead().length > 0 ? KILL_AT : KILL_ANYWAY_AT)) {
          killed = true;
          first.signal('SIGKILL');
        }
      },
      onFailure: (error) => story.abort(error),
    }),
  );
  try {
    await reached(() => killed, first, until);
    await first.exited;
    announce('red', `SIGKILL: the relay (process ${first.pid}) is gone; the tables go on changing`);
    await sleep(DEAD_MS, until);
    const at = progress
      .halfRead()
      .map(({ table, version, read, expected }) => `${table} inside version ${version}, after ${read} of its ${expected} changes`);
    announce(
      'cyan',
      `${read.length} of ${total} changes are in Kafka; it was stopped ${at.length === 0 ? 'between two versions' : `in ${at.join(', in ')}`}`,
    );
    resumedAfter = Date.now();
    const second = startRelay(config, stack);
    announce('yellow', `started again (process ${second.pid}): where it stood is in Kafka, committed with the changes themselves`);
    await reached(() => read.length >= total && Date.now() - lastAt > QUIET_MS, second, until);
  } catch (error) {
    if (signal.aborted || error instanceof RelayEnded) throw error;
    if (story.signal.aborted) throw story.signal.reason;
    announce('red', `not everything came within ${STORY_MS / 1000} s`);
  }
  return verdict(config, expected, read);
}

class RelayEnded extends Error {}

async function reached(isReached: () => boolean, relay: Child, signal: AbortSignal): Promise<void> {
  while (!isReached()) {
    if (!relay.isRunning) throw new RelayEnded(`the relay ended by itself:\n${relay.stderr}`);
    await sleep(100, signal);
  }
}

/** The relay creates its topics when it claims its feeds; consumers that come before would find nothing to subscribe to. */
async function topicsExist(config: RelayConfig, brokers: readonly string[], relay: Child, signal: AbortSignal): Promise<void> {
  const wanted = [...config.topics.values(), config.schemasTopic];
  const deadline = Date.now() + TOPICS_MS;
  const admin = quietKafka(brokers, 'demo').admin();
  await admin.connect();
  try {
    for (;;) {
      const there = new Set(await admin.listTopics());
      if (wanted.every((topic) => there.has(topic))) return;
      if (!relay.isRunning || Date.now() > deadline) throw new RelayEnded(`the relay did not create its topics:\n${relay.stderr}`);
      await sleep(200, signal);
    }
  } finally {
    await admin.disconnect();
  }
}

function verdict(config: RelayConfig, expected: ReadonlyMap<string, readonly string[]>, read: readonly ReadChange[]): boolean {
  const tables = [...expected].map(([table, lines]) =>
    reconcile(
      lines,
      read.filter((change) => change.topic === config.topics.get(table)),
    ),
  );
  const versions = tables.reduce((sum, table) => sum + table.versions, 0);
  const lost = tables.flatMap((table) => table.lost);
  const doubled = tables.flatMap((table) => table.doubled);
  const disorder = tables.flatMap((table) => table.disorder);
  if (lost.length + doubled.length + disorder.length === 0) {
    announce('green', `${read.length} changes of ${versions} versions, none lost, none doubled, each partition in order`);
    say('  (compared, value by value, with the rows that Spark reads from the same tables)');
    return true;
  }
  announce('red', `${read.length} changes read: ${lost.length} lost, ${doubled.length} doubled or wrong, ${disorder.length} out of order`);
  for (const line of lost.slice(0, 5)) say(`  lost          ${line}`);
  for (const line of doubled.slice(0, 5)) say(`  not expected  ${line}`);
  for (const sentence of disorder.slice(0, 5)) say(`  order         ${sentence}`);
  return false;
}

/** On a terminal everything goes on running until Ctrl-C, so that the commands work. */
async function whatNext(config: RelayConfig, folder: string, signal: AbortSignal): Promise<void> {
  const relay = 'npm run -s relay --';
  say();
  say(
    process.stdout.isTTY
      ? styled('bold', '  What to try next, in another terminal in this folder:')
      : '  On a terminal the demo goes on running here, and in another one you can try:',
  );
  say();
  say(`    ${relay} status -c ${config.path}`);
  say(`    ${relay} tail -c ${config.path} --recipient ${config.recipient} --table local.default.basics`);
  say(`    ${relay} tables ${join(folder, 'demo.share')}`);
  say(`    ${relay} peek ${join(folder, 'demo.share')} local.default.merges --from 1 --to 3`);
  say(`    curl -s ${config.metricsUrl} | grep -E "rows_total|lag"`);
  say();
  if (!process.stdout.isTTY) return;
  say(styled('dim', '  Ctrl-C stops everything.'));
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  say();
  say(styled('dim', '  Stopping …'));
}

process.exitCode = await demo(interrupt.signal);
