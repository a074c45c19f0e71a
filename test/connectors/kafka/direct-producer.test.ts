import { setImmediate as whateverIsDue } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { DirectProducer } from '../../../connectors/kafka/direct-producer.ts';
import { blockOf } from '../../support/record-blocks.ts';
import { WireCluster } from './wire-broker.ts';
import type { ApiName, Asked, Mishap } from './wire-broker.ts';

const COMMIT_MS = 20_000;
/** Asked again with the same bytes. */
const RETRIED = [3, 5, 6, 7, 13, 14, 15, 16, 19, 20, 51, 56, 74, 75];
/** Some of those that break the producer, and what they are told as; in doubt where they end a commit. */
const BREAKING: readonly (readonly [code: number, told: string])[] = [
  [-1, 'kafka.rejected'],
  [10, 'record.too_large'],
  [18, 'record.too_large'],
  [29, 'kafka.unauthorized'],
  [45, 'kafka.rejected'],
  [46, 'kafka.rejected'],
  [47, 'kafka.fenced'],
  [48, 'kafka.rejected'],
  [49, 'kafka.rejected'],
  [53, 'kafka.unauthorized'],
  [59, 'kafka.rejected'],
  [90, 'kafka.fenced'],
  [120, 'kafka.rejected'],
  [9999, 'kafka.rejected'],
];
/** Where each of them is met in a whole transaction, by the version of transactions. */
const MET: Readonly<Record<1 | 2, readonly ApiName[]>> = {
  1: ['findCoordinator', 'apiVersions', 'initProducerId', 'addPartitions', 'metadata', 'produce', 'endTxn'],
  2: ['findCoordinator', 'apiVersions', 'initProducerId', 'metadata', 'produce', 'endTxn'],
};
const ALL = [
  { producerEpoch: 0, sequence: 0, values: ['data-0 a', 'data-0 b'] },
  { producerEpoch: 0, sequence: 0, values: ['data-1 c'] },
];

const opened: (WireCluster | DirectProducer)[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await (one instanceof WireCluster ? one.stop() : one.close());
});

interface Started {
  readonly cluster: WireCluster;
  readonly producer: DirectProducer;
}

async function start(transactions: 1 | 2, nodes = 1): Promise<Started> {
  const cluster = new WireCluster(transactions);
  await cluster.start(nodes, 2);
  opened.push(cluster);
  return { cluster, producer: newProducer(cluster) };
}

function newProducer(cluster: WireCluster, requestTimeoutMs = 10_000): DirectProducer {
  const producer = new DirectProducer({
    brokers: cluster.brokers,
    tls: null,
    sasl: null,
    clientId: 'test',
    transactionalId: 'r.0',
    transactionTimeoutMs: 30_000,
    compression: 'none',
    requestTimeoutMs,
    limitsOf: () => Promise.resolve({ partitions: 2, batchBytesMax: 1_000_000 }),
  });
  opened.push(producer);
  return producer;
}

const send = (producer: DirectProducer, ...values: readonly (readonly [number, ...string[]])[]): Promise<readonly number[]> =>
  producer.send(
    'data',
    values.map(([partition, ...texts]) =>
      blockOf(
        partition,
        texts.map((value) => ({ key: null, value })),
      ),
    ),
  );

/** Open, send to two partitions, commit. */
async function publish(producer: DirectProducer): Promise<readonly number[]> {
  await producer.open();
  const offsets = await send(producer, [0, 'a', 'b'], [1, 'c']);
  await producer.commit(COMMIT_MS);
  return offsets;
}

/** The mishap for the first request of that kind. */
function once(api: ApiName, mishap: Mishap): (asked: Asked) => Mishap | null {
  let times = 0;
  return (asked) => (asked.api === api && times++ === 0 ? mishap : null);
}

const bodies = (cluster: WireCluster, api: ApiName): readonly string[] =>
  cluster.asked.filter((asked) => asked.api === api).map(({ body }) => body.toString('latin1'));

