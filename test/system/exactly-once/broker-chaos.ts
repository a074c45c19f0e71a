/**
 * Exactly once, 4: brokers are killed, shut and frozen, leaders and coordinators move, while a relay publishes as fast as it can; and 9, the control: the same for a
 * program that uses kafkajs as its manual says, several partitions in one `sendBatch`, which does lose and double records.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { seededRandom } from '../../delta-writer/random.ts';
import { moveLeaders } from '../../kafka/leaders.ts';
import type { Broker } from '../../kafka/cluster.ts';
import { playControl } from './control.ts';
import type { PointReport, WildArena } from './arena.ts';
import { Trial } from './trial.ts';

const QUIET_MS = { least: 500, most: 3_000 };
const FROZEN_MS = { least: 1_000, most: 8_000 };
/** Longer than any request, session or transaction takes. */
const LONG_FROZEN_MS = 20_000;
const GROW_MS = 300;

/** How often what was done. */
type Deeds = Record<'kill' | 'shut' | 'freeze' | 'move', number>;

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
    const deeds = await disturb(arena, kills);
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
  const deeds = await disturb(arena, kills);
  arena.say(`9: ${toldOf(deeds)}`);
  ended.abort();
  return { kills, problems: [], ...(await playing) };
}

/** Until so many brokers were killed, and one was frozen for long; one thing at a time, and at the end everything serves. */
async function disturb({ cluster, brokers, seed, say }: WildArena, kills: number): Promise<Deeds> {
  const random = seededRandom(seed);
  const deeds: Deeds = { kill: 0, shut: 0, freeze: 0, move: 0 };
  const node = (): number => random.between(1, brokers.length);
  while (deeds.kill < kills) {
    await wait(random.between(QUIET_MS.least, QUIET_MS.most));
    const dice = random.below(100);
    const deed = dice < 35 ? 'kill' : dice < 50 ? 'shut' : dice < 70 || brokers.length === 1 ? 'freeze' : 'move';
    deeds[deed]++;
    if (deed === 'move') await moveLeaders(brokers, () => true).catch((error: unknown) => say(`leaders do not move: ${String(error)}`));
    else if (deed === 'freeze') await freeze(cluster, node(), random.between(FROZEN_MS.least, FROZEN_MS.most));
    else await end(cluster, deed, node());
    if (deed === 'kill') say(toldOf(deeds));
  }
  await freeze(cluster, node(), LONG_FROZEN_MS);
  deeds.freeze++;
  return deeds;
}

async function freeze(cluster: Broker, node: number, ms: number): Promise<void> {
  await cluster.freeze(node);
  await wait(ms);
  await cluster.thaw(node);
}

async function end(cluster: Broker, how: 'kill' | 'shut', node: number): Promise<void> {
  await cluster[how](node);
  await cluster.restart(node);
}

function toldOf({ kill, shut, freeze: frozen, move }: Deeds): string {
  return `brokers: ${kill} killed, ${shut} shut, ${frozen} frozen, leaders moved ${move} times`;
}
