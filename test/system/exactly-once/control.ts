/**
 * The control of point 9: what a careful person writes with kafkajs' manual in hand. Each transaction has records for several partitions in one `sendBatch`, and the
 * number of the transaction in a topic of its own; after any error the producer is thrown away, and the last committed number is read back.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Producer } from 'kafkajs';
import { z } from 'zod';
import { orAbort } from '../../../src/lib/abort.ts';
import { seededRandom } from '../../delta-writer/random.ts';
import { quietKafka } from '../../demo/consumer.ts';
import { uniqueName } from '../../kafka/use-kafka.ts';
import { readValues } from '../read-topic.ts';
import type { Verdict, WildArena } from './arena.ts';

const PARTITIONS = 6;
const RECORDS = { least: 15, most: 30 };
const PAUSE_MS = 20;
const STUCK_MS = 60_000;

const Numbered = z.object({ transaction: z.number(), record: z.number(), of: z.number() });

export async function playControl({ brokers, seed, say }: WildArena, signal: AbortSignal): Promise<Verdict> {
  const data = uniqueName('control');
  const positions = `${data}.positions`;
  const admin = quietKafka(brokers, 'control').admin();
  await admin.connect();
  await admin.createTopics({
    topics: [
      { topic: data, numPartitions: PARTITIONS },
      { topic: positions, numPartitions: 1 },
    ],
  });
  await admin.disconnect();

  const random = seededRandom(seed);
  let producer: Producer | null = null;
  let next = 1;
  let errors = 0;
  const turn = async (): Promise<void> => {
    if (producer === null) {
      producer = quietKafka(brokers, 'control').producer({ transactionalId: data, maxInFlightRequests: 1, idempotent: true });
      await producer.connect();
      // A new epoch, which settles the last transaction; then its number is known.
      await (await producer.transaction()).abort();
      next = 1 + Number((await readValues({ brokers, topic: positions })).at(-1)?.value ?? 0);
    }
    const of = random.between(RECORDS.least, RECORDS.most);
    const partitions = random.between(3, PARTITIONS);
    const messages = Array.from({ length: of }, (_, record) => ({
      partition: record % partitions,
      value: JSON.stringify({ transaction: next, record, of }),
    }));
    const transaction = await producer.transaction();
    await transaction.sendBatch({
      topicMessages: [
        { topic: data, messages },
        { topic: positions, messages: [{ partition: 0, value: String(next) }] },
      ],
    });
    await transaction.commit();
    next++;
  };
  const leave = async (): Promise<void> => {
    const left = producer;
    producer = null;
    await orAbort(left?.disconnect() ?? Promise.resolve(), AbortSignal.timeout(STUCK_MS)).catch(() => {});
  };
  let isStuck = false;
  while (!signal.aborted && !isStuck) {
    const stuck = AbortSignal.timeout(STUCK_MS);
    try {
      await orAbort(turn(), stuck);
    } catch {
      errors++;
      isStuck = stuck.aborted;
      await leave();
    }
    await wait(PAUSE_MS);
  }
  await leave();
  say(`9: ${next - 1} transactions of kafkajs' own, ${errors} errors${isStuck ? '; then a call of it came to no end' : ''}`);
  return judge(await readValues({ brokers, topic: data }), next - 1);
}

/** Transactions 1 … `last` were committed. */
function judge(read: readonly { readonly partition: number; readonly value: string }[], last: number): Verdict {
  const seen = new Map<string, number>();
  const sizes = new Map<number, number>();
  const latest = new Map<number, number>();
  const disorder: string[] = [];
  for (const { partition, value } of read) {
    const { transaction, record, of } = Numbered.parse(JSON.parse(value));
    seen.set(`${transaction}/${record}`, (seen.get(`${transaction}/${record}`) ?? 0) + 1);
    sizes.set(transaction, of);
    const before = latest.get(partition) ?? 0;
    if (transaction < before) disorder.push(`${partition}: ${transaction} after ${before}`);
    latest.set(partition, transaction);
  }
  const lost: string[] = [];
  for (let transaction = 1; transaction <= last; transaction++) {
    const of = sizes.get(transaction);
    if (of === undefined) lost.push(`all of ${transaction}`);
    for (let record = 0; record < (of ?? 0); record++) if (!seen.has(`${transaction}/${record}`)) lost.push(`${transaction}/${record}`);
  }
  const doubled = [...seen].flatMap(([name, times]) => Array<string>(times - 1).fill(name));
  return { records: read.length, lost, doubled, disorder };
}