describe.each([1, 2] as const)('in transactions of version %d', (transactions) => {
  test('a transaction goes out in one request a leader, in the versions of the messages that belong together', async () => {
    const { cluster, producer } = await start(transactions);
    expect(await publish(producer)).toEqual([0, 0]);
    expect(cluster.committed).toEqual(ALL);
    expect(cluster.asked.map(({ api, version }) => `${api} ${version}`)).toEqual([
      'findCoordinator 4',
      'apiVersions 3',
      'initProducerId 4',
      ...(transactions === 1 ? ['addPartitions 3', 'metadata 12', 'produce 9', 'endTxn 3'] : ['metadata 12', 'produce 12', 'endTxn 5']),
    ]);
  });

  test.each(MET[transactions])(
    '%s is asked again after each refusal of the list, and after each lost answer, with the same bytes',
    async (api) => {
      const mishaps: readonly Mishap[] = [
        ...RETRIED.map((code): Mishap => ({ kind: 'refuse', code })),
        { kind: 'ignore' },
        { kind: 'lose' },
        { kind: 'mangle', change: (answer) => answer.subarray(0, answer.length - 3) },
      ];
      for (const mishap of mishaps) {
        const { cluster, producer } = await start(transactions);
        cluster.mishap = once(api, mishap);
        expect(await publish(producer), JSON.stringify(mishap)).toEqual([0, 0]);
        const epochs = cluster.committed.map(({ producerEpoch }) => producerEpoch);
        expect(cluster.committed.map(({ values }) => values.join()).toSorted()).toEqual(ALL.map(({ values }) => values.join()));
        // A lost answer of InitProducerId leaves an epoch that nobody uses.
        expect(epochs).toEqual(api === 'initProducerId' && mishap.kind !== 'refuse' && mishap.kind !== 'ignore' ? [1, 1] : [0, 0]);
        expect(cluster.commits).toBe(1);
        const asked = bodies(cluster, api);
        expect(asked.length, JSON.stringify(mishap)).toBe(2);
        // Of a refused batch the other one in the request is done with.
        if (api === 'produce' && mishap.kind === 'refuse') expect(asked[0]).toContain(asked[1]?.slice(-80));
        else expect(asked[1]).toBe(asked[0]);
        await producer.close();
        await cluster.stop();
      }
    },
  );

  test.each(MET[transactions])('%s that is refused otherwise breaks the producer, by name', async (api) => {
    for (const [code, told] of BREAKING) {
      const { cluster, producer } = await start(transactions);
      cluster.mishap = once(api, { kind: 'refuse', code });
      const inDoubt = api === 'endTxn' && told !== 'kafka.fenced' && told !== 'kafka.unauthorized';
      await expect(publish(producer), `${code}`).rejects.toMatchObject({ code: inDoubt ? 'kafka.unknown' : told });
      expect(cluster.commits).toBe(0);
      const before = cluster.asked.length;
      await expect(producer.commit(COMMIT_MS)).rejects.toThrow('bug: committing as r.0: the producer is broken');
      await expect(send(producer, [0, 'd'])).rejects.toThrow('bug');
      expect(cluster.asked.length).toBe(before);
      await producer.close();
      await cluster.stop();
    }
  });

  test('an answer that never comes is a lost one', async () => {
    const { cluster } = await start(transactions);
    const producer = newProducer(cluster, 200);
    const hung = new Set<ApiName>();
    cluster.mishap = ({ api }) => {
      if ((api !== 'produce' && api !== 'endTxn') || hung.has(api)) return null;
      hung.add(api);
      return { kind: 'hang' };
    };
    await publish(producer);
    expect(cluster.committed).toEqual(ALL);
    expect(bodies(cluster, 'produce').length).toBeGreaterThan(1);
    expect(bodies(cluster, 'endTxn').length).toBeGreaterThan(1);
  });

  test('the partition that moves is followed, and the one that stays is sent once', async () => {
    const { cluster, producer } = await start(transactions, 2);
    await producer.open();
    expect(await send(producer, [0, 'a'], [1, 'b'])).toEqual([0, 0]);
    cluster.move(1, 0);
    expect(await send(producer, [0, 'c'], [1, 'd'])).toEqual([1, 1]);
    await producer.commit(COMMIT_MS);
    expect(cluster.committed.map(({ sequence, values }) => `${sequence} ${values.join()}`).toSorted()).toEqual([
      '0 data-0 a',
      '0 data-1 b',
      '1 data-0 c',
      '1 data-1 d',
    ]);
    const sent = cluster.asked.filter(({ api }) => api === 'produce').map(({ node, body }) => ({ node, text: body.toString('latin1') }));
    expect(sent.slice(2).filter(({ node }) => node === 0)).toHaveLength(2);
    expect(sent).toHaveLength(5);
    expect(sent[4]?.text.slice(-60)).toBe(
      sent
        .slice(2)
        .find(({ node }) => node === 1)
        ?.text.slice(-60),
    );
  });

  test('after an abort, and after an end that was asked twice, what is late is of an epoch that is over', async () => {
    const { cluster, producer } = await start(transactions);
    await publish(producer);
    await producer.begin();
    await send(producer, [0, 'aborted']);
    await producer.abort(COMMIT_MS);
    await producer.begin();
    await send(producer, [0, 'after']);
    cluster.mishap = once('endTxn', { kind: 'lose' });
    await producer.commit(COMMIT_MS);
    await producer.begin();
    await send(producer, [0, 'last']);
    await producer.commit(COMMIT_MS);
    expect(cluster.committed.slice(2)).toEqual(
      transactions === 1
        ? [
            { producerEpoch: 1, sequence: 0, values: ['data-0 after'] },
            { producerEpoch: 2, sequence: 0, values: ['data-0 last'] },
          ]
        : [
            { producerEpoch: 2, sequence: 0, values: ['data-0 after'] },
            { producerEpoch: 3, sequence: 0, values: ['data-0 last'] },
          ],
    );
    expect(bodies(cluster, 'initProducerId')).toHaveLength(transactions === 1 ? 3 : 1);
  });

  test('a transaction without records is nothing to the brokers', async () => {
    const { cluster, producer } = await start(transactions);
    await publish(producer);
    const before = cluster.asked.length;
    await producer.begin();
    await producer.commit(COMMIT_MS);
    await producer.begin();
    await producer.abort(COMMIT_MS);
    expect(cluster.asked.length).toBe(before);
  });

  test('a commit that takes too long is in doubt', async () => {
    const { cluster, producer } = await start(transactions);
    await producer.open();
    await send(producer, [0, 'a']);
    cluster.mishap = ({ api }) => (api === 'endTxn' ? { kind: 'refuse', code: 15 } : null);
    await expect(producer.commit(50)).rejects.toMatchObject({ code: 'kafka.unknown' });
    await expect(producer.commit(50)).rejects.toThrow('bug: committing as r.0: the producer is broken');
    expect(cluster.commits).toBe(0);
  });
});

