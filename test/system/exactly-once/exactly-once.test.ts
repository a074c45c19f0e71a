/**
 * The points of exactly-once (notes/kafka.md §6) that take seconds on one broker; `npm run test:exactly-once` has all of them, on one broker and three, and more of each.
 */
import { expect, test } from 'vitest';
import { describeKafka, describeOwnKafka } from '../../kafka/use-kafka.ts';
import type { Arena, PointReport } from './arena.ts';
import { killAtEveryStep } from './kill-every-step.ts';
import { changeReplicas } from './replicas.ts';
import { RIGHTS_USERS, worksByRights } from './rights.ts';
import { changePlan, killBetweenChunks } from './ten-chunks.ts';
import { hangForeignTransaction, timeOutTransaction } from './timeouts.ts';
import { twoOwners } from './two-owners.ts';
import { BEFORE_COMMIT, wakeZombies } from './zombies.ts';

const PATIENCE = { timeout: 600_000 };

const NOTHING = { isEmpty: false, lost: [], doubled: [], disorder: [], problems: [] };
const played = { driver: 'direct', seed: 7, say: () => {} } as const;

await describeKafka('exactly once', (brokers) => {
  const arena: Arena = { ...played, brokers };

  test('1: no step of a relay is one at which its death loses or doubles a record', PATIENCE, async () => {
    expect(wrong(await killAtEveryStep(arena, { kills: 6, from: 8 }))).toEqual(NOTHING);
  });

  test('2: a relay that wakes when another has taken over publishes nothing of what it had in hand', PATIENCE, async () => {
    expect(wrong(await wakeZombies(arena, [BEFORE_COMMIT]))).toEqual(NOTHING);
  });

  test('3: two relays that both own every partition double nothing', PATIENCE, async () => {
    expect(wrong(await twoOwners(arena, 1))).toEqual(NOTHING);
  });

  test('5: a transaction that timed out is published again, once', PATIENCE, async () => {
    expect(wrong(await timeOutTransaction(arena))).toEqual(NOTHING);
  });

  test("5: a relay does not go on from behind another's hanging transaction", PATIENCE, async () => {
    expect(wrong(await hangForeignTransaction(arena))).toEqual(NOTHING);
  });

  test('6: replicas that come, go and die in the midst of versions leave nothing out', PATIENCE, async () => {
    expect(wrong(await changeReplicas(arena, 200))).toEqual(NOTHING);
  });

  test('7: a version of ten chunks survives kills between them', PATIENCE, async () => {
    expect(wrong(await killBetweenChunks(arena, 3))).toEqual(NOTHING);
  });

  test('7: half a version is not gone on with by another plan', PATIENCE, async () => {
    expect(wrong(await changePlan(arena))).toEqual(NOTHING);
  });
});

await describeOwnKafka('exactly once, where Kafka asks who one is', { users: RIGHTS_USERS }, (broker) => {
  test('8: the relay needs no right but those that README lists, and names one that lacks', PATIENCE, async () => {
    expect(wrong(await worksByRights(played, broker, 2))).toEqual(NOTHING);
  });
});

/** What is wrong with a report, in few rows. */
function wrong({ records, lost, doubled, disorder, problems }: PointReport): unknown {
  return { isEmpty: records === 0, lost: lost.slice(0, 3), doubled: doubled.slice(0, 3), disorder: disorder.slice(0, 3), problems };
}
