/**
 * For as long as one likes: tables grow, the provider's requests go wrong at random (faulty-provider.ts), the relay follows and is killed now and then. At the end the
 * faults cease, the relay catches up, and each topic must hold what its feed has to tell: every change once and in order, behind the snapshot if it began with one.
 *
 * The seed determines the tables, the waits and the plans of the faults; which request meets which fault is the machine's to say.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { must } from '../../src/lib/assert.ts';
import type { ReadChange } from '../demo/consumer.ts';
import { expectedLines, reconcile, versionOf } from '../demo/reconcile.ts';
import { DeltaTable } from '../delta-writer/delta-table.ts';
import { randomStep } from '../delta-writer/history.ts';
import { seededRandom } from '../delta-writer/random.ts';
import type { Random } from '../delta-writer/random.ts';
import { startScript, useOf } from '../processes/child.ts';
import type { Child } from '../processes/child.ts';
import { MixedTable } from './mixed-table.ts';
import { readTopic } from './read-topic.ts';
import { fromSnapshot } from './snapshot-lines.ts';
import { Stage } from './stage.ts';

export interface Soak {
  readonly brokers: readonly string[];
  readonly minutes: number;
  readonly seed: number;
  readonly say: (line: string) => void;
}

export interface SoakReport {
  readonly versions: number;
  readonly changes: number;
  readonly kills: number;
  /** Kills after which the checkpoint of some feed stood inside a version. */
  readonly insideVersion: number;
  readonly requests: number;
  /** How often each kind of fault came. */
  readonly faults: Readonly<Record<string, number>>;
  /** Of all relays. */
  readonly peakRssBytes: number;
  /** Nothing but what is wrong, a sentence each. */
  readonly problems: readonly string[];
}

const PROVIDER = fileURLToPath(new URL('faulty-provider.ts', import.meta.url));
const CHUNK_RECORDS = 200;
const LIMITS = { chunkRecords: CHUNK_RECORDS, chunkTime: '50ms', retryTimeout: '20s', memory: '256MiB' };
const START_ROWS = 1_500;
const GROW_MS = { least: 100, most: 2_500 };
const LIVE_MS = { least: 4_000, most: 45_000 };
const SAMPLE_MS = 1_000;
const TOLD_EVERY_MS = 60_000;
const PROBLEMS_MAX = 50;

/** A table that grows, and one feed of it. */
interface Grown {
  readonly name: string;
  readonly key: readonly string[];
  readonly start: 'snapshot' | 'earliest';
  readonly grow: () => Promise<unknown>;
  readonly latest: () => number;
  readonly lines: () => Promise<readonly string[]>;
  readonly columnsAt: (version: number) => readonly string[];
}