test('sequences count on through the transactions of an epoch, and begin anew with each where transactions have their own', async () => {
  const sequences: Record<number, readonly number[]> = {};
  for (const transactions of [1, 2] as const) {
    const { cluster, producer } = await start(transactions);
    await publish(producer);
    await producer.begin();
    await send(producer, [0, 'd'], [0, 'e', 'f']);
    await send(producer, [0, 'g']);
    await producer.commit(COMMIT_MS);
    sequences[transactions] = cluster.committed.filter(({ values }) => values[0]?.startsWith('data-0')).map(({ sequence }) => sequence);
  }
  expect(sequences).toEqual({ 1: [0, 2, 5], 2: [0, 0, 3] });
});

test('a broker that asks to be left alone is', async () => {
  const { cluster, producer } = await start(2);
  cluster.mishap = once('produce', { kind: 'throttle', ms: 60_000 });
  await producer.open();
  await send(producer, [0, 'a']);
  const committing = producer.commit(200);
  await expect(committing).rejects.toMatchObject({ code: 'kafka.unknown' });
  expect(bodies(cluster, 'endTxn')).toEqual([]);
});

test('a send that is given up ends when its producer is closed, and the brokers see no more of it', async () => {
  const { cluster, producer } = await start(2);
  await producer.open();
  cluster.mishap = ({ api }) => (api === 'produce' ? { kind: 'refuse', code: 6 } : null);
  const abandoned = send(producer, [0, 'a']);
  while (bodies(cluster, 'produce').length < 2) await whateverIsDue();
  await producer.close();
  await expect(abandoned).rejects.toMatchObject({
    code: 'kafka.rejected',
    message: 'sending a record to data-0 as r.0: the producer was closed meanwhile',
  });
  expect(cluster.committed).toEqual([]);
});

test.each([1, 2] as const)(
  'answers with a flipped byte never crash it nor confirm a refused commit, in transactions of version %d',
  async (transactions) => {
    const cluster = new WireCluster(transactions);
    await cluster.start(1, 2);
    opened.push(cluster);
    // Metadata and FindCoordinator hold addresses: a flipped one leads to somebody else.
    for (const api of MET[transactions].filter((one) => one !== 'metadata' && one !== 'findCoordinator')) {
      let length = 1;
      // All begin with a length, a correlation id, and mostly how long to leave the broker alone.
      for (let at = 0; at < length; at += at < 14 ? 1 : 3) {
        const change = (answer: Buffer): Buffer => {
          length = answer.length;
          answer[at] = (answer[at] ?? 0) ^ (1 << ((at * 7) % 8));
          return answer;
        };
        const flip: Mishap = { kind: 'mangle', change };
        const refuse: Mishap = { kind: 'refuse', code: 48 };
        let times = 0;
        cluster.mishap = (asked) => (asked.api === api && times++ === 0 ? flip : asked.api === 'endTxn' ? refuse : null);
        const producer = newProducer(cluster, 20);
        const commits = cluster.commits;
        const failure = await publish(producer).then(
          () => null,
          (error: unknown) => error,
        );
        if (failure === null) expect(cluster.commits, `${api} ${at}`).toBe(commits + 1);
        else expect(failure).toMatchObject({ name: 'Failure' });
        await producer.close();
      }
    }
  },
);
