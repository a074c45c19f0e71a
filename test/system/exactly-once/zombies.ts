/**
 * Exactly once, 2: the owner of the feeds falls asleep (SIGSTOP) at a numbered step, another relay claims its partitions and publishes all there is, and the owner
 * wakes (SIGCONT) in the midst of what it was about: none of it may be read by anybody.
 */
import type { Arena, PointReport } from './arena.ts';
import { Trial, untilItSays } from './trial.ts';
import type { StopOrder } from './relay-that-stops.ts';

export type Moment = Pick<StopOrder, 'nth' | 'way' | 'only'>;

/** All is sent, and nothing committed: a zombie never has more in its hands. */
export const BEFORE_COMMIT: Moment = { only: 'commit', nth: 4, way: 'before' };

/** The first so many steps of a relay, before each and after. */
export function everyMoment(steps: number): readonly Moment[] {
  const numbers = Array.from({ length: steps }, (_, i) => i + 1);
  return numbers.flatMap((nth) => [
    { only: null, nth, way: 'before' },
    { only: null, nth, way: 'after' },
  ]);
}

export async function wakeZombies(arena: Arena, moments: readonly Moment[]): Promise<PointReport> {
  await using trial = await Trial.open(arena);
  const problems: string[] = [];
  for (const moment of moments) {
    await trial.grow(2);
    await trial.growBig(700);
    const owner = trial.startStopping({ ...moment, signal: 'SIGSTOP' });
    await untilItSays(owner, 'stops ');
    await trial.grow(1);
    problems.push(...(await trial.finish()));
    await trial.grow(1);
    owner.signal('SIGCONT');
    // What it had in hand is refused; it claims again, and goes on.
    await trial.published();
    const { code } = await owner.stop();
    if (code !== 0) problems.push(`the zombie ended with ${String(code)}: ${owner.stderr.slice(-1_000)}`);
    arena.say(`2: ${owner.stdout.trim()}, slept and woke`);
  }
  problems.push(...(await trial.finish()));
  return { kills: moments.length, problems, ...(await trial.verdict()) };
}
