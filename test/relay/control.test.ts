/**
 * Orders that people give while a relay runs: what they change, what they outlive, and that nothing of it is published twice or not at all.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CONNECTORS } from '../../connectors/index.ts';
import { must } from '../../src/lib/assert.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { Failure } from '../../src/model/failure.ts';
import type { FeedControl, FeedOrder, OrderAnswer } from '../../src/ports/feed-control.ts';
import type { Membership } from '../../src/ports/membership.ts';
import type { SchemaRegistry } from '../../src/ports/schema-registry.ts';
import type { Source } from '../../src/ports/source.ts';
import type { FeedState, Telemetry } from '../../src/ports/telemetry.ts';
import { checkpointPartition } from '../../src/relay/checkpoint.ts';
import { describeKafka } from '../kafka/use-kafka.ts';
import { quiet } from '../support/quiet-telemetry.ts';
import type { Relay, RunOptions } from './in-process.ts';
import { Playground } from './playground.ts';
import { rowsFrom } from './small-table.ts';

const never = new AbortController().signal;

await describeKafka('a feed that is given orders', (brokers) => {
  let play: Playground;
  beforeAll(async () => {
    play = await Playground.open(brokers);
  });
  afterAll(async () => play[Symbol.asyncDispose]());

  test('is paused wherever it goes, until it is resumed, and consumers are told of both', async () => {
    const { table, name } = play.table();
    await table.commit({ adds: [rowsFrom(0, 2)] });
    const relay = play.stage.another();
    {
      await using daemon = begin(relay, { feeds: [{ table: name }] });
      await daemon.published(1);
      expect(await daemon.order(name, 'pause')).toMatchObject({ kind: 'done' });
      expect(await daemon.order(name, 'pause')).toEqual({ kind: 'done', sentence: 'It is paused already.' });
      expect(await daemon.order(name, 'poll')).toMatchObject({ kind: 'refused' });
      expect(await daemon.order(name, 'restart')).toMatchObject({ kind: 'refused' });
    }
    expect(await relay.checkpoint(name)).toMatchObject({ state: 'parked', failure: { code: 'feed.paused' }, position: { version: 1 } });
    await table.commit({ adds: [rowsFrom(10, 2)] });
    {
      await using daemon = begin(relay, { feeds: [{ table: name }] });
      await daemon.is('paused');
      expect(daemon.states).toEqual(['starting', 'paused']);
      expect(await daemon.order(name, 'resume')).toMatchObject({ kind: 'done' });
      await daemon.published(1);
    }
    expect(await play.versions(relay, relay.topic(name))).toEqual([0, 0, 1, 1]);
    const told = (await relay.ledger(name)).map(({ kind, code, version }) => [kind, code, Number(version)]);
    expect(told).toEqual([
      ['version', null, 0],
      ['park', 'feed.paused', 1],
      ['resume', null, 1],
      ['version', null, 1],
    ]);
  });

  test('that ends its run keeps what was committed, and prepares the rest anew', async () => {
    const { table, name } = play.table();
    for (let version = 0; version < 6; version++) await table.commit({ adds: [rowsFrom(version * 10, 4)] });
    const relay = play.stage.another();
    await using daemon = begin(relay, { feeds: [{ table: name }], chunk: { records: 3 } });
    for (let done = 1; done <= 4; done++) {
      await daemon.published(1);
      expect(await daemon.order(name, done % 2 === 0 ? 'pause' : 'restart')).toMatchObject({ kind: 'done' });
      if (done % 2 === 0) expect(await daemon.order(name, 'resume')).toMatchObject({ kind: 'done' });
    }
    await daemon.isCurrent();
    expect(await play.versions(relay, relay.topic(name))).toEqual(
      [0, 1, 2, 3, 4, 5].flatMap((version) => [version, version, version, version]),
    );
    expect(await relay.ledgerFaults(name)).toEqual([]);
  });

  test('looks for a new version when it is told to, and once a second at most', async () => {
    const { table, name } = play.table();
    await table.commit({ adds: [rowsFrom(0, 1)] });
    const relay = play.stage.another();
    let now = 0;
    const clock: Clock = { ...systemClock, random: () => 0, now: () => now };
    await using daemon = begin(relay, { feeds: [{ table: name }], clock, wait: async (signal) => systemClock.sleep(Infinity, signal) });
    await daemon.isCurrent();
    await table.commit({ adds: [rowsFrom(10, 1)] });
    expect(await daemon.order(name, 'poll')).toEqual({ kind: 'done', sentence: 'It looks for a new version now.' });
    await daemon.published(2);
    now = 400;
    expect(await daemon.order(name, 'poll')).toEqual({ kind: 'too_soon', retryAfterMs: 600 });
    now = 1_000;
    expect(await daemon.order(name, 'poll')).toMatchObject({ kind: 'done' });
  });

  test('waits out no backoff when it is restarted, and no probe when it is resumed', async () => {
    const { table, name } = play.table();
    await table.commit({ adds: [rowsFrom(0, 1)] });
    const relay = play.stage.another();
    let failure: Failure | null = new Failure('provider.unavailable', 'the provider answers 503');
    const source: Source = {
      ...play.shared.source,
      latestVersion: async (of, signal) => {
        if (failure !== null) throw failure;
        return play.shared.source.latestVersion(of, signal);
      },
    };
    // Whoever waits by itself waits for ever; a transaction has its time.
    const clock: Clock = {
      ...systemClock,
      random: () => 0.5,
      sleep: async (ms, signal) => systemClock.sleep(ms === 20_000 ? ms : Infinity, signal),
    };
    await using daemon = begin(relay, { feeds: [{ table: name, start: { kind: 'version', version: 0 } }], source, clock });
    await daemon.is('retrying');
    expect(daemon.control().feeds()[0]?.here?.nextTryAt).toBeGreaterThan(0);
    failure = new Failure('provider.forbidden', 'the provider answers 403');
    expect(await daemon.order(name, 'restart')).toMatchObject({ kind: 'done' });
    await daemon.is('parked');
    expect(await daemon.order(name, 'poll')).toMatchObject({ kind: 'refused' });
    failure = null;
    expect(await daemon.order(name, 'resume')).toMatchObject({ kind: 'done' });
    await daemon.published(1);
    expect(await play.versions(relay, relay.topic(name))).toEqual([0]);
  });

  test('is not resumed while its consumers cannot be told: the order is given up, and stays to be given again', async () => {
    const { table, name } = play.table();
    await table.commit({ adds: [rowsFrom(0, 1)] });
    const relay = play.stage.another();
    const open = CONNECTORS.registries.topic.open({ read: (request, signal) => relay.publisher.read(request, signal) });
    let isDown = false;
    let asked = 0;
    const registry: SchemaRegistry = {
      ensure: async (request, signal) => {
        if (!isDown) return open.ensure(request, signal);
        asked++;
        throw new Failure('registry.unreachable', 'nobody answers');
      },
      look: (signal) => open.look(signal),
      foresee: (request, signal) => open.foresee(request, signal),
      topics: (recipient) => open.topics(recipient),
      resolve: (recipient, payload, signal) => open.resolve(recipient, payload, signal),
    };
    await using daemon = begin(relay, { feeds: [{ table: name }], registry, framing: 'guid' });
    await daemon.published(1);
    expect(await daemon.order(name, 'pause')).toMatchObject({ kind: 'done' });
    isDown = true;
    expect(await daemon.order(name, 'resume')).toMatchObject({ kind: 'refused' });
    expect(asked).toBe(1);
    await daemon.is('paused');
    // Whoever asks may not wait to hear of it.
    expect(await daemon.order(name, 'resume', AbortSignal.abort())).toMatchObject({ kind: 'accepted' });
    await daemon.tells('an order that was accepted is not carried out: see how the feed stands');
    await daemon.is('paused');
    isDown = false;
    expect(await daemon.order(name, 'resume')).toMatchObject({ kind: 'done' });
    await daemon.is('running');
  });

  test('is seen from another replica, with who has it and where that one answers, and takes its orders there alone', async () => {
    const { table, name } = play.table();
    await table.commit({ adds: [rowsFrom(0, 1)] });
    const relay = play.stage.another();
    await using owner = begin(relay, { feeds: [{ table: name }], owner: 'host/1', http: 'http://10.0.0.1:9464' });
    await owner.published(1);
    await using other = begin(relay, { feeds: [{ table: name }], owner: 'host/2', membership: standingBy });
    expect(await other.order(name, 'pause')).toEqual({ kind: 'elsewhere' });
    const { checkpoints, owners } = await other.control().others(never);
    expect(checkpoints.get(relay.feed(name))).toMatchObject({ state: 'running', position: { version: 1 } });
    expect(owners.get(0)).toMatchObject({ name: 'host/1', http: 'http://10.0.0.1:9464' });
    expect(await other.order('no such', 'pause')).toEqual({ kind: 'unknown' });
  });

  test('that left the config is told of as an orphan, wherever its partition is', async () => {
    const { table, name } = play.table();
    const { table: goneTable, name: gone } = play.table();
    for (const one of [table, goneTable]) await one.commit({ adds: [rowsFrom(0, 1)] });
    const relay = play.stage.another();
    const orphan = relay.feed(gone);
    expect(await relay.outcomes({ source: play.shared.source, feeds: [{ table: gone }] })).toEqual({ [gone]: 'done' });
    await using owner = begin(relay, { feeds: [{ table: name }] });
    await owner.published(1);
    expect([...owner.control().orphans.keys()]).toEqual([orphan]);
    await using other = begin(relay, { feeds: [{ table: name }], membership: standingBy });
    expect(await other.order(name, 'pause')).toEqual({ kind: 'elsewhere' });
    expect([...(await other.control().others(never)).checkpoints.keys()]).toContain(orphan);
    expect([relay.feed(name), orphan].map((feed) => other.control().isKnown(feed))).toEqual([true, false]);
  });

  test('that left the config is told of where its partition has no other feed', async () => {
    const partitions = 2;
    const relay = play.stage.another();
    const placeOf = ({ name }: ReturnType<Playground['table']>): number => checkpointPartition(relay.feed(name), partitions);
    const left = play.table();
    let stays = play.table();
    while (placeOf(stays) === placeOf(left)) stays = play.table();
    for (const { table } of [left, stays]) await table.commit({ adds: [rowsFrom(0, 1)] });
    const options = { source: play.shared.source, checkpointPartitions: partitions };
    expect(await relay.outcomes({ ...options, feeds: [{ table: left.name }] })).toEqual({ [left.name]: 'done' });
    await using daemon = begin(relay, { ...options, feeds: [{ table: stays.name }] });
    await daemon.published(1);
    expect([...daemon.control().orphans.keys()]).toEqual([relay.feed(left.name)]);
  });

  /** A relay that runs until it is disposed of. */
  function begin(relay: Relay, options: Omit<RunOptions, 'source'> & { readonly source?: Source }): Daemon {
    return new Daemon(relay, { source: play.shared.source, ...options });
  }
});

