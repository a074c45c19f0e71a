/**
 * Exactly once, 7: versions of ten chunks, and kills between the chunks; and a provider that lists a half-published version otherwise than before.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePorts } from '../../kafka/ports.ts';
import { startCommand } from '../../processes/child.ts';
import type { Child } from '../../processes/child.ts';
import type { Arena, PointReport } from './arena.ts';
import { Trial } from './trial.ts';

const CHUNK_RECORDS = 100;
const CHUNKS = 10;
/** Behind one chunk that a run publishes, in the midst of a version. */
const COMMIT = 2;
/** Of the first run: before its first row it commits the number of partitions, the resolved start, and, as time has it, the table's creation. */
const FIRST_COMMIT = 6;

/** One relay after the other is killed between two chunks, before a commit or behind it, until so many were. */
export async function killBetweenChunks(arena: Arena, kills: number): Promise<PointReport> {
  await using trial = await Trial.open(arena, { tables: [{ name: 'orders', key: ['id'] }], limits: { chunkRecords: CHUNK_RECORDS } });
  const problems: string[] = [];
  let done = 0;
  let inside = 0;
  await trial.growBig(CHUNKS * CHUNK_RECORDS);
  while (done < kills) {
    const way = done % 2 === 0 ? 'before' : 'after';
    const relay = trial.startStopping({ only: 'commit', nth: done === 0 ? FIRST_COMMIT : COMMIT, way }, '--until-current');
    const { code, signal } = await relay.exited;
    if (signal !== 'SIGKILL') {
      if (code !== 0) problems.push(`a relay that was to be killed ended with ${String(code)}: ${relay.stderr.slice(-2_000)}`);
      await trial.growBig(CHUNKS * CHUNK_RECORDS);
      continue;
    }
    done++;
    if (await trial.stage.isInsideVersion()) inside++;
  }
  arena.say(`7: ${inside} of ${done} kills were inside a version`);
  if (inside < done / 2) problems.push(`only ${inside} of ${done} kills were inside a version`);
  problems.push(...(await trial.finish()));
  return { kills: done, problems, ...(await trial.verdict()) };
}

/** Half a version is published, and then its files have other names: the feed parks; when they have their names again, it goes on. */
export async function changePlan(arena: Arena): Promise<PointReport> {
  const [port] = await freePorts(1);
  const serve = (folder: string, profilePath: string, ...more: readonly string[]): Child =>
    startCommand(['serve', folder, '--profile-out', profilePath, '--port', String(port), '--token', 'a-token', ...more]);
  let again: (...more: readonly string[]) => Child = () => serve('', '');
  await using trial = await Trial.open(arena, {
    tables: [{ name: 'orders', key: ['id'] }],
    limits: { chunkRecords: CHUNK_RECORDS },
    provider: (folder, profilePath) => {
      again = (...more) => serve(folder, profilePath, ...more);
      return again();
    },
  });
  const problems: string[] = [];
  await trial.growBig(CHUNKS * CHUNK_RECORDS);
  const killed = await trial.startStopping({ only: 'commit', nth: FIRST_COMMIT, way: 'after' }, '--until-current').exited;
  if (killed.signal !== 'SIGKILL' || !(await trial.stage.isInsideVersion())) problems.push('the kill is not inside a version');
  await trial.stage.provider.stop();

  const faults = join(trial.folder, 'faults.yaml');
  await writeFile(faults, 'rules: [{match: {}, do: {kind: md5-ids}}]\n');
  const other = again('--faults', faults);
  await other.firstLine(AbortSignal.timeout(60_000));
  const parked = trial.start('--until-current');
  const { code } = await parked.exited;
  if (code !== 1 || !parked.stderr.includes('plan.changed'))
    problems.push(`another plan was met with ${String(code)}: ${parked.stderr.slice(-2_000)}`);
  await other.stop();

  const first = again();
  await first.firstLine(AbortSignal.timeout(60_000));
  problems.push(...(await trial.finish()));
  await first.stop();
  return { kills: 1, problems, ...(await trial.verdict()) };
}
