/**
 * Exactly once, 5: a transaction that its coordinator has aborted for its age, and somebody else's transaction that hangs in the checkpoint partitions.
 */
import { randomUUID } from 'node:crypto';
import { checkpointTopic } from '../../../src/relay/checkpoint-topic.ts';
import { quietKafka } from '../../demo/consumer.ts';
import { poll } from '../../kafka/probe.ts';
import type { Arena, PointReport } from './arena.ts';
import { Trial, untilItSays } from './trial.ts';

/** The broker looks for late transactions twice a second (test/kafka/properties.ts). */
const TRANSACTION_TIMEOUT_MS = 2_000;
const CLAIM_TIMEOUT_MS = 1_000;
const SETTLED_MS = 60_000;
const HANGING_MS = 600_000;

/** The relay sleeps between what it sent and its commit, until the transaction is no more. */
export async function timeOutTransaction(arena: Arena): Promise<PointReport> {
  await using trial = await Trial.open(arena, { tables: [{ name: 'orders', key: [] }] });
  const problems: string[] = [];
  await trial.grow(3);
  const relay = trial.startStopping({
    only: 'commit',
    nth: 3,
    signal: 'SIGSTOP',
    transactionTimeoutMs: TRANSACTION_TIMEOUT_MS,
  });
  await untilItSays(relay, 'stops before commit');
  const topic = checkpointTopic(trial.stage.name);
  const open = await stableEnds(arena, topic);
  await poll('the end of the transaction', SETTLED_MS, async () => (await stableEnds(arena, topic)) !== open);
  relay.signal('SIGCONT');
  await trial.published();
  const { code } = await relay.stop();
  if (code !== 0) problems.push(`the relay ended with ${String(code)}: ${relay.stderr.slice(-2_000)}`);
  if (!relay.stderr.includes('claim lost')) problems.push('a transaction that was aborted under the relay did not cost it the claim');
  problems.push(...(await trial.finish()));
  return { kills: 1, problems, ...(await trial.verdict()) };
}

/** A relay that finds the partitions hanging claims nothing and publishes nothing, says so, and goes on by itself when the transaction is gone. */
export async function hangForeignTransaction(arena: Arena): Promise<PointReport> {
  await using trial = await Trial.open(arena, { tables: [{ name: 'orders', key: [] }] });
  const problems: string[] = [];
  await trial.grow(2);
  problems.push(...(await trial.finish()));
  await trial.grow(2);
  const foreign = quietKafka(arena.brokers, 'foreign').producer({
    transactionalId: randomUUID(),
    transactionTimeout: HANGING_MS,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
  });
  await foreign.connect();
  try {
    const topic = checkpointTopic(trial.stage.name);
    const hanging = await foreign.transaction();
    for (let partition = 0; partition < 4; partition++) await hanging.send({ topic, messages: [{ partition, key: 'k', value: 'hangs' }] });
    const published = await stableEnds(arena, trial.stage.topic('orders'));
    const relay = trial.startStopping({ nth: 0, claimTimeoutMs: CLAIM_TIMEOUT_MS });
    await untilItSays(relay, 'kafka.stuck');
    if ((await stableEnds(arena, trial.stage.topic('orders'))) !== published) problems.push('a relay that is stuck has published');
    await hanging.abort();
    await trial.published();
    const { code } = await relay.stop();
    if (code !== 0) problems.push(`the relay ended with ${String(code)}: ${relay.stderr.slice(-2_000)}`);
  } finally {
    await foreign.disconnect();
  }
  problems.push(...(await trial.finish()));
  return { kills: 0, problems, ...(await trial.verdict()) };
}

/** The last stable offset of every partition, which is what kafkajs' admin answers with; as one text. */
async function stableEnds({ brokers }: Arena, topic: string): Promise<string> {
  const admin = quietKafka(brokers, 'ends').admin();
  await admin.connect();
  try {
    const offsets = await admin.fetchTopicOffsets(topic);
    return offsets
      .toSorted((a, b) => a.partition - b.partition)
      .map(({ high }) => high)
      .join(' ');
  } finally {
    await admin.disconnect();
  }
}
