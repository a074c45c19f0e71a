/**
 * Exactly once, 1: SIGKILL at every numbered step. Two tables grow, a relay is killed at its n-th call of the driver, before it or when it has answered, and the next
 * one is killed one step later; each goes on from what the one before had committed. A run that ends by itself had no n-th step any more, and the count begins anew.
 */
import type { Arena, PointReport } from './arena.ts';
import { Trial } from './trial.ts';

export interface KillEveryStep {
  readonly kills: number;
  /** The first step to be killed at, from 1. */
  readonly from?: number;
  /** Versions of each table before each run. */
  readonly versions?: number;
}

export async function killAtEveryStep(arena: Arena, { kills, from = 1, versions = 2 }: KillEveryStep): Promise<PointReport> {
  await using trial = await Trial.open(arena);
  const problems: string[] = [];
  const killed = new Set<string>();
  let nth = from;
  let way: 'before' | 'after' = 'before';
  let done = 0;
  while (done < kills) {
    await trial.grow(versions);
    if (nth % 8 === 0) await trial.growBig(500);
    const relay = trial.startStopping({ nth, way }, '--until-current');
    const { code, signal } = await relay.exited;
    if (signal === 'SIGKILL') {
      done++;
      killed.add(relay.stdout.trim());
      [nth, way] = way === 'before' ? [nth, 'after'] : [nth + 1, 'before'];
      if (done % 20 === 0) arena.say(`1: ${done} kills, at step ${nth}`);
      continue;
    }
    if (code !== 0) problems.push(`the relay that was to die at step ${nth} ended with ${String(code)}: ${relay.stderr.slice(-2_000)}`);
    [nth, way] = [1, 'before'];
  }
  arena.say(`1: killed as it ${[...killed].toSorted().join(', ')}`);
  problems.push(...(await trial.finish()));
  return { kills: done, problems, ...(await trial.verdict()) };
}