/** A group that gives everything to somebody else. */
const standingBy: Membership = {
  join: () => ({ joined: Promise.resolve(), isConfirmed: true, announce: () => {}, leave: async () => {} }),
};

class Daemon implements AsyncDisposable {
  readonly states: FeedState[] = [];
  /** Warnings. */
  readonly told: string[] = [];
  readonly #relay: Relay;
  readonly #stopping = new AbortController();
  readonly #ended: Promise<unknown>;
  #control: FeedControl | null = null;
  #published = 0;
  #lag: number | null = null;
  #changed = Promise.withResolvers<void>();

  constructor(relay: Relay, options: RunOptions) {
    this.#relay = relay;
    const told = (work: () => void): void => {
      work();
      this.#changed.resolve();
      this.#changed = Promise.withResolvers();
    };
    const telemetry: Telemetry = {
      ...quiet,
      log: (level, message) => level === 'warn' && told(() => this.told.push(message)),
      feedState: (_, state) => told(() => this.states.push(state)),
      published: () => told(() => this.#published++),
      lag: (_, versions) => told(() => (this.#lag = versions)),
    };
    const onControl = (control: FeedControl): void => told(() => (this.#control = control));
    this.#ended = relay.run({ ...options, forEver: true, stopping: this.#stopping.signal, telemetry, onControl });
    this.#ended.catch(() => this.#changed.resolve());
  }

  control(): FeedControl {
    return must(this.#control, 'the control');
  }

  /** Resolves when so many transactions of rows are committed, from here on. */
  async published(more: number): Promise<void> {
    await this.#until(() => this.#published >= more);
    this.#published -= more;
  }

  async tells(warning: string): Promise<void> {
    await this.#until(() => this.told.includes(warning));
  }

  async is(state: FeedState): Promise<void> {
    await this.#until(() => this.states.at(-1) === state);
  }

  async isCurrent(): Promise<void> {
    await this.#until(() => this.#lag === 0);
  }

  async order(table: string, order: FeedOrder, signal: AbortSignal = never): Promise<OrderAnswer> {
    await this.#until(() => this.#control !== null);
    return this.control().order(this.#relay.feed(table), order, signal);
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await Promise.race([this.#changed.promise, this.#ended]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort(new Error('the test has seen enough'));
    await this.#ended;
  }
}
