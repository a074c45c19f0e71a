/** Leadership that moves while everything goes on: of data, of checkpoints, and of `__transaction_state`, whose leaders are the transaction coordinators. */
import { quietKafka } from '../demo/consumer.ts';
import { electPreferred } from './probe.ts';

/** Gives each partition of the topics that `has` names another first replica, and has that one elected. Resolves with how many it moved. */
export async function moveLeaders(brokers: readonly string[], has: (topic: string) => boolean): Promise<number> {
  const admin = quietKafka(brokers, 'mover').admin();
  await admin.connect();
  try {
    const topics = (await admin.listTopics()).filter(has);
    const { topics: found } = await admin.fetchTopicMetadata({ topics });
    const moved = found.map(({ name, partitions }) => ({
      topic: name,
      partitionAssignment: partitions.map(({ partitionId, replicas: [first, ...rest] }) => ({
        partition: partitionId,
        replicas: first === undefined ? [] : [...rest, first],
      })),
    }));
    await admin.alterPartitionReassignments({ topics: moved });
    for (const broker of brokers) {
      const [host = '', port = ''] = broker.split(':');
      await electPreferred(host, Number(port));
    }
    return moved.reduce((sum, { partitionAssignment }) => sum + partitionAssignment.length, 0);
  } finally {
    await admin.disconnect();
  }
}
