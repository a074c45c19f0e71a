/**
 * One relay name with its tables, the provider of them, whatever relays are started under that name, and at the end the verdict: an independent consumer's reading of
 * every topic against the rows that the tables' changes have (read-topic.ts, reconcile.ts).
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { must } from '../../../src/lib/assert.ts';
import { expectedLines, reconcile } from '../../demo/reconcile.ts';
import { DeltaTable } from '../../delta-writer/delta-table.ts';
import { randomStep } from '../../delta-writer/history.ts';
import { seededRandom } from '../../delta-writer/random.ts';
import type { Random } from '../../delta-writer/random.ts';
import { poll } from '../../kafka/probe.ts';
import { startCommand, startScript } from '../../processes/child.ts';
import type { Child } from '../../processes/child.ts';
import { readTopic } from '../read-topic.ts';
import { Stage } from '../stage.ts';
import type { StageOptions } from '../stage.ts';
import type { Arena, Verdict } from './arena.ts';
import type { StopOrder } from './relay-that-stops.ts';

const STOPPING_RELAY = fileURLToPath(new URL('relay-that-stops.ts', import.meta.url));
/** For whatever a relay is to say or do: it never takes so long, not on a busy machine either. */
const PATIENCE_MS = 240_000;

export interface TrialOptions {
  readonly tables?: readonly { readonly name: string; readonly key: readonly string[] }[];
  readonly limits?: StageOptions['limits'];
  /** For the config, without the driver's name; the arena's brokers unless said. */
  readonly kafka?: readonly string[];
  readonly provider?: StageOptions['provider'];
}

interface Grown {
  readonly name: string;
  readonly table: DeltaTable;
}

export class Trial implements AsyncDisposable {
  readonly stage: Stage;
  readonly #arena: Arena;
  /** Of the tables, and of whatever else the trial needs. */
  readonly folder: string;
  readonly #tables: readonly Grown[];
  readonly #random: Random;
  readonly #relays: Child[] = [];
  #at = Date.UTC(2026, 0, 1);

  private constructor(arena: Arena, stage: Stage, folder: string, tables: readonly Grown[]) {
    this.#arena = arena;
    this.stage = stage;
    this.folder = folder;
    this.#tables = tables;
    this.#random = seededRandom(arena.seed);
  }

  static async open(arena: Arena, options: TrialOptions = {}): Promise<Trial> {
    const folder = await mkdtemp(join(tmpdir(), 'cdf-relay-trial-'));
    const feeds = options.tables ?? [
      { name: 'orders', key: ['id'] },
      { name: 'returns', key: [] },
    ];
    const tables: Grown[] = [];
    for (const [i, { name }] of feeds.entries()) {
      const of = { folder: join(folder, name), seed: arena.seed + i, expected: 'rows', createdAt: Date.UTC(2026, 0, 1) } as const;
      tables.push({ name, table: await DeltaTable.create(of) });
    }
    const kafka = [`driver: ${arena.driver}`, ...(options.kafka ?? [`brokers: ${JSON.stringify(arena.brokers)}`])];
    const stage = await Stage.open({
      brokers: arena.brokers,
      kafka: `{${kafka.join(', ')}}`,
      folder,
      tables: feeds.map(({ name, key }) => ({ name, start: '{version: 0}', ...(key.length === 0 ? {} : { key }) })),
      limits: { chunkRecords: 200, chunkTime: '10ms', workers: 1, ...options.limits },
      port: 0,
      ...(options.provider === undefined ? {} : { provider: options.provider }),
    });
    return new Trial(arena, stage, folder, tables);
  }

  /** So many more versions of each table. */
  async grow(versions: number, size: { readonly least: number; readonly most: number } = { least: 1, most: 150 }): Promise<void> {
    for (let i = 0; i < versions; i++) {
      for (const { table } of this.#tables) await table.append(randomStep(this.#random, size), (this.#at += 1_000));
    }
  }

  /** One more version of each table, of so many rows. */
  async growBig(rows: number): Promise<void> {
    for (const { table } of this.#tables) await table.append({ kind: 'insert', rows, files: 3 }, (this.#at += 1_000));
  }

  /** A relay as a user starts it. */
  start(...options: readonly string[]): Child {
    return this.#started(startCommand(['run', '-c', this.stage.configPath, ...options]));
  }

  /** The same of another build: `main` is its src/main.ts. */
  startBuild(main: string, configPath: string): Child {
    return this.#started(startScript(main, ['run', '-c', configPath]));
  }

  /** A relay that stops itself; `order` says where and how. */
  startStopping(order: StopOrder, ...options: readonly string[]): Child {
    return this.#started(startScript(STOPPING_RELAY, [JSON.stringify(order), '-c', this.stage.configPath, ...options]));
  }

  /** Until the relays that run have published all there is. */
  async published(): Promise<void> {
    await poll('publishing', PATIENCE_MS, async () => {
      const next = await Promise.all(this.#tables.map(({ name }) => this.stage.nextOf(name)));
      return this.#tables.every(({ table }, i) => (next[i] ?? 0) > table.latest);
    });
  }

  /** Lets a relay publish all there is. Resolves with what was wrong with that. */
  async finish(): Promise<readonly string[]> {
    const relay = this.start('--until-current');
    const { code } = await relay.exited;
    return code === 0 ? [] : [`the last run ended with ${String(code)}: ${relay.stderr.slice(-2_000)}`];
  }

  /** No relay may run under this name any more. */
  async verdict(): Promise<Verdict> {
    const all: Verdict[] = [];
    for (const { name, table } of this.#tables) {
      const read = await readTopic({ brokers: this.#arena.brokers, topic: this.stage.topic(name), schemasTopic: this.stage.schemasTopic });
      const { lost, doubled, disorder } = reconcile(await expectedLines(must(table.expectedPath, 'the expected rows')), read);
      all.push({ records: read.length, lost, doubled, disorder });
    }
    return {
      records: all.reduce((sum, { records }) => sum + records, 0),
      lost: all.flatMap(({ lost }) => lost),
      doubled: all.flatMap(({ doubled }) => doubled),
      disorder: all.flatMap(({ disorder }) => disorder),
    };
  }

  #started(relay: Child): Child {
    this.#relays.push(relay);
    return relay;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const relay of this.#relays) await relay.kill();
    await this.stage[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Until the process has said `text` so often, on stdout or stderr. Rejects with the end of stderr if it ends before, or does not say it in a long time. */
export async function untilItSays(child: Child, text: string, times = 1): Promise<void> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    if (child.stdout.split(text).length + child.stderr.split(text).length - 2 >= times) return;
    if (!child.isRunning) throw new Error(`it ended and did not say ${text}: ${child.stderr.slice(-3_000)}`);
    if (performance.now() > until) throw new Error(`in ${PATIENCE_MS / 1000} s it did not say ${text}: ${child.stderr.slice(-3_000)}`);
    await wait(5);
  }
}
