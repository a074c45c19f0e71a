/**
 * `npm run test:upgrade -- --from <commit>`: a rolling upgrade under load; with `--driver kafkajs --to direct` the driver is changed on the way.
 * Two replicas of the build of an older commit are replaced one after the other by this tree's build (or that of `--onto <commit>`), rolled back and rolled forward again, by both
 * ways that the chart has: the old one first (several replicas), and the new one first (a single one). Tables grow all the while by versions of many transactions, so that most
 * replicas go in the midst of one. What consumers read at the end is compared with what was written: nothing lost, nothing doubled, nothing out of order. Both builds run with this
 * tree's packages. Exit code 0 only then; 3 if the commit is not in this clone.
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startBroker } from '../kafka/broker.ts';
import type { Child } from '../processes/child.ts';
import { isClean, isDriver } from './exactly-once/arena.ts';
import type { Arena, PointReport } from './exactly-once/arena.ts';
import { Trial, untilItSays } from './exactly-once/trial.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TABLES = ['a', 'b', 'c', 'd'];
const CHUNK_RECORDS = 20;
const VERSION_ROWS = 300;
const GROW_MS = 1_000;
/** What a replica logs whenever the group has given it partitions, or taken some. */
const WORKING = 'partitions of this replica';

/** Which build is to run in each of the two places, step by step, and which of the two relays of a place is there alone first. */
const STEPS = [
  { place: 0, build: 'new', order: 'stop-first' },
  { place: 1, build: 'new', order: 'stop-first' },
  { place: 0, build: 'old', order: 'stop-first' },
  { place: 1, build: 'old', order: 'start-first' },
  { place: 0, build: 'new', order: 'start-first' },
  { place: 1, build: 'new', order: 'kill-first' },
] as const;

const { values } = parseArgs({
  options: {
    from: { type: 'string', default: 'c3d4234' },
    driver: { type: 'string', default: 'kafkajs' },
    to: { type: 'string' },
    onto: { type: 'string' },
    seed: { type: 'string', default: '1' },
  },
});
const [olderDriver, driver] = [values.driver, values.to ?? values.driver];
if (!isDriver(olderDriver) || !isDriver(driver)) throw new Error(`there is no driver ${olderDriver}, or none ${driver}`);
const DRIVERS = { old: olderDriver, new: driver } as const;
interface Builds {
  readonly old: string;
  readonly new: string;
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const folder = await mkdtemp(join(tmpdir(), 'cdf-relay-builds-'));
try {
  const [older, newer] = [await unpacked(values.from), values.onto === undefined ? ROOT : await unpacked(values.onto)];
  process.exitCode = older === null || newer === null ? 3 : await rehearse({ old: older, new: newer });
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** The folder with a commit's tree and this tree's packages; null if this clone lacks the commit. */
async function unpacked(commit: string): Promise<string | null> {
  try {
    execFileSync('git', ['cat-file', '-e', `${commit}^{commit}`], { cwd: ROOT, stdio: 'ignore' });
  } catch {
    say(`skipped: ${commit} is not in this clone; name another commit`);
    return null;
  }
  const build = await mkdtemp(join(folder, 'build-'));
  execFileSync('sh', ['-c', 'git archive "$1" src connectors schemas package.json | tar x -C "$2"', 'sh', commit, build], { cwd: ROOT });
  await symlink(join(ROOT, 'node_modules'), join(build, 'node_modules'));
  return build;
}

async function rehearse(builds: Builds): Promise<number> {
  const broker = await startBroker();
  try {
    const arena: Arena = { brokers: broker.brokers, driver: DRIVERS.new, seed: Number(values.seed), say };
    say(`${broker.origin}; from ${values.from} with ${DRIVERS.old} to ${values.onto ?? 'this tree'} with ${DRIVERS.new}`);
    const report = await roll(arena, builds);
    say(`${report.records} records, ${report.lost.length} lost, ${report.doubled.length} doubled, ${report.disorder.length} out of order`);
    for (const problem of [...report.problems, ...report.disorder]) say(problem);
    return isClean(report) ? 0 : 1;
  } finally {
    await broker.stop();
  }
}

async function roll(arena: Arena, builds: Builds): Promise<PointReport> {
  await using trial = await Trial.open(arena, {
    tables: TABLES.map((name, i) => ({ name, key: i % 2 === 0 ? ['id'] : [] })),
    limits: { chunkRecords: CHUNK_RECORDS },
  });
  const olderConfig = join(dirname(trial.stage.configPath), 'older.yaml');
  const config = await readFile(trial.stage.configPath, 'utf8');
  await writeFile(olderConfig, config.replace(`driver: ${DRIVERS.new}`, `driver: ${DRIVERS.old}`));
  const problems: string[] = [];
  let inside = 0;
  const start = async (build: 'old' | 'new'): Promise<Child> => {
    const child = trial.startBuild(join(builds[build], 'src', 'main.ts'), build === 'new' ? trial.stage.configPath : olderConfig);
    await untilItSays(child, WORKING);
    return child;
  };
  const stop = async (child: Child, how: 'stop' | 'kill'): Promise<void> => {
    if (how === 'kill') await child.kill();
    else {
      const { code } = await child.stop();
      if (code !== 0) problems.push(`a relay ended with ${String(code)}: ${child.stderr.slice(-2_000)}`);
    }
    if (await trial.stage.isInsideVersion()) inside += 1;
  };

  await trial.growBig(VERSION_ROWS);
  const relays: [Child, Child] = [await start('old'), await start('old')];
  const ended = new AbortController();
  const growing = growUntil(trial, ended.signal);
  try {
    for (const { place, build, order } of STEPS) {
      const before = relays[place];
      if (order !== 'start-first') await stop(before, order === 'kill-first' ? 'kill' : 'stop');
      relays[place] = await start(build);
      if (order === 'start-first') await stop(before, 'stop');
      say(`place ${place}: ${build}, ${order}`);
    }
  } finally {
    ended.abort();
    await growing;
  }
  await trial.published();
  for (const relay of relays) await stop(relay, 'stop');
  problems.push(...(await trial.finish()));
  say(`${inside} times some feed was inside of a version when a relay had gone`);
  if (inside === 0) problems.push('no relay went while a feed was inside of a version: nothing was rehearsed');
  return { kills: 1, problems, ...(await trial.verdict()) };
}

async function growUntil(trial: Trial, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await trial.growBig(VERSION_ROWS);
    await wait(GROW_MS);
  }
}
