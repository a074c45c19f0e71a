/** A cluster that is not left in peace: nodes are killed, shut and frozen, leaders and coordinators move; one thing at a time, and at the end everything serves. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Random } from '../delta-writer/random.ts';
import type { Broker } from './cluster.ts';
import { moveLeaders } from './leaders.ts';

const QUIET_MS = { least: 500, most: 3_000 };
const FROZEN_MS = { least: 1_000, most: 8_000 };
/** Longer than any request, session or transaction takes. */
const LONG_FROZEN_MS = 20_000;

/** How often what was done. */
export type Deeds = Record<'kill' | 'shut' | 'freeze' | 'move', number>;

export interface Disturbed {
  readonly cluster: Broker;
  readonly random: Random;
  readonly say: (line: string) => void;
}

/** Until `isEnough` says so, which is asked between the deeds; then a node is frozen for long, once. */
export async function disturb({ cluster, random, say }: Disturbed, isEnough: (deeds: Deeds) => boolean): Promise<Deeds> {
  const { brokers } = cluster;
  const deeds: Deeds = { kill: 0, shut: 0, freeze: 0, move: 0 };
  const node = (): number => random.between(1, brokers.length);
  while (!isEnough(deeds)) {
    await wait(random.between(QUIET_MS.least, QUIET_MS.most));
    const dice = random.below(100);
    const deed = dice < 35 ? 'kill' : dice < 50 ? 'shut' : dice < 70 || brokers.length === 1 ? 'freeze' : 'move';
    deeds[deed]++;
    if (deed === 'move') await moveLeaders(brokers, () => true).catch((error: unknown) => say(`leaders do not move: ${String(error)}`));
    else if (deed === 'freeze') await freeze(cluster, node(), random.between(FROZEN_MS.least, FROZEN_MS.most));
    else await end(cluster, deed, node());
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

export function toldOf({ kill, shut, freeze: frozen, move }: Deeds): string {
  return `brokers: ${kill} killed, ${shut} shut, ${frozen} frozen, leaders moved ${move} times`;
}
