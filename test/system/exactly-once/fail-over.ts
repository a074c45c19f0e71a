/**
 * `npm run test:fail-over`: how long feeds stand still when one of two replicas is killed, and when it is stopped; and rows a second with one replica and two, their start included. The tables
 * are polled every second, which is in the times; `-- --driver direct --rows 200000 --tables 8`.
 */
import { parseArgs } from 'node:util';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { must } from '../../../src/lib/assert.ts';
import { feedId } from '../../../src/model/feed.ts';
import { checkpointPartition } from '../../../src/relay/checkpoint.ts';
import { quietKafka } from '../../demo/consumer.ts';
import { startBroker } from '../../kafka/broker.ts';
import type { Child } from '../../processes/child.ts';
import { isDriver } from './arena.ts';
import type { Arena } from './arena.ts';
import { Trial, untilItSays } from './trial.ts';

const CHECKPOINT_PARTITIONS = 4;
const GROW_MS = 100;
/** What was committed before arrives within this. */
const ARRIVING_MS = 100;
const STEADY_MS = 8_000;
const PATIENCE_MS = 120_000;
/** More than come on one topic while the next owner settles. */
const ARRIVALS_MAX = 5_000;
const WORKING = 'partitions of this replica';

const Assigned = z.looseObject({ partitions: z.array(z.number()) });

const { values } = parseArgs({
  options: {
    driver: { type: 'string', default: 'direct' },
    rows: { type: 'string', default: '200000' },
    tables: { type: 'string', default: '8' },
    seed: { type: 'string', default: '1' },
  },
});
const { driver } = values;
if (!isDriver(driver)) throw new Error(`there is no driver ${driver}`);
const tables = Array.from({ length: Number(values.tables) }, (_, i) => ({ name: `t${i}`, key: ['id'] }));
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const broker = await startBroker();
try {
  const arena: Arena = { brokers: broker.brokers, driver, seed: Number(values.seed), say };
  say(`${broker.origin}, driver ${driver}, ${tables.length} tables`);
  for (const how of ['SIGKILL', 'SIGTERM'] as const) await standstill(arena, how);
  for (const replicas of [1, 2]) await throughput(arena, replicas);
} finally {
  await broker.stop();
}

/** Two replicas follow tables that grow all the time, and one of them ends. */
async function standstill(on: Arena, how: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  await using trial = await Trial.open(on, { tables });
  await trial.grow(2);
  const leaving = trial.start();
  await trial.published();
  const had = leaving.stderr.split(WORKING).length;
  await Promise.all([untilItSays(trial.start(), WORKING), untilItSays(leaving, WORKING, had)]);
  const arrivals = new Map<string, number[]>();
  const listening = quietKafka(on.brokers, 'listener').consumer({ groupId: trial.stage.name, readUncommitted: false, maxWaitTimeInMs: 20 });
  await listening.connect();
  await listening.subscribe({ topics: tables.map(({ name }) => trial.stage.topic(name)), fromBeginning: false });
  await listening.run({
    autoCommit: false,
    eachMessage: async ({ topic }) => void arrivals.set(topic, [...(arrivals.get(topic) ?? []).slice(-ARRIVALS_MAX), performance.now()]),
  });
  const ended = new AbortController();
  const growing = growUntil(trial, ended.signal);
  try {
    await wait(STEADY_MS);
    const owned = ownedBy(leaving, trial);
    const at = performance.now();
    if (how === 'SIGKILL') await leaving.kill();
    else leaving.signal('SIGTERM');
    const again = await Promise.all(owned.map((topic) => firstBehind(arrivals, topic, how === 'SIGKILL' ? at + ARRIVING_MS : null, at)));
    const seconds = again.map((ms) => (ms / 1_000).toFixed(1)).toSorted((a, b) => Number(a) - Number(b));
    say(`${how} of one of two replicas: its ${owned.length} feeds stood still for ${seconds.join(' ')} s`);
  } finally {
    ended.abort();
    await growing;
    await listening.disconnect();
  }
}

/** With `behind`, until a record that arrives later; else the longest time without a record from the moment on, once the next owner has published for a while. */
async function firstBehind(
  arrivals: ReadonlyMap<string, readonly number[]>,
  topic: string,
  behind: number | null,
  at: number,
): Promise<number> {
  const until = performance.now() + PATIENCE_MS;
  if (behind === null) {
    await wait(STEADY_MS);
    const times = [at, ...(arrivals.get(topic) ?? []).filter((time) => time > at), performance.now()];
    return Math.max(...times.map((time, i) => time - (times[i - 1] ?? time)));
  }
  for (;;) {
    const found = arrivals.get(topic)?.find((time) => time > behind);
    if (found !== undefined) return found - at;
    if (performance.now() > until) throw new Error(`nothing came on ${topic} any more`);
    await wait(10);
  }
}

async function growUntil(trial: Trial, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await trial.growBig(3);
    await wait(GROW_MS);
  }
}

/** Topics of the feeds that the replica's last word from its group gave it. */
function ownedBy(replica: Child, { stage }: Trial): readonly string[] {
  const line = replica.stderr.split('\n').findLast((text) => text.includes(WORKING));
  const { partitions } = Assigned.parse(JSON.parse(must(line, 'a line about partitions')));
  const names = tables.map(({ name }) => name);
  const partitionOf = (table: string): number =>
    checkpointPartition(feedId(stage.recipient, 'partner', { share: 'local', schema: 'default', table }), CHECKPOINT_PARTITIONS);
  return names.filter((name) => partitions.includes(partitionOf(name))).map((name) => stage.topic(name));
}

/** From the start of the processes: what a table holds while they run they publish while it is written. */
async function throughput(on: Arena, replicas: number): Promise<void> {
  await using trial = await Trial.open(on, { tables, limits: { chunkRecords: 10_000, chunkTime: '1s' } });
  const rows = Number(values.rows);
  await trial.growBig(Math.ceil(rows / tables.length));
  const at = performance.now();
  const running = Array.from({ length: replicas }, () => trial.start());
  await trial.published();
  const seconds = (performance.now() - at) / 1_000;
  say(`${replicas} replica${replicas === 1 ? '' : 's'}: ${rows} rows in ${seconds.toFixed(1)} s, ${Math.round(rows / seconds)} rows/s`);
  for (const replica of running) await replica.stop();
}
