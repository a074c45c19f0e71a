/**
 * Exactly once, 6: one replica, three, two, one, and a new one, while tables are in the midst of versions of many chunks: some replicas leave in order, some die.
 */
import type { Child } from '../../processes/child.ts';
import type { Arena, PointReport } from './arena.ts';
import { Trial, untilItSays } from './trial.ts';

const TABLES = ['a', 'b', 'c', 'd'];
const CHUNK_RECORDS = 50;

/** `rows` = of each table before each change. */
export async function changeReplicas(arena: Arena, rows: number): Promise<PointReport> {
  const tables = TABLES.map((name, i) => ({ name, key: i % 2 === 0 ? ['id'] : [] }));
  await using trial = await Trial.open(arena, { tables, limits: { chunkRecords: CHUNK_RECORDS } });
  const problems: string[] = [];
  const join = async (): Promise<Child> => {
    const replica = trial.start();
    await untilItSays(replica, WORKING);
    return replica;
  };
  const leave = async (replica: Child): Promise<void> => {
    const { code } = await replica.stop();
    if (code !== 0) problems.push(`a replica ended with ${String(code)}: ${replica.stderr.slice(-2_000)}`);
  };

  await trial.growBig(rows);
  const first = await join();
  await trial.growBig(rows);
  const [second, third] = await Promise.all([join(), join()]);
  await trial.growBig(rows);
  await leave(first);
  await trial.growBig(rows);
  const hadMore = third.stderr.split(WORKING).length;
  await second.kill();
  // The group goes on without it, and the last one has everything.
  await untilItSays(third, WORKING, hadMore);
  await trial.growBig(rows);
  const fourth = await join();
  await leave(third);
  await trial.published();
  await leave(fourth);
  problems.push(...(await trial.finish()));
  return { kills: 1, problems, ...(await trial.verdict()) };
}

/** What a replica logs whenever the group has given it partitions, or taken some. */
const WORKING = 'partitions of this replica';
