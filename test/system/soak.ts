/**
 * For as long as one likes: tables grow, some of them by many rows; the provider's requests go wrong at random (faulty-provider.ts), and it is frozen now and then;
 * replicas of the relay are killed, frozen and stopped; with three brokers those are too (chaos.ts). At the end the faults cease, a relay catches up, and each topic must
 * hold what its feed has to tell: every change once and in order, behind the snapshot if it began with one.
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
import { disturb } from '../kafka/chaos.ts';
import type { Deeds } from '../kafka/chaos.ts';
import type { Broker } from '../kafka/cluster.ts';
import { BulkTable } from './bulk-table.ts';
import type { DriverName } from './exactly-once/arena.ts';
import { MixedTable } from './mixed-table.ts';
import { readTopic } from './read-topic.ts';
import { fromSnapshot } from './snapshot-lines.ts';
import { Stage } from './stage.ts';

export interface Soak {
  /** Of one node, which is left in peace, or of three. */
  readonly cluster: Broker;
  readonly driver: DriverName;
  readonly replicas: number;
  readonly minutes: number;
  readonly seed: number;
  /** Of the tables of which only sums are kept; 0 = without them. */
  readonly rowsPerSecond: number;
  readonly say: (line: string) => void;
}

export interface SoakReport {
  readonly versions: number;
  readonly changes: number;
  readonly kills: number;
  /** Of replicas, in order. */
  readonly stops: number;
  readonly freezes: number;
  /** Null with one broker. */
  readonly deeds: Deeds | null;
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
const LIMITS = { chunkTime: '50ms', retryTimeout: '20s', memory: '256MiB', workers: 1 };
/** Small ones, so that most versions are of several; larger ones for many rows a second. */
const CHUNK_RECORDS = { few: 200, many: 5_000 };
const BULK_TABLES = ['bulk-a', 'bulk-b'];
const FROZEN_MS = { least: 500, most: 15_000 };
/** Between two times that the provider is frozen. */
const PROVIDER_MS = { least: 10_000, most: 60_000 };
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

export async function soak(options: Soak): Promise<SoakReport> {
  const { cluster, driver, replicas, minutes, seed, rowsPerSecond, say } = options;
  const { brokers } = cluster;
  const folder = await mkdtemp(join(tmpdir(), 'cdf-relay-soak-'));
  try {
    const tables = await createTables(folder, seed);
    const names = rowsPerSecond > 0 ? BULK_TABLES : [];
    const bulk = await Promise.all(names.map((name, i) => BulkTable.create(folder, name, seed + 30 + i)));
    await using stage = await Stage.open({
      brokers,
      kafka: `{driver: ${driver}, brokers: ${JSON.stringify(brokers)}}`,
      port: 0,
      folder,
      tables: [...tables, ...names.map((name) => ({ name, key: ['id'], start: 'earliest' }))],
      limits: { ...LIMITS, chunkRecords: names.length > 0 ? CHUNK_RECORDS.many : CHUNK_RECORDS.few },
      provider: (tablesFolder, profilePath) => startScript(PROVIDER, [tablesFolder, profilePath, String(seed)]),
    });
    const until = performance.now() + minutes * 60_000;
    const isOver = (): boolean => performance.now() >= until;
    const wild = Array.from({ length: replicas }, (_, i) => new Wild(stage, seededRandom(seed + 100 + i), say));
    const random = seededRandom(seed + 3);
    const [deeds] = await Promise.all([
      brokers.length > 1 ? disturb({ cluster, random, say }, isOver) : null,
      growUntil(until, tables, seededRandom(seed + 2)),
      ...bulk.map((table) => table.growUntil(until, rowsPerSecond / names.length)),
      ...wild.map((one) => one.runUntil(until)),
      freezeProvider(stage.provider, until, seededRandom(seed + 4)),
    ]);

    const sum = (of: (one: Wild) => number): number => wild.reduce((all, one) => all + of(one), 0);
    say(`the faults end after ${sum((one) => one.kills)} kills`);
    stage.provider.signal('SIGUSR2');
    const last = must(wild[0], 'a replica');
    await last.finish();
    const problems = wild.flatMap((one) => one.problems);
    let changes = 0;
    const compared = ({ told, wrong }: Compared, name: string): void => {
      changes += told;
      problems.push(...wrong.slice(0, PROBLEMS_MAX).map((problem) => `${name}: ${problem}`));
    };
    for (const table of tables) compared(await compare(stage, brokers, table), table.name);
    for (const table of bulk) {
      const topic = { brokers, topic: stage.topic(table.name), schemasTopic: stage.schemasTopic };
      compared(await table.compare(topic), table.name);
    }
    await stage.provider.stop();
    const { requests, faults } = Told.parse(JSON.parse(stage.provider.stdout.trim().split('\n').at(-1) ?? ''));
    return {
      versions: tables.reduce((all, { latest }) => all + latest() + 1, 0) + bulk.reduce((all, table) => all + table.versions, 0),
      changes,
      kills: sum((one) => one.kills),
      stops: sum((one) => one.stops),
      freezes: sum((one) => one.freezes),
      deeds,
      insideVersion: sum((one) => one.insideVersion),
      requests,
      faults,
      peakRssBytes: Math.max(...wild.map((one) => one.peakRssBytes)),
      problems,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Compared {
  readonly told: number;
  readonly wrong: readonly string[];
}

async function freezeProvider(provider: Child, until: number, random: Random): Promise<void> {
  for (;;) {
    await wait(Math.max(0, Math.min(random.between(PROVIDER_MS.least, PROVIDER_MS.most), until - performance.now())));
    if (performance.now() >= until) return;
    provider.signal('SIGSTOP');
    await wait(random.between(FROZEN_MS.least, FROZEN_MS.most));
    provider.signal('SIGCONT');
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

/** A replica of the relay: killed, frozen or stopped, and started again. */
class Wild {
  kills = 0;
  stops = 0;
  freezes = 0;
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
    let relay = this.#stage.startRelay();
    while (performance.now() < until) {
      await this.#watch(relay, Math.min(until, performance.now() + this.#random.between(LIVE_MS.least, LIVE_MS.most)));
      if (!relay.isRunning) this.problems.push(`the relay ended by itself: ${relay.stderr.slice(-1_000)}`);
      else if (this.#random.chance(30)) await this.#freeze(relay);
      else if (this.#random.chance(15)) await this.#stop(relay);
      else await this.#kill(relay);
      if (!relay.isRunning && performance.now() < until) relay = this.#stage.startRelay();
      if (performance.now() - toldAt < TOLD_EVERY_MS) continue;
      toldAt = performance.now();
      const minutesLeft = Math.ceil((until - toldAt) / 60_000);
      const memory = mebibytes(this.peakRssBytes);
      this.#say(
        `${this.kills} kills, ${this.insideVersion} inside a version, ${this.freezes} freezes, ${memory} at most; ${minutesLeft} min left`,
      );
    }
    await relay.kill();
  }

  async #freeze(relay: Child): Promise<void> {
    relay.signal('SIGSTOP');
    await wait(this.#random.between(FROZEN_MS.least, FROZEN_MS.most));
    relay.signal('SIGCONT');
    this.freezes++;
  }

  async #stop(relay: Child): Promise<void> {
    const { code } = await relay.stop();
    if (code !== 0) this.problems.push(`a relay that was stopped ended with ${String(code)}: ${relay.stderr.slice(-1_000)}`);
    this.stops++;
  }

  async #kill(relay: Child): Promise<void> {
    await relay.kill();
    this.kills++;
    // Brokers may be in no state to tell.
    if (await this.#stage.isInsideVersion().catch(() => false)) this.insideVersion++;
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

async function compare(stage: Stage, brokers: readonly string[], table: Grown): Promise<Compared> {
  const read = await readTopic({ brokers, topic: stage.topic(table.name), schemasTopic: stage.schemasTopic });
  const lines = await table.lines();
  const expected = table.start === 'earliest' ? lines : await expectedFromSnapshot(stage, table, lines, read);
  const { lost, doubled, disorder } = reconcile(expected, read);
  return { told: read.length, wrong: [...lost.map((row) => `lost ${row}`), ...doubled.map((row) => `doubled ${row}`), ...disorder] };
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
