/**
 * What may happen to the topics under a relay: what is not as it left it parks the feed; what is wrong with the checkpoints themselves ends the relay (DESIGN §8).
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sleep } from '../../src/lib/abort.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { Failure } from '../../src/model/failure.ts';
import type { Checkpoint } from '../../src/model/position.ts';
import type { Publisher, TopicAdmin } from '../../src/ports/publisher.ts';
import { acceptCheckpoint, checkpointPartition, resetCheckpoint } from '../../src/relay/checkpoint.ts';
import { describeKafka } from '../kafka/use-kafka.ts';
import { Step, failingPublisher } from './failing.ts';
import { listener } from './in-process.ts';
import type { Relay, RunOptions } from './in-process.ts';
import { Playground } from './playground.ts';
import { rowsFrom } from './small-table.ts';

await describeKafka('a relay whose topics are not as it left them', (brokers) => {
  let play: Playground;
  beforeAll(async () => {
    play = await Playground.open(brokers);
  });
  afterAll(async () => play[Symbol.asyncDispose]());

  /** A relay that has published versions 0 and 1 of a table. */
  async function published(): Promise<{ relay: Relay; name: string; topic: string; table: ReturnType<Playground['table']>['table'] }> {
    const { table, name } = play.table();
    for (const first of [1, 5]) await table.commit({ adds: [rowsFrom(first, 4)] });
    const relay = play.stage.another();
    expect(await play.outcome(relay, { table: name })).toBe('done');
    return { relay, name, topic: relay.topic(name), table };
  }

  function withAdmin(publisher: Publisher, admin: Partial<TopicAdmin>): Publisher {
    const real = publisher.admin;
    return {
      admin: {
        reach: (signal) => real.reach(signal),
        describe: (topic, signal) => real.describe(topic, signal),
        create: (specs, signal) => real.create(specs, signal),
        config: (topic, signal) => real.config(topic, signal),
        offsets: (topic, signal) => real.offsets(topic, signal),
        firstCommitted: (topic, partition, from, signal) => real.firstCommitted(topic, partition, from, signal),
        look: (topics, signal) => real.look(topics, signal),
        lookAtCluster: (settings, group, signal) => real.lookAtCluster(settings, group, signal),
        rehearse: (spec, signal) => real.rehearse(spec, signal),
        lookAtTransactions: (id, signal) => real.lookAtTransactions(id, signal),
        tails: (topics, signal) => real.tails(topics, signal),
        ...admin,
      },
      claim: (request, signal) => publisher.claim(request, signal),
      read: (request, signal) => publisher.read(request, signal),
      [Symbol.asyncDispose]: async () => {},
    };
  }

  test('a topic that holds records nobody knows of is not written to, unless it is adopted', async () => {
    const { table, name } = play.table();
    await table.commit({ adds: [rowsFrom(1, 2)] });
    const relay = play.stage.another();
    const topic = relay.topic(name);
    await play.create(topic, 1);
    await play.intrude(topic, 0);
    const told = `parked topic.not_empty: topic ${topic} holds records, and no checkpoint says that ${relay.feed(name)} wrote them`;
    expect(await play.outcome(relay, { table: name })).toBe(told);
    const parked = await relay.checkpoint(name);
    expect(parked).toMatchObject({ state: 'new', failure: { code: 'topic.not_empty' } });
    expect(await play.outcome(relay, { table: name })).toBe(told);
    expect(await relay.checkpoint(name)).toEqual(parked);
    expect(await play.outcome(relay, { table: name, adopt: true })).toBe('done');
    expect(await relay.checkpoint(name)).toMatchObject({ state: 'running', open: { nextOffsets: { 0: 3 } } });
    expect(await play.outcome(relay, { table: name })).toBe('done');
  });

  test('records of somebody else behind ours park the feed; accepted, it goes on behind them', async () => {
    const { relay, name, topic, table } = await published();
    const { open } = await relay.checkpoint(name);
    const [partition = '0'] = Object.entries(open?.nextOffsets ?? {}).find(([, next]) => next > 0) ?? [];
    await play.intrude(topic, Number(partition));
    await table.commit({ adds: [rowsFrom(9, 1)] });
    expect(await play.outcome(relay, { table: name })).toMatch(
      new RegExp(`^parked topic\\.foreign: partition ${partition} of ${topic} holds a record at \\d+ that is not the relay's$`),
    );
    await relay.operate(name, acceptCheckpoint);
    expect(await play.outcome(relay, { table: name })).toBe('done');
    expect(await play.outcome(relay, { table: name })).toBe('done');
    expect(await relay.checkpoint(name)).toMatchObject({ state: 'running', position: { version: 3 } });
  });

  test('a topic that was deleted and made again parks the feed; accepted, it goes on in it', async () => {
    const { relay, name, topic, table } = await published();
    await table.commit({ adds: [rowsFrom(9, 1)] });
    await play.administer(async (admin) => {
      await admin.deleteTopics({ topics: [topic] });
      while ((await admin.listTopics()).includes(topic)) await admin.listTopics();
    });
    await play.create(topic, 2);
    expect(await play.outcome(relay, { table: name })).toMatch(
      /^parked topic\.recreated: topic .* was deleted and made again: its id is .{22}, and was .{22}$/,
    );
    await relay.operate(name, acceptCheckpoint);
    expect(await play.outcome(relay, { table: name })).toBe('done');
    expect(await play.versions(relay, topic)).toEqual([2]);
  });

  test('a topic that was deleted is made again, and is then another one', async () => {
    const { relay, name, topic } = await published();
    await play.administer(async (admin) => {
      await admin.deleteTopics({ topics: [topic] });
      while ((await admin.listTopics()).includes(topic)) await admin.listTopics();
    });
    expect(await play.outcome(relay, { table: name })).toMatch(/^parked topic\.recreated: /);
  });

  test('a topic that ends before what was acknowledged parks the feed', async () => {
    const { relay, name, topic } = await published();
    const offsets: TopicAdmin['offsets'] = async (asked, signal) => {
      const real = await relay.publisher.admin.offsets(asked, signal);
      return asked === topic ? real.map(({ start }) => ({ start, end: start })) : real;
    };
    const publisher = withAdmin(relay.publisher, { offsets });
    expect(await play.outcome(relay, { table: name }, { publisher })).toMatch(
      new RegExp(`^parked topic\\.lost: partition [01] of ${topic} ends at 0, and 8 was acknowledged$`),
    );
  });

  test('partitions that a topic has gained are not used', async () => {
    const { relay, name, topic, table } = await published();
    await play.grow(relay, topic, 5);
    await table.commit({ adds: [rowsFrom(9, 1)] });
    expect(await play.outcome(relay, { table: name })).toBe('done');
    expect(await relay.checkpoint(name)).toMatchObject({ partitions: 2, position: { version: 3 } });
    expect(new Set((await relay.changes(topic)).map(({ partition }) => partition)).size).toBe(1);
  });

  test('a topic that is missing, and must not be made, holds up its own feed alone', async () => {
    const { table, name } = play.table();
    await table.commit({ adds: [rowsFrom(1, 2)] });
    const relay = play.stage.another();
    const others = [`${relay.recipient}.schemas`, `${relay.recipient}.commits`, relay.topic('steady')];
    for (const other of others) await play.create(other, 1);
    expect(await play.outcome(relay, { table: name }, { topics: { create: false }, retryTimeoutMs: 0 })).toBe(
      `failing topic.missing: topic ${relay.topic(name)} of ${relay.feed(name)} does not exist: ` +
        `kafka-topics.sh --create --topic ${relay.topic(name)} --partitions 2`,
    );
  });

  test('a right that one topic lacks holds up its own feed alone', async () => {
    const { table, name } = play.table();
    await table.commit({ adds: [rowsFrom(1, 2)] });
    const relay = play.stage.another();
    const refusing = withAdmin(relay.publisher, {
      config: async (topic, signal) => {
        if (topic === relay.topic(name)) throw new Failure('kafka.unauthorized', `the right DescribeConfigs on topic ${topic} is lacking`);
        return relay.publisher.admin.config(topic, signal);
      },
    });
    expect(await play.outcome(relay, { table: name }, { publisher: refusing, retryTimeoutMs: 0 })).toMatch(
      /^failing kafka\.unauthorized: /,
    );
  });

  test('a right that the claim itself lacks ends the relay', async () => {
    const relay = play.stage.another();
    const refused = new Failure('kafka.unauthorized', 'the rights Write and Describe on the transactional id are lacking');
    const publisher = { ...withAdmin(relay.publisher, {}), claim: () => Promise.reject(refused) };
    await expect(play.outcome(relay, { table: 'steady' }, { publisher })).rejects.toBe(refused);
  });

  /** Gives the oldest checkpoint of a feed instead of the latest from the second claim on, as brokers do that lost what they acknowledged. */
  function forgetful(relay: Relay, name: string, isOver: () => boolean): Publisher {
    let claims = 0;
    return {
      ...withAdmin(relay.publisher, {}),
      claim: async (request, signal) => {
        const claim = await relay.publisher.claim(request, signal);
        claims++;
        if (claims === 1 || isOver()) return claim;
        const [oldest] = await relay.checkpoints(name);
        return { ...claim, records: new Map([...claim.records, [relay.feed(name), JSON.stringify(oldest)]]) };
      },
    };
  }

  /** A relay that had published versions 0 to 2 when its checkpoint went back to the start; of its transactions, the answer to that of version 3 was lost. */
  async function rolledBack(
    more: Partial<RunOptions>,
  ): Promise<{ relay: Relay; name: string; running: Promise<unknown>; parked: Promise<void>; told: string }> {
    const { table, name } = play.table();
    for (let version = 0; version < 5; version++) await table.commit({ adds: [rowsFrom(version * 10, 2)] });
    const relay = play.stage.another();
    const parked = Promise.withResolvers<void>();
    let isOver = false;
    const told = `the checkpoint of ${relay.feed(name)} has the number 1, and 4 was acknowledged`;
    const heard = listener();
    const feedState: typeof heard.telemetry.feedState = (feed, state) => {
      heard.telemetry.feedState(feed, state);
      if (state !== 'parked') return;
      isOver = true;
      parked.resolve();
    };
    // The claim's own transaction is the first, the resolved start the second.
    const publisher = failingPublisher(
      forgetful(relay, name, () => isOver),
      new Step(6, 'after', 'kafka.unknown', 'commit'),
    );
    const running = relay.outcomes({
      ...run(name),
      ...more,
      publisher,
      chunk: { timeMs: 0 },
      telemetry: { ...heard.telemetry, feedState },
    });
    return { relay, name, running, parked: parked.promise, told };
  }

  test('a checkpoint that went back parks the feed until somebody looks, whatever is claimed in between', async () => {
    const { relay, name, running, told } = await rolledBack({});
    expect(await running).toEqual({ [name]: `parked checkpoint.lost: ${told}` });
    const parked = await relay.checkpoint(name);
    expect(await relay.outcomes(run(name))).toEqual({ [name]: `parked checkpoint.lost: ${told}` });
    expect(await relay.checkpoint(name)).toEqual(parked);
    expect(await play.versions(relay, relay.topic(name))).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
    await relay.operate(name, resetCheckpoint);
    expect(await relay.outcomes(run(name))).toEqual({ [name]: 'done' });
    expect((await play.versions(relay, `${relay.topic(name)}.g2`)).length).toBe(10);
  });

  test('a relay that runs takes up by itself what an operator wrote', async () => {
    const stopping = new AbortController();
    const clock = new HurriedClock();
    const { relay, name, running, parked } = await rolledBack({ clock, forEver: true, stopping: stopping.signal });
    const until = async (fact: (last: Checkpoint | undefined) => boolean): Promise<void> => {
      while (!fact((await relay.checkpoints(name)).at(-1))) await sleep(20, AbortSignal.timeout(240_000));
    };
    await parked;
    clock.hurry();
    await until((last) => last?.failure?.code === 'checkpoint.lost');
    // In a hurry it would claim its partition again before the operator has written.
    clock.calm();
    await relay.operate(name, resetCheckpoint);
    clock.hurry();
    await until((last) => last?.generation === 2 && last.position.version === 5);
    stopping.abort(new Error('stop'));
    await running;
    expect((await play.versions(relay, `${relay.topic(name)}.g2`)).length).toBe(10);
  });

  /** A clock that goes as it should, unless it is hurried: then ten minutes take a second. */
  class HurriedClock implements Clock {
    #ahead = 0;
    #hurriedAt: number | null = null;

    hurry(): void {
      this.#hurriedAt = Date.now();
    }

    calm(): void {
      this.#ahead = this.now() - Date.now();
      this.#hurriedAt = null;
    }

    now(): number {
      return Date.now() + this.#ahead + (this.#hurriedAt === null ? 0 : (Date.now() - this.#hurriedAt) * 600);
    }

    async sleep(ms: number, signal: AbortSignal): Promise<void> {
      // A transaction keeps the time that it has.
      if (ms === 20_000) return sleep(ms, signal);
      const until = this.now() + ms;
      while (this.now() < until) await sleep(5, signal);
    }

    /** The longest of every jitter: whoever claims again at once leaves an operator no time to write. */
    random(): number {
      return 0.99;
    }
  }

  function run(name: string): RunOptions {
    return { feeds: [{ table: name }], source: play.shared.source };
  }

  test('a checkpoint of a later relay ends this one, and is left as it is', async () => {
    const { relay, name } = await published();
    const later = { ...(await relay.checkpoint(name)), v: 2 };
    await relay.write(0, relay.feed(name), JSON.stringify(later));
    await expect(relay.outcomes(run(name))).rejects.toMatchObject({
      code: 'checkpoint.version',
      message: `the checkpoint of ${relay.feed(name)} is not one of this relay's: v is 2, and this relay reads 1`,
    });
    expect(await relay.read(relay.feed(name))).toBe(JSON.stringify(later));
  });

  test('a checkpoint that stands where its key does not belong ends the relay', async () => {
    const { relay, name } = await published();
    const two = { ...run(name), checkpointPartitions: 2 };
    await play.grow(relay, `${relay.name}.checkpoints`, 2);
    const own = checkpointPartition(relay.feed(name), 2);
    const others = Array.from({ length: 9 }, (_, i) => `r/s/a.b.table${i}`);
    const stray = others.find((feed) => checkpointPartition(feed, 2) !== own) ?? '';
    for (const partition of [0, 1]) await relay.write(partition, '\0meta', JSON.stringify({ partitions: 2 }));
    await relay.write(own, stray, '{}');
    await expect(relay.outcomes(two)).rejects.toMatchObject({
      code: 'checkpoint.partitions',
      message: expect.stringMatching(
        /^the checkpoint of \S+ is in partition (0 of \S+, and belongs into 1|1 of \S+, and belongs into 0) of 2$/,
      ),
    });
  });

  test('another number of checkpoint partitions ends the relay with what it was', async () => {
    const { relay, name } = await published();
    const topic = `${relay.name}.checkpoints`;
    await expect(play.outcome(relay, { table: name }, { checkpointPartitions: 3 })).rejects.toMatchObject({
      code: 'checkpoint.partitions',
      message: `topic ${topic} has 1 partitions, and relay.checkpointPartitions is 3`,
    });
    await play.grow(relay, topic, 3);
    await expect(play.outcome(relay, { table: name }, { checkpointPartitions: 3 })).rejects.toMatchObject({
      code: 'checkpoint.partitions',
      message: expect.stringMatching(
        /^\S+ was begun with \{"partitions":1\}, and the config says \{"partitions":3\}$|^the checkpoint of \S+ is in partition 0/,
      ),
    });
  });

  test('without its checkpoint topic, a feed whose topic holds rows does not begin again; told where, it goes on', async () => {
    const { relay, name, topic, table } = await published();
    const checkpoints = `${relay.name}.checkpoints`;
    await play.administer(async (admin) => {
      await admin.deleteTopics({ topics: [checkpoints] });
      while ((await admin.listTopics()).includes(checkpoints)) await admin.listTopics();
    });
    const told = `topic.not_empty: topic ${topic} holds records, and no checkpoint says that ${relay.feed(name)} wrote them`;
    const outcomes = await relay.outcomes(run(name));
    expect(outcomes).toEqual({ [name]: `parked ${told}` });
    expect(await play.versions(relay, topic)).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
    await table.commit({ adds: [rowsFrom(9, 1)] });
    const feeds: RunOptions['feeds'] = [{ table: name, start: { kind: 'version', version: 2 }, adopt: true }];
    expect(await relay.outcomes({ ...run(name), feeds })).toEqual({ [name]: 'done' });
    expect(await play.versions(relay, topic)).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 2]);
  });

  test('a checkpoint topic that would be deleted ends the relay with the command that mends it', async () => {
    const relay = play.stage.another();
    const topic = `${relay.name}.checkpoints`;
    await play.create(topic, 1);
    await expect(play.outcome(relay, { table: 'steady' })).rejects.toMatchObject({
      code: 'checkpoint.settings',
      message: expect.stringContaining(`kafka-configs.sh --alter --topic ${topic} --add-config cleanup.policy=compact`),
    });
  });

  test('the topic of upsert is compacted and keeps tombstones for a week, unless the config says otherwise', async () => {
    const { table, name } = play.table();
    await table.commit({ adds: [rowsFrom(1, 4)] });
    const feed = { table: name, envelope: 'upsert', key: ['id'] } as const;
    const settings = async (relay: Relay): Promise<readonly unknown[]> => {
      const config = await relay.publisher.admin.config(relay.topic(name), AbortSignal.timeout(240_000));
      return [config['cleanup.policy'], config['delete.retention.ms']];
    };
    const { telemetry, lines } = listener();
    const ours = play.stage.another();
    expect(await play.outcome(ours, feed, { telemetry })).toBe('done');
    expect([await settings(ours), lines.filter((line) => line.includes('upsert'))]).toEqual([['compact', '604800000'], []]);

    const theirs = play.stage.another();
    const topics = { config: { 'cleanup.policy': 'delete', 'delete.retention.ms': '1000' } };
    expect(await play.outcome(theirs, feed, { telemetry, topics })).toBe('done');
    expect(await settings(theirs)).toEqual(['delete', '1000']);
    expect(lines.filter((line) => line.includes('upsert'))).toEqual([
      expect.stringContaining(`kafka-configs.sh --alter --topic ${theirs.topic(name)} --add-config cleanup.policy=compact`),
    ]);
  });

  test('another envelope is another contract', async () => {
    const { relay, name } = await published();
    expect(await play.outcome(relay, { table: name, envelope: 'debezium' })).toBe(
      `parked contract.changed: ${relay.feed(name)} would publish under another contract than before: its key or envelope changed, or how its schemas are named`,
    );
    expect(await play.outcome(relay, { table: name })).toBe('done');
  });
});