export async function soak({ brokers, minutes, seed, say }: Soak): Promise<SoakReport> {
  const folder = await mkdtemp(join(tmpdir(), 'cdf-relay-soak-'));
  try {
    const tables = await createTables(folder, seed);
    await using stage = await Stage.open({
      brokers,
      folder,
      tables,
      limits: LIMITS,
      provider: (tablesFolder, profilePath) => startScript(PROVIDER, [tablesFolder, profilePath, String(seed)]),
    });
    const until = performance.now() + minutes * 60_000;
    const wild = new Wild(stage, seededRandom(seed + 1), say);
    await Promise.all([growUntil(until, tables, seededRandom(seed + 2)), wild.runUntil(until)]);

    say(`the faults end after ${wild.kills} kills`);
    stage.provider.signal('SIGUSR2');
    await wild.finish();
    const problems = [...wild.problems];
    let changes = 0;
    for (const table of tables) {
      const { told, wrong } = await compare(stage, brokers, table);
      changes += told;
      problems.push(...wrong);
    }
    await stage.provider.stop();
    const { requests, faults } = Told.parse(JSON.parse(stage.provider.stdout.trim().split('\n').at(-1) ?? ''));
    const { kills, insideVersion, peakRssBytes } = wild;
    const versions = tables.reduce((sum, { latest }) => sum + latest() + 1, 0);
    return { versions, changes, kills, insideVersion, requests, faults, peakRssBytes, problems };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const Told = z.object({ requests: z.number(), faults: z.record(z.string(), z.number()) });

async function createTables(folder: string, seed: number): Promise<readonly Grown[]> {
  const mixed = new MixedTable(folder, 'mixed', seed);
  const late = new MixedTable(folder, 'late', seed + 1);
  for (let version = 0; version < 20; version++) await Promise.all([mixed.grow(), late.grow()]);
  return [
    await ordersTable(folder, { name: 'orders', key: ['id'], start: 'snapshot' }, seed),
    await ordersTable(folder, { name: 'returns', key: [], start: 'earliest' }, seed + 10),
    await ordersTable(folder, { name: 'parcels', key: [], start: 'snapshot' }, seed + 20),
    mixedFeed(mixed, { name: 'mixed', key: ['id'], start: 'earliest' }),
    mixedFeed(late, { name: 'late', key: [], start: 'snapshot' }),
  ];
}

type FeedOf = Pick<Grown, 'name' | 'key' | 'start'>;

async function ordersTable(folder: string, feed: FeedOf, seed: number): Promise<Grown> {
  const random = seededRandom(seed);
  let at = Date.UTC(2026, 0, 1);
  const table = await DeltaTable.create({ folder: join(folder, feed.name), seed, expected: 'rows', createdAt: at });
  await table.append({ kind: 'insert', rows: START_ROWS, files: 3 }, at);
  const expected = async (): Promise<readonly string[]> => expectedLines(must(table.expectedPath, 'the expected rows'));
  const first = z.record(z.string(), z.unknown()).parse(JSON.parse(must((await expected())[0], 'a row')));
  const columns = Object.keys(first).filter((name) => !name.startsWith('_'));
  return {
    ...feed,
    grow: async () => {
      const isBig = random.chance(6);
      const step = isBig
        ? ({ kind: 'insert', rows: random.between(500, 3_000), files: 3 } as const)
        : randomStep(random, { least: 1, most: 300 });
      await table.append(step, (at += random.between(1, 60_000)));
    },
    latest: () => table.latest,
    lines: expected,
    columnsAt: () => columns,
  };
}

function mixedFeed(table: MixedTable, feed: FeedOf): Grown {
  return {
    ...feed,
    grow: () => table.grow(),
    latest: () => table.latest,
    lines: () => Promise.resolve(table.lines),
    columnsAt: (version) => table.columnsAt(version),
  };
}

async function growUntil(until: number, tables: readonly Grown[], random: Random): Promise<void> {
  while (performance.now() < until) {
    await must(tables[random.below(tables.length)], 'a table').grow();
    await wait(random.between(GROW_MS.least, GROW_MS.most));
  }
}

/** The relay, killed and started again. */
class Wild {
  kills = 0;
  insideVersion = 0;
  peakRssBytes = 0;
  readonly problems: string[] = [];
  readonly #stage: Stage;
  readonly #random: Random;
  readonly #say: (line: string) => void;

  constructor(stage: Stage, random: Random, say: (line: string) => void) {
    this.#stage = stage;
    this.#random = random;
    this.#say = say;
  }

  async runUntil(until: number): Promise<void> {
    let toldAt = performance.now();
    while (performance.now() < until) {
      const relay = this.#stage.startRelay();
      await this.#watch(relay, Math.min(until, performance.now() + this.#random.between(LIVE_MS.least, LIVE_MS.most)));
      if (!relay.isRunning) {
        this.problems.push(`the relay ended by itself: ${relay.stderr.slice(-1_000)}`);
        continue;
      }
      await relay.kill();
      this.kills++;
      if (await this.#stage.isInsideVersion()) this.insideVersion++;
      if (performance.now() - toldAt < TOLD_EVERY_MS) continue;
      toldAt = performance.now();
      const minutesLeft = Math.ceil((until - toldAt) / 60_000);
      this.#say(
        `${this.kills} kills, ${this.insideVersion} inside a version, ${mebibytes(this.peakRssBytes)} at most; ${minutesLeft} min left`,
      );
    }
  }

  /** With nothing in its way any more. */
  async finish(): Promise<void> {
    const relay = this.#stage.startRelay('--until-current');
    await this.#watch(relay, Infinity);
    const { code } = await relay.exited;
    if (code !== 0) this.problems.push(`the last run ended with ${String(code)}: ${relay.stderr.slice(-3_000)}`);
  }

  async #watch(relay: Child, until: number): Promise<void> {
    const ended = new AbortController();
    const noted = relay.exited.then(() => ended.abort());
    while (relay.isRunning && performance.now() < until) {
      const waitMs = Math.max(0, Math.min(SAMPLE_MS, until - performance.now()));
      await wait(waitMs, undefined, { signal: ended.signal }).catch(() => {});
      this.peakRssBytes = Math.max(this.peakRssBytes, (await useOf(relay.pid))?.peakRss ?? 0);
    }
    if (!relay.isRunning) await noted;
  }
}

async function compare(
  stage: Stage,
  brokers: readonly string[],
  table: Grown,
): Promise<{ readonly told: number; readonly wrong: readonly string[] }> {
  const read = await readTopic({ brokers, topic: stage.topic(table.name), schemasTopic: stage.schemasTopic });
  const lines = await table.lines();
  const expected = table.start === 'earliest' ? lines : await expectedFromSnapshot(stage, table, lines, read);
  const { lost, doubled, disorder } = reconcile(expected, read);
  const wrong = [...lost.map((row) => `lost ${row}`), ...doubled.map((row) => `doubled ${row}`), ...disorder];
  return { told: read.length, wrong: wrong.slice(0, PROBLEMS_MAX).map((problem) => `${table.name}: ${problem}`) };
}

/** A version that tells of no change has no time of its own: the rows of its snapshot have the time of the first of them. */
async function expectedFromSnapshot(
  stage: Stage,
  table: Grown,
  lines: readonly string[],
  read: readonly ReadChange[],
): Promise<readonly string[]> {
  const version = await stage.startOf(table.name);
  const own = lines.find((line) => versionOf(line) === version);
  const timestamp =
    own === undefined ? (read.find((row) => row.version === version)?.timestamp ?? null) : Timed.parse(JSON.parse(own))._commit_timestamp;
  return fromSnapshot(lines, { version, timestamp, columns: table.columnsAt(version) });
}

const Timed = z.looseObject({ _commit_timestamp: z.number() });

export function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}
