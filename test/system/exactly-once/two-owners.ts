/**
 * Exactly once, 3: two relays that both believe to own every partition, whatever a group of replicas says. They fence one another for as long as it goes on, a person is
 * told, and nothing is published twice.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Arena, PointReport } from './arena.ts';
import { Trial, untilItSays } from './trial.ts';

const GROW_MS = 400;

/** `fences` = how often each of the two has to lose its claim before they are stopped. */
export async function twoOwners(arena: Arena, fences: number): Promise<PointReport> {
  await using trial = await Trial.open(arena);
  const problems: string[] = [];
  await trial.grow(1);
  const owners = [trial.startStopping({ nth: 0, alone: true }), trial.startStopping({ nth: 0, alone: true })];
  const ended = new AbortController();
  const growing = (async () => {
    while (!ended.signal.aborted) {
      await trial.grow(1);
      await wait(GROW_MS);
    }
  })();
  try {
    await Promise.all(owners.map((owner) => untilItSays(owner, 'claim lost', fences)));
  } finally {
    ended.abort();
    await growing;
  }
  for (const owner of owners) {
    const { code } = await owner.stop();
    if (code !== 0) problems.push(`an owner ended with ${String(code)}: ${owner.stderr.slice(-1_000)}`);
    if (!owner.stderr.includes('kafka.fenced'))
      problems.push(`an owner lost its claims, and was not fenced: ${owner.stderr.slice(-1_000)}`);
  }
  problems.push(...(await trial.finish()));
  return { kills: 0, problems, ...(await trial.verdict()) };
}
