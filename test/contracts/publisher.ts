/**
 * The exam of a Kafka driver, on a real broker: what DESIGN §8 rests on. Every test uses topics and transactional ids of its own, so the broker may be shared. The model of
 * test/model-broker takes it too.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, expect, test } from 'vitest';
import { must } from '../../src/lib/assert.ts';
import type { Claim, ControlRecord, Publisher, ReadRecord, Right } from '../../src/ports/publisher.ts';
import { uniqueName } from '../kafka/use-kafka.ts';
import { blockOf } from '../support/record-blocks.ts';

export type PublisherExam = {
  /** A publisher that gives a claim up after `claimTimeoutMs`. */
  readonly open: (settings: { readonly claimTimeoutMs: number }) => Publisher;
} & (
  | {
      readonly brokers: readonly string[];
      /** The driver's name in connectors/index.ts: a process of its own opens it by that. */
      readonly driver: string;
    }
  | {
      /** In the place of that process, which cannot reach a broker in memory: does what publisher-child.ts does, and is never heard of again. */
      readonly vanish: (data: string, checkpoints: string) => Promise<void>;
    }
);

const { signal } = new AbortController();
const COMMIT_MS = 20_000;

export function examPublisher(exam: PublisherExam): void {
  const publisher = exam.open({ claimTimeoutMs: 30_000 });
  const { admin } = publisher;
  afterAll(async () => {
    await publisher[Symbol.asyncDispose]();
    await publisher[Symbol.asyncDispose]();
  });

  /** A data topic and a checkpoint topic. */
  async function topics(partitions = 1): Promise<{ readonly data: string; readonly checkpoints: string }> {
    const data = uniqueName('data');
    const checkpoints = uniqueName('checkpoints');
    await admin.create(
      [
        { topic: data, partitions, replicationFactor: -1, config: {} },
        { topic: checkpoints, partitions, replicationFactor: -1, config: { 'cleanup.policy': 'compact' } },
      ],
      signal,
    );
    return { data, checkpoints };
  }

  const claim = (checkpoints: string, claimValue: string, partition = 0): Promise<Claim> =>
    publisher.claim({ transactionalId: `${checkpoints}.${partition}`, topic: checkpoints, partition, claimValue }, signal);

  async function committed(topic: string): Promise<readonly string[]> {
    const texts: string[] = [];
    for await (const record of publisher.read({ topic, partitions: null, untilEnd: true }, signal)) texts.push(shown(record));
    return texts;
  }

  test('a topic is missing until it is created, and is left as it is when it exists', async () => {
    const topic = uniqueName('made');
    expect(await admin.describe(topic, signal)).toBe(null);
    expect(await admin.describe(topic, signal)).toBe(null);
    const spec = { topic, partitions: 3, replicationFactor: -1, config: { 'cleanup.policy': 'compact', 'retention.ms': '-1' } };
    await Promise.all([admin.create([spec], signal), admin.create([spec], signal), admin.create([spec], signal)]);
    await admin.create([{ ...spec, partitions: 7, config: {} }], signal);
    const state = await admin.describe(topic, signal);
    expect(state).toEqual({ topic, topicId: state?.topicId, partitions: 3, replicationFactor: expect.any(Number) });
    expect(state?.topicId).toMatch(/^[\w-]{22}$/);
    expect(await admin.config(topic, signal)).toMatchObject({ 'cleanup.policy': 'compact', 'retention.ms': '-1' });
    expect(await admin.offsets(topic, signal)).toEqual(Array.from({ length: 3 }, () => ({ start: 0, end: 0 })));
    expect((await admin.reach(signal)).brokers).toBeGreaterThan(0);
  });

  test('questions about a missing topic name it', async () => {
    const topic = uniqueName('missing');
    await expect(admin.config(topic, signal)).rejects.toMatchObject({ code: 'topic.missing', message: `there is no topic ${topic}` });
    await expect(admin.offsets(topic, signal)).rejects.toMatchObject({ code: 'topic.missing', message: `there is no topic ${topic}` });
    await expect(committed(topic)).rejects.toMatchObject({ code: 'topic.missing', message: `there is no topic ${topic}` });
    await expect(claim(topic, 'v')).rejects.toMatchObject({ code: 'kafka.rejected', message: `there is no topic ${topic} to send to` });
    expect(await admin.describe(topic, signal)).toBe(null);
  });

  test('whoever watches sees topics with their settings and what may be done with them, and none that are missing', async () => {
    const { data, checkpoints } = await topics(2);
    const missing = uniqueName('missing');
    const looks = await admin.look([data, missing, checkpoints], signal);
    expect([...looks.keys()].toSorted()).toEqual([checkpoints, data].toSorted());
    expect(looks.get(data)?.state).toEqual(await admin.describe(data, signal));
    expect(looks.get(checkpoints)?.settings).toEqual(await admin.config(checkpoints, signal));
    const own: readonly Right[] = ['Read', 'Write', 'Describe', 'DescribeConfigs'];
    expect(looks.get(data)?.rights ?? new Set(own)).toEqual(new Set([...(looks.get(data)?.rights ?? []), ...own]));
    expect(await admin.look([], signal)).toEqual(new Map());
    expect(await admin.describe(missing, signal)).toBe(null);
  });

  test('whoever watches sees the settings of each broker, and the rights on a group that need not be there', async () => {
    const { brokers, groupRights } = await admin.lookAtCluster(['transaction.max.timeout.ms'], uniqueName('group'), signal);
    expect(brokers.length).toBe((await admin.reach(signal)).brokers);
    for (const { settings } of brokers) expect(settings).toEqual({ 'transaction.max.timeout.ms': expect.stringMatching(/^\d+$/) });
    expect([...(groupRights ?? ['Read'])]).toContain('Read');
  });

  test('an open transaction holds back the last stable offset, which tells where it begins', async () => {
    const { data, checkpoints } = await topics(2);
    const missing = uniqueName('missing');
    const { producer } = await claim(checkpoints, 'nonce');
    const tails = async (): Promise<unknown> => (await admin.tails([data, missing], signal)).get(data);
    const empty = { partition: 0, end: 0, stable: 0 };
    await producer.begin();
    await producer.send(data, [blockOf(1, [{ key: 'k', value: 'first' }])]);
    await producer.commit(COMMIT_MS);
    await expect.poll(tails).toEqual([empty, { partition: 1, end: 2, stable: 2 }]);
    await producer.begin();
    await producer.send(data, [blockOf(1, [{ key: 'k', value: 'open' }])]);
    expect(await tails()).toEqual([empty, { partition: 1, end: 3, stable: 2 }]);
    await producer.abort(COMMIT_MS);
    await expect.poll(tails).toEqual([empty, { partition: 1, end: 4, stable: 4 }]);
    expect([...(await admin.tails([missing], signal)).keys()]).toEqual([]);
    await producer.close();
  });

  test('a claim gives the latest committed value of each key, and none that was deleted', async () => {
    const { checkpoints } = await topics();
    const first = await claim(checkpoints, 'nonce 1');
    expect(first.records).toEqual(new Map([['\0claim', 'nonce 1']]));
    await first.producer.begin();
    await first.producer.sendControl([at(checkpoints, 'a', '1'), at(checkpoints, 'b', '1'), at(checkpoints, 'c', '1')]);
    await first.producer.commit(COMMIT_MS);
    await first.producer.begin();
    await first.producer.sendControl([at(checkpoints, 'a', '2'), at(checkpoints, 'b', null)]);
    await first.producer.commit(COMMIT_MS);
    await first.producer.close();

    const second = await claim(checkpoints, 'nonce 2');
    expect(second.records).toEqual(
      new Map([
        ['\0claim', 'nonce 2'],
        ['a', '2'],
        ['c', '1'],
      ]),
    );
    await second.producer.close();
    await second.producer.close();
  });

  test("a claim settles its predecessor's open transaction: nothing of it is ever read", async () => {
    const { data, checkpoints } = await topics();
    const { producer } = await claim(checkpoints, 'nonce 1');
    await producer.begin();
    await producer.send(data, [blockOf(0, [{ key: 'k', value: 'committed' }])]);
    await producer.sendControl([at(checkpoints, 'a', '1')]);
    await producer.commit(COMMIT_MS);
    await producer.begin();
    await producer.send(data, [blockOf(0, [{ key: 'k', value: 'dangling' }])]);
    await producer.sendControl([at(checkpoints, 'a', '2')]);

    const next = await claim(checkpoints, 'nonce 2');
    expect(next.records.get('a')).toBe('1');
    await next.producer.begin();
    await next.producer.send(data, [blockOf(0, [{ key: 'k', value: 'after' }])]);
    await next.producer.commit(COMMIT_MS);
    expect(await committed(data)).toEqual(['0@0 k=committed', '0@4 k=after']);
    await Promise.all([producer.close(), next.producer.close()]);
  });

  test('a zombie neither sends nor commits once its partition is claimed by another', async () => {
    const { data, checkpoints } = await topics();
    const sender = await claim(checkpoints, 'nonce 1');
    await sender.producer.begin();
    await sender.producer.send(data, [blockOf(0, [{ key: null, value: 'zombie 1' }])]);
    const second = await claim(checkpoints, 'nonce 2');
    await expect(sender.producer.send(data, [blockOf(0, [{ key: null, value: 'zombie 2' }])])).rejects.toMatchObject({
      code: 'kafka.fenced',
    });
    await expect(sender.producer.commit(COMMIT_MS)).rejects.toThrow('bug');

    await second.producer.begin();
    await second.producer.send(data, [blockOf(0, [{ key: null, value: 'zombie 3' }])]);
    const third = await claim(checkpoints, 'nonce 3');
    await expect(second.producer.commit(COMMIT_MS)).rejects.toMatchObject({ code: 'kafka.fenced' });
    expect(third.records).toEqual(new Map([['\0claim', 'nonce 3']]));
    expect(await committed(data)).toEqual([]);
    await Promise.all([sender, second, third].map((one) => one.producer.close()));
  });

  test('a process that is killed between send and commit leaves nothing behind', async () => {
    const { data, checkpoints } = await topics();
    if ('vanish' in exam) {
      await exam.vanish(data, checkpoints);
    } else {
      const script = new URL('publisher-child.ts', import.meta.url);
      const child = spawn(process.execPath, [script.pathname, exam.driver, exam.brokers.join(','), data, checkpoints], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const exited = once(child, 'exit');
      const [line] = await Promise.race([once(createInterface(child.stdout), 'line'), exited]);
      expect(line).toBe('sent');
      child.kill('SIGKILL');
      await exited;
    }

    expect(must((await admin.offsets(data, signal))[0], 'the partition').end).toBeGreaterThan(0);
    const { producer, records } = await claim(checkpoints, 'nonce 2');
    expect(records).toEqual(
      new Map([
        ['\0claim', 'nonce 2'],
        ['feed', 'committed'],
      ]),
    );
    expect(await committed(data)).toEqual(['0@0 k=committed']);
    await producer.close();
  });

  test('aborted records and markers are passed over, also when asking where committed ones begin', async () => {
    const { data, checkpoints } = await topics();
    const { producer } = await claim(checkpoints, 'nonce');
    await producer.begin();
    await producer.send(data, [blockOf(0, [{ key: 'k', value: 'aborted' }])]);
    await producer.abort(COMMIT_MS);
    expect(await admin.firstCommitted(data, 0, 0, signal)).toBe(null);
    await producer.begin();
    await producer.send(data, [
      blockOf(0, [
        { key: 'k', value: 'one' },
        { key: 'k', value: 'two' },
      ]),
    ]);
    await producer.commit(COMMIT_MS);

    expect(await committed(data)).toEqual(['0@2 k=one', '0@3 k=two']);
    expect(await admin.offsets(data, signal)).toEqual([{ start: 0, end: 5 }]);
    const firsts = await Promise.all([0, 2, 3, 4, 5, 99].map((from) => admin.firstCommitted(data, 0, from, signal)));
    expect(firsts).toEqual([2, 2, 3, null, null, null]);
    await producer.close();
  });

  test('an open transaction counts in the end offset, and is not read', async () => {
    const { data, checkpoints } = await topics();
    const { producer } = await claim(checkpoints, 'nonce');
    await producer.begin();
    await producer.send(data, [blockOf(0, [{ key: 'k', value: 'open' }])]);
    expect(await admin.offsets(data, signal)).toEqual([{ start: 0, end: 1 }]);
    expect(await admin.firstCommitted(data, 0, 0, signal)).toBe(null);
    expect(await committed(data)).toEqual([]);
    await producer.commit(COMMIT_MS);
    expect(await committed(data)).toEqual(['0@0 k=open']);
    await producer.close();
  });

  test('send gives the first offset of each block, and keeps the order of blocks and of large ones cut apart', async () => {
    const { data, checkpoints } = await topics(6);
    const { producer } = await claim(checkpoints, 'nonce');
    const noise = 'x'.repeat(1_000);
    const large = Array.from({ length: 2_500 }, (_, i) => ({ key: `k${i}`, value: `${i} ${noise}` }));
    const small = [0, 1, 2, 3, 4, 5].map((partition) => blockOf(partition, [{ key: null, value: `small ${partition}` }]));
    await producer.begin();
    expect(await producer.send(data, [...small, blockOf(3, large), blockOf(3, [{ key: null, value: 'last' }])])).toEqual([
      0, 0, 0, 0, 0, 0, 1, 2_501,
    ]);
    await producer.commit(COMMIT_MS);
    await producer.begin();
    expect(await producer.send(data, small.slice(2, 4))).toEqual([2, 2_503]);
    await producer.commit(COMMIT_MS);

    const values: string[] = [];
    for await (const record of publisher.read({ topic: data, partitions: [3], untilEnd: true }, signal)) values.push(text(record.value));
    expect(values).toEqual(['small 3', ...large.map((one) => one.value), 'last', 'small 3']);
    await producer.close();
  });

  test('keys, values and headers arrive as they were sent, nulls and empty ones too', async () => {
    const { data, checkpoints } = await topics();
    const { producer } = await claim(checkpoints, 'nonce');
    const before = Date.now();
    await producer.begin();
    const records = [
      { key: null, value: null },
      { key: '', value: '' },
      { key: 'ключ', value: new Uint8Array([0, 255, 128]), headers: { 'cdf-relay.snapshot': 'true' } },
    ];
    await producer.send(data, [blockOf(0, records)]);
    await producer.commit(COMMIT_MS);
    const read: ReadRecord[] = [];
    for await (const record of publisher.read({ topic: data, partitions: null, untilEnd: true }, signal)) read.push(record);
    expect(read.map(({ key, value, headers }) => ({ key: key && text(key), value: value && [...value], headers }))).toEqual([
      { key: null, value: null, headers: {} },
      { key: '', value: [], headers: {} },
      { key: 'ключ', value: [0, 255, 128], headers: { 'cdf-relay.snapshot': 'true' } },
    ]);
    for (const { timestamp } of read) expect(timestamp).toBeGreaterThanOrEqual(before);
    await producer.close();
  });

  test('a read begins where it is told to, and at the beginning where that is beyond the end', async () => {
    const { data, checkpoints } = await topics(2);
    const { producer } = await claim(checkpoints, 'nonce');
    await producer.begin();
    await producer.send(
      data,
      [0, 1].map((partition) =>
        blockOf(
          partition,
          ['a', 'b', 'c'].map((value) => ({ key: null, value })),
        ),
      ),
    );
    await producer.commit(COMMIT_MS);
    const readFrom = async (from: ReadonlyMap<number, number>): Promise<readonly string[]> => {
      const read: string[] = [];
      for await (const { partition, value } of publisher.read({ topic: data, partitions: [0, 1], untilEnd: true, from }, signal)) {
        read.push(`${partition} ${text(value)}`);
      }
      return read.toSorted();
    };
    expect(await readFrom(new Map([[0, 2]]))).toEqual(['0 c', '1 a', '1 b', '1 c']);
    // Behind the records stands the marker of their transaction.
    expect(
      await readFrom(
        new Map([
          [0, 3],
          [1, 4],
        ]),
      ),
    ).toEqual([]);
    expect(
      await readFrom(
        new Map([
          [0, 3],
          [1, 5],
        ]),
      ),
    ).toEqual(['1 a', '1 b', '1 c']);
    await producer.close();
  });

  test('records to a topic or a partition that is not there are refused, and the producer is done', async () => {
    const { data, checkpoints } = await topics();
    const missing = uniqueName('missing');
    const { producer } = await claim(checkpoints, 'nonce 1');
    await producer.begin();
    await expect(producer.send(missing, [blockOf(0, [{ key: null, value: 'v' }])])).rejects.toMatchObject({
      code: 'kafka.rejected',
      message: `there is no topic ${missing} to send to`,
    });
    await expect(producer.commit(COMMIT_MS)).rejects.toThrow('bug');
    await producer.close();
    expect(await admin.describe(missing, signal)).toBe(null);

    const second = await claim(checkpoints, 'nonce 2');
    await second.producer.begin();
    await expect(second.producer.send(data, [blockOf(1, [{ key: null, value: 'v' }])])).rejects.toMatchObject({
      code: 'kafka.rejected',
      message: expect.stringContaining(`${data}-1`),
    });
    await second.producer.close();
  });

  test('blocks are cut as small as the topic wants batches, and a record beyond that is refused by name', async () => {
    const { checkpoints } = await topics();
    const narrow = uniqueName('narrow');
    await admin.create([{ topic: narrow, partitions: 1, replicationFactor: -1, config: { 'max.message.bytes': '10000' } }], signal);
    const { producer } = await claim(checkpoints, 'nonce');
    const records = Array.from({ length: 50 }, (_, i) => ({ key: String(i), value: randomBytes(1_000) }));
    await producer.begin();
    expect(await producer.send(narrow, [blockOf(0, records)])).toEqual([0]);
    await producer.commit(COMMIT_MS);
    expect(await committed(narrow)).toHaveLength(records.length);
    await producer.begin();
    await expect(producer.send(narrow, [blockOf(0, [{ key: null, value: randomBytes(12_000) }])])).rejects.toMatchObject({
      code: 'record.too_large',
      message: expect.stringContaining(`${narrow}-0`),
    });
    await producer.close();
  });

  test('the partitions of a topic are claimed side by side', async () => {
    const { data, checkpoints } = await topics(6);
    const claims = await Promise.all([0, 1, 2, 3, 4, 5].map((partition) => claim(checkpoints, `nonce ${partition}`, partition)));
    await Promise.all(
      claims.map(async ({ producer }, partition) => {
        await producer.begin();
        await producer.send(data, [blockOf(partition, [{ key: null, value: 'v' }])]);
        await producer.commit(COMMIT_MS);
        await producer.close();
      }),
    );
    expect(claims.map((one) => one.records)).toEqual([0, 1, 2, 3, 4, 5].map((partition) => new Map([['\0claim', `nonce ${partition}`]])));
    expect((await committed(data)).toSorted()).toEqual([0, 1, 2, 3, 4, 5].map((partition) => `${partition}@0 null=v`));
  });

  test("another's open transaction in the checkpoint partition makes a claim stuck, not stale", async () => {
    const { checkpoints } = await topics(2);
    const foreign = await claim(checkpoints, 'foreign', 1);
    await foreign.producer.begin();
    await foreign.producer.sendControl([{ topic: checkpoints, partition: 0, key: 'a', value: 'hanging' }]);
    const hasty = exam.open({ claimTimeoutMs: 500 });
    const request = { transactionalId: `${checkpoints}.0`, topic: checkpoints, partition: 0, claimValue: 'nonce' };
    await expect(hasty.claim(request, signal)).rejects.toMatchObject({
      code: 'kafka.stuck',
      message: expect.stringContaining(`${checkpoints}-0`),
    });
    await foreign.producer.abort(COMMIT_MS);
    const settled = await hasty.claim(request, signal);
    expect(settled.records).toEqual(new Map([['\0claim', 'nonce']]));
    await Promise.all([foreign.producer.close(), settled.producer.close()]);
    await hasty[Symbol.asyncDispose]();
  });

  test('a tail goes on with what is committed later, until it is called off', async () => {
    const { data, checkpoints } = await topics(2);
    const { producer } = await claim(checkpoints, 'nonce');
    const off = new AbortController();
    const one = Promise.withResolvers<void>();
    const values: string[] = [];
    const tail = (async () => {
      for await (const { value } of publisher.read({ topic: data, partitions: null, untilEnd: false }, off.signal)) {
        values.push(text(value));
        if (values.length === 1) one.resolve();
        else off.abort(new Error('enough'));
      }
    })();
    for (const value of ['one', 'two']) {
      await producer.begin();
      await producer.send(data, [blockOf(1, [{ key: 'k', value }])]);
      await producer.commit(COMMIT_MS);
      await one.promise;
    }
    await expect(tail).rejects.toThrow('enough');
    expect(values).toEqual(['one', 'two']);
    await producer.close();
  });

  test('a claim is called off at once', async () => {
    const { checkpoints } = await topics();
    const request = { transactionalId: `${checkpoints}.0`, topic: checkpoints, partition: 0, claimValue: 'nonce' };
    await expect(publisher.claim(request, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
  });
}

function at(topic: string, key: string, value: string | null): ControlRecord {
  return { topic, partition: 0, key, value };
}

function text(bytes: Uint8Array | null): string {
  return Buffer.from(must(bytes, 'the value')).toString('utf8');
}

/** `partition@offset key=value`. */
function shown({ partition, offset, key, value }: ReadRecord): string {
  return `${partition}@${offset} ${key === null ? 'null' : text(key)}=${value === null ? 'null' : text(value)}`;
}
