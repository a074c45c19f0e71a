/**
 * Tables that come by a pattern: they join and vanish while the relay runs, on a real Kafka and a real provider. Listings are let through one by one.
 */
import { rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { must } from '../../src/lib/assert.ts';
import { Failure } from '../../src/model/failure.ts';
import type { FeedId } from '../../src/model/feed.ts';
import type { Publisher } from '../../src/ports/publisher.ts';
import type { Source } from '../../src/ports/source.ts';
import type { Telemetry } from '../../src/ports/telemetry.ts';
import { checkpointPartition } from '../../src/relay/checkpoint.ts';
import type { Outcome } from '../../src/relay/supervisor.ts';
import { describeKafka, uniqueName } from '../kafka/use-kafka.ts';
import { listener } from './in-process.ts';
import type { FeedToRun, PatternToRun, Relay, RunOptions } from './in-process.ts';
import { Playground } from './playground.ts';
import { SmallTable, rowsFrom } from './small-table.ts';

/** How one listing goes. */
type Way =
  /** As the provider gives it. */
  | 'whole'
  /** It fails behind its first table. */
  | 'cut'
  /** Complete, and without a table that is there. */
  | 'empty';

/** The real source, whose listings go as `ways` says, one after the other; then whole. */
function listingIn(real: Source, ways: Way[]): Source {
  return {
    ...real,
    async *tables(scope, signal) {
      const way = ways.shift() ?? 'whole';
      if (way === 'empty') return;
      for await (const table of real.tables(scope, signal)) {
        yield table;
        if (way === 'cut') throw new Failure('provider.truncated', 'the listing is cut');
      }
      if (way === 'cut') throw new Failure('provider.truncated', 'the listing is cut');
    },
  };
}

/** A relay that runs on until it is stopped, and whose source is listed when the test says so. */
class Daemon implements AsyncDisposable {
  readonly heard = listener();
  readonly #stopping = new AbortController();
  readonly #outcomes: Promise<ReadonlyMap<FeedId, Outcome>>;
  #waiters: { readonly isSo: () => boolean; readonly resolve: () => void }[] = [];
  #release: (() => void) | null = null;

  constructor(relay: Relay, options: Pick<RunOptions, 'source' | 'patterns'> & Partial<RunOptions>) {
    const telemetry = new Proxy<Telemetry>(this.heard.telemetry, {
      get:
        (target, name: keyof Telemetry) =>
        (...told: readonly unknown[]) => {
          Reflect.apply(target[name], target, told);
          this.#look();
        },
    });
    this.#outcomes = relay.run({
      feeds: [],
      forEver: true,
      checkpointPartitions: 4,
      telemetry,
      stopping: this.#stopping.signal,
      listAgain: (signal) => this.#turn(signal),
      ...options,
    });
    this.#outcomes.catch(() => {});
  }

  /** Resolves once it is so; looked at whenever the relay tells something. */
  async until(isSo: () => boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiters.push({ isSo, resolve });
    this.#look();
    await Promise.race([promise, this.#outcomes]);
  }

  /** Lets the source be listed, and resolves when what follows from it has been done. */
  async list(): Promise<void> {
    await this.until(() => this.#release !== null);
    this.#release?.();
    this.#release = null;
    await this.until(() => this.#release !== null);
  }

  /** Versions of the feed that were published by this daemon. */
  versions(feed: FeedId): number {
    return this.heard.published.filter((chunk) => chunk.feed === feed).reduce((sum, { versions }) => sum + versions, 0);
  }

  stateOf(feed: FeedId): string | undefined {
    return this.heard.states.findLast(([id]) => id === feed)?.[1];
  }

  failureOf(feed: FeedId): string | undefined {
    const failure = this.heard.failures.findLast(([id]) => id === feed)?.[1];
    return failure === undefined ? undefined : `${failure.code}: ${failure.message}`;
  }

  async stop(): Promise<ReadonlyMap<FeedId, Outcome>> {
    this.#stopping.abort(new Error('the test stops it'));
    return this.#outcomes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #turn(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    this.#release = resolve;
    this.#look();
    return promise;
  }

  #look(): void {
    const met = this.#waiters.filter(({ isSo }) => isSo());
    this.#waiters = this.#waiters.filter((waiter) => !met.includes(waiter));
    for (const { resolve } of met) resolve();
  }
}

await describeKafka('tables that come by a pattern', (brokers) => {
  let play: Playground;
  beforeAll(async () => {
    play = await Playground.open(brokers);
  });
  afterAll(async () => play[Symbol.asyncDispose]());

  /** A table of this name with so many versions of two rows. */
  async function tableOf(name: string, versions: number, tableId = `${name}-id`): Promise<SmallTable> {
    const table = new SmallTable(play.folder, name);
    for (let version = 0; version < versions; version++)
      await table.commit({ ...(version === 0 ? { tableId } : {}), adds: [rowsFrom(version * 10, 2)] });
    return table;
  }

  /** The table is shared no more; gives how to share it again. */
  async function hide(table: SmallTable): Promise<() => Promise<void>> {
    const away = join(tmpdir(), uniqueName('hidden'));
    await rename(table.folder, away);
    return async () => rename(away, table.folder);
  }

  function daemon(relay: Relay, tables: string, ways: Way[] = []): Daemon {
    return new Daemon(relay, { source: listingIn(play.shared.source, ways), patterns: [{ tables }] });
  }

  async function outcomes(
    relay: Relay,
    patterns: readonly PatternToRun[],
    feeds: readonly FeedToRun[] = [],
    source?: Source,
  ): Promise<Readonly<Record<string, string>>> {
    const all = await relay.run({ source: source ?? play.shared.source, feeds, patterns, checkpointPartitions: 4, retryTimeoutMs: 0 });
    return Object.fromEntries(
      [...all].map(([feed, outcome]) => [
        feed.replace(/^.*[./]/, ''),
        outcome.kind === 'parked' || outcome.kind === 'failing'
          ? `${outcome.kind} ${outcome.failure.code}: ${outcome.failure.message.replaceAll(relay.recipient, 'R')}`
          : outcome.kind,
      ]),
    );
  }

  test('join while the relay runs, whether their checkpoint partition is held or not', async () => {
    const relay = play.stage.another();
    await using running = daemon(relay, 'Join_*');
    await running.list();
    expect(running.heard.states).toEqual([]);

    const names = Array.from({ length: 8 }, (_, i) => `join_${i}`);
    for (const name of names.slice(0, 4)) await tableOf(name, 2);
    await running.list();
    await running.until(() => names.slice(0, 4).every((name) => running.versions(relay.feed(name)) === 2));
    for (const name of names.slice(4)) await tableOf(name, 2);
    await running.list();
    await running.until(() => names.every((name) => running.versions(relay.feed(name)) === 2));

    expect((await running.stop()).size).toBe(8);
    expect(await play.versions(relay, relay.topic('join_7'))).toEqual([0, 0, 1, 1]);
    expect(running.heard.lines.filter((line) => line.startsWith('info table joins'))).toHaveLength(8);
  });

  test('do not end the relay when their partition may not be claimed', async () => {
    const relay = play.stage.another();
    await tableOf('right_a', 1);
    let refused: number | null = null;
    const publisher: Publisher = {
      admin: relay.publisher.admin,
      read: (request, signal) => relay.publisher.read(request, signal),
      claim: async (request, signal) => {
        if (request.partition !== refused) return relay.publisher.claim(request, signal);
        refused = null;
        throw new Failure('kafka.unauthorized', 'the transactional id may not be written');
      },
      [Symbol.asyncDispose]: async () => {},
    };
    const held = checkpointPartition(relay.feed('right_a'), 4);
    const name = must(
      ['right_b', 'right_c', 'right_d', 'right_e', 'right_f', 'right_g'].find(
        (other) => checkpointPartition(relay.feed(other), 4) !== held,
      ),
      'a table elsewhere',
    );
    const ready = Promise.withResolvers<void>();
    await using running = new Daemon(relay, {
      source: play.shared.source,
      patterns: [{ tables: 'right_*' }],
      publisher,
      onAttempted: ready.resolve,
    });
    await ready.promise;
    refused = checkpointPartition(relay.feed(name), 4);
    await tableOf(name, 1);
    await running.list();
    await running.until(() => running.versions(relay.feed(name)) === 1);
    expect([refused, running.heard.lines.filter((line) => line.includes('claim lost')).length]).toEqual([null, 1]);
  });

  test('vanish after three complete listings and a 404, leave no trace but their checkpoint, and go on from it when they come back', async () => {
    const relay = play.stage.another();
    const table = await tableOf('gone', 2);
    await tableOf('gone_not', 1);
    const feed = relay.feed('gone');
    // The listing that is cut is followed by another at once: it was no listing.
    const ways: Way[] = ['whole', 'whole', 'cut', 'whole', 'whole'];
    const source = listingIn(play.shared.source, ways);
    await using running = new Daemon(relay, { source, patterns: [{ tables: 'gone*' }], checkpointPartitions: 1 });
    await running.until(() => running.versions(feed) === 2 && running.versions(relay.feed('gone_not')) === 1);
    const back = await hide(table);
    await running.list();
    await running.list();
    expect([running.heard.states.filter(([, state]) => state === 'gone'), ways]).toEqual([[], ['whole']]);
    await running.list();
    expect(running.stateOf(feed)).toBe('gone');
    expect(running.heard.lines.filter((line) => line.includes('vanishes'))).toEqual([
      `info table vanishes: it is listed no more and unknown to the provider; its checkpoint stays {"feed":"${feed}"}`,
    ]);
    expect((await relay.checkpoint('gone')).position.version).toBe(2);

    await back();
    await table.commit({ adds: [rowsFrom(20, 2)] });
    await running.list();
    await running.until(() => running.versions(feed) === 3);
    await running.stop();
    expect(await play.versions(relay, relay.topic('gone'))).toEqual([0, 0, 1, 1, 2, 2]);
    // Its partition has kept its claim.
    expect(running.heard.lines.filter((line) => line.includes('claim'))).toEqual([]);
    expect(running.stateOf(relay.feed('gone_not'))).toBe('running');
  });

  test('stay when listings are without them now and then, and when they answer though they are not listed', async () => {
    const relay = play.stage.another();
    const table = await tableOf('flicker', 1);
    const ways: Way[] = ['whole', 'empty', 'empty', 'whole', 'empty', 'empty', 'empty', 'empty'];
    await using running = daemon(relay, 'flicker', ways);
    await running.until(() => running.versions(relay.feed('flicker')) === 1);
    while (ways.length > 0) await running.list();
    await table.commit({ adds: [rowsFrom(10, 2)] });
    await running.until(() => running.versions(relay.feed('flicker')) === 2);
    expect(running.heard.states.filter(([, state]) => state === 'gone')).toEqual([]);
    expect(running.heard.lines.filter((line) => line.includes('still answers'))).toHaveLength(1);
  });

  test('are gone only when the three listings follow one another', async () => {
    const relay = play.stage.another();
    const table = await tableOf('blink', 1);
    const feed = relay.feed('blink');
    await using running = daemon(relay, 'blink');
    await running.until(() => running.versions(feed) === 1);
    for (const listings of [2, 2, 3]) {
      const back = await hide(table);
      for (let i = 0; i < listings; i++) await running.list();
      expect(running.stateOf(feed) === 'gone').toBe(listings === 3);
      await back();
      await running.list();
    }
    await running.until(() => running.stateOf(feed) === 'running');
  });

  test('that were made anew under the same name park, as any table does', async () => {
    const relay = play.stage.another();
    const table = await tableOf('again', 3);
    const feed = relay.feed('again');
    await using running = daemon(relay, 'again');
    await running.until(() => running.versions(feed) === 3);
    await hide(table);
    for (let i = 0; i < 3; i++) await running.list();
    expect(running.stateOf(feed)).toBe('gone');
    await tableOf('again', 1, 'another-id');
    await running.list();
    await running.until(() => running.stateOf(feed) === 'parked');
    expect(running.failureOf(feed)).toContain('table.recreated: local.default.again is another table than before');
  });

  test('trap 40: are the same feed and topic in whatever case the provider spells them', async () => {
    const relay = play.stage.another();
    const table = await tableOf('spelled', 1);
    const shouting: Source = {
      ...play.shared.source,
      async *tables(scope, signal) {
        for await (const { share, schema, table: name } of play.shared.source.tables(scope, signal)) {
          yield { share: share.toUpperCase(), schema, table: name.toUpperCase() };
          yield { share, schema, table: name.toUpperCase() };
        }
      },
    };
    const patterns = [{ tables: 'SPELLE?' }];
    expect(await outcomes(relay, patterns)).toEqual({ spelled: 'done' });
    await table.commit({ adds: [rowsFrom(10, 2)] });
    expect(await outcomes(relay, patterns, [], shouting)).toEqual({ spelled: 'done' });
    expect(await play.versions(relay, relay.topic('spelled'))).toEqual([0, 0, 1, 1]);
  });

  test('are looked for in those shares and schemas alone that a pattern can match', async () => {
    const relay = play.stage.another();
    for (const name of ['scope_a', 'scope_b']) await tableOf(name, 1);
    const before = play.shared.provider.requests.length;
    const asked: string[] = [];
    const source: Source = {
      ...play.shared.source,
      tables: (scope, signal) => {
        const shares = ['local', 'LOCAL', 'elsewhere'].filter((share) => scope.share(share));
        asked.push(...shares, ...['Default', 'other'].filter((schema) => scope.schema('LOCAL', schema)));
        return play.shared.source.tables(scope, signal);
      },
    };
    expect(await outcomes(relay, [{ tables: 'scope_*' }], [], source)).toEqual({ scope_a: 'done', scope_b: 'done' });
    expect(asked).toEqual(['local', 'LOCAL', 'Default']);
    expect(play.shared.provider.requests.slice(before).filter(({ route }) => route === 'list')).toHaveLength(3);
  });

  test('leave a topic to the entry that names its table, and keep clear of the topics of the relay', async () => {
    const relay = play.stage.another();
    for (const name of ['clash_a', 'clash_b', 'commits']) await tableOf(name, 1);
    const named = { table: 'clash_b', topic: relay.topic('clash.a') };
    expect(await outcomes(relay, [{ tables: 'c*' }], [named])).toEqual({
      clash_a:
        'parked topic.taken: the topic of R/acme/local.default.clash_a is R.clash_a, which Kafka cannot tell from R.clash.a: it is the topic of R/acme/local.default.clash_b',
      clash_b: 'done',
      commits:
        'parked topic.reserved: the topic of R/acme/local.default.commits is R.commits, which the relay itself writes for recipient `R`',
    });
    expect((await relay.checkpoint('clash_a')).failure?.code).toBe('topic.taken');
  });

  test('of one topic: the first by its name has it, but for one that has begun; over restarts too', async () => {
    const patterns = [{ tables: 'one_*', topic: '{recipient}.same' }];
    const relay = play.stage.another();
    for (const name of ['one_b', 'one_c']) await tableOf(name, 1);
    const taken = (name: string): string =>
      `parked topic.taken: the topic of R/acme/local.default.${name} is R.same: it is the topic of R/acme/local.default.one_b`;
    const first = { one_b: 'done', one_c: taken('one_c') };
    expect([await outcomes(relay, patterns), await outcomes(relay, patterns)]).toEqual([first, first]);
    await tableOf('one_a', 1);
    const later = { one_a: taken('one_a'), ...first };
    expect([await outcomes(relay, patterns), await outcomes(relay, patterns)]).toEqual([later, later]);
    expect(await play.versions(relay, `${relay.recipient}.same`)).toEqual([0, 0]);
  });

  test('until current: a source that cannot be listed has an outcome for each pattern, and the other feeds end well', async () => {
    const relay = play.stage.another();
    await tableOf('named', 1);
    const refusing = (code: 'provider.unauthorized' | 'provider.unavailable'): Source => ({
      ...play.shared.source,
      // oxlint-disable-next-line require-yield -- it never gets as far
      async *tables() {
        throw new Failure(code, 'no listing');
      },
    });
    const feeds = [{ table: 'named' }];
    expect(await outcomes(relay, [{ tables: 'x*' }, { tables: 'y' }], feeds, refusing('provider.unavailable'))).toEqual({
      named: 'done',
      'x*': 'failing provider.unavailable: no listing',
      y: 'failing provider.unavailable: no listing',
    });
    expect(await outcomes(relay, [{ tables: '*' }], feeds, refusing('provider.unauthorized'))).toEqual({
      named: 'done',
      '*': 'parked provider.unauthorized: no listing',
    });
  });

  test('until current: a feed that joins when those of its partition are done is run all the same', async () => {
    const relay = play.stage.another();
    for (const name of ['early', 'tardy']) await tableOf(name, 1);
    const done = Promise.withResolvers<void>();
    const heard = listener();
    const telemetry: Telemetry = { ...heard.telemetry, feedState: (_, state) => state === 'done' && done.resolve() };
    const source: Source = {
      ...play.shared.source,
      async *tables(scope, signal) {
        await done.promise;
        yield* play.shared.source.tables(scope, signal);
      },
    };
    const all = await relay.run({
      source,
      feeds: [{ table: 'early' }],
      patterns: [{ tables: 'tard*' }],
      checkpointPartitions: 1,
      telemetry,
    });
    expect([...all.values()]).toEqual([{ kind: 'done' }, { kind: 'done' }]);
  });

  test('until current: the first complete listing is waited for, and one that matches nothing is told', async () => {
    const relay = play.stage.another();
    await tableOf('late', 1);
    const ways: Way[] = ['cut', 'cut'];
    const heard = listener();
    const patterns = [{ tables: 'lat?' }, { tables: 'never*' }];
    const source = listingIn(play.shared.source, ways);
    const all = await relay.run({ source, feeds: [], patterns, telemetry: heard.telemetry });
    expect([[...all], ways]).toEqual([[[relay.feed('late'), { kind: 'done' }]], []]);
    expect(heard.listings).toEqual(['acme failed', 'acme failed', 'acme complete']);
    expect(heard.lines.filter((line) => /cannot be listed|listed again|comes by/.test(line))).toEqual([
      'warn the tables cannot be listed, so none joins: the listing is cut {"source":"acme","code":"provider.truncated","remedy":"The answer was cut: if it lasts, look for a proxy between here and the provider that limits time or size."}',
      'debug the tables cannot be listed, so none joins: the listing is cut {"source":"acme","code":"provider.truncated","remedy":"The answer was cut: if it lasts, look for a proxy between here and the provider that limits time or size."}',
      'info tables are listed again {"source":"acme"}',
      `warn no table that the provider lists comes by the pattern {"pattern":"${relay.feed('never*')}"}`,
    ]);
  });
});
