/**
 * Exactly once, 4: brokers are killed, shut and frozen, leaders and coordinators move, while a relay publishes as fast as it can; and 9, the control: the same for a
 * program that uses kafkajs as its manual says, several partitions in one `sendBatch`, which does lose and double records.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { seededRandom } from '../../delta-writer/random.ts';
import { disturb, toldOf } from '../../kafka/chaos.ts';
import { playControl } from './control.ts';
import type { PointReport, WildArena } from './arena.ts';
import { Trial } from './trial.ts';

const GROW_MS = 300;

export interface BrokerChaos {
  /** Of brokers; the other deeds come about as often. */
  readonly kills: number;
}

export async function chaosOfBrokers(arena: WildArena, { kills }: BrokerChaos): Promise<PointReport> {
  await using trial = await Trial.open(arena, { limits: { retryTimeout: '5m' } });
  const problems: string[] = [];
  const relay = trial.start();
  const ended = new AbortController();
  const growing = (async () => {
    while (!ended.signal.aborted) {
      await trial.grow(1, { least: 20, most: 600 });
      await wait(GROW_MS);
    }
  })();
  try {
    const deeds = await disturb({ ...arena, random: seededRandom(arena.seed) }, ({ kill }) => kill >= kills);
    arena.say(`4: ${toldOf(deeds)}`);
  } finally {
    ended.abort();
    await growing;
  }
  if (!relay.isRunning) problems.push(`the relay ended by itself: ${relay.stderr.slice(-3_000)}`);
  await relay.stop();
  problems.push(...(await trial.finish()));
  return { kills, problems, ...(await trial.verdict()) };
}

/** Nothing that is wrong in this report is ours. */
export async function chaosOfControl(arena: WildArena, { kills }: BrokerChaos): Promise<PointReport> {
  const ended = new AbortController();
  const playing = playControl(arena, ended.signal);
  const deeds = await disturb({ ...arena, random: seededRandom(arena.seed) }, ({ kill }) => kill >= kills);
  arena.say(`9: ${toldOf(deeds)}`);
  ended.abort();
  return { kills, problems: [], ...(await playing) };
}
