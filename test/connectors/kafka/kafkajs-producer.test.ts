import { expect, test } from 'vitest';
import { COMPRESSION } from '../../../connectors/kafka/kafkajs-client.ts';
import { KafkajsProducer } from '../../../connectors/kafka/kafkajs-producer.ts';

test('a producer that is closed while it connects asks for no epoch: that would fence its successor', async () => {
  const connected = Promise.withResolvers<void>();
  const calls: string[] = [];
  const producer = new KafkajsProducer({
    producer: {
      connect: () => connected.promise,
      transaction: () => {
        calls.push('transaction');
        return Promise.reject(new Error('asked'));
      },
      disconnect: async () => void calls.push('disconnect'),
    },
    sockets: { shut: () => void calls.push('shut'), destroy: () => void calls.push('destroy') },
    transactionalId: 'r.0',
    compression: COMPRESSION.none,
    limitsOf: () => Promise.resolve(null),
    coordinatorCode: () => Promise.resolve(0),
  });
  const opening = producer.open();
  await producer.close();
  connected.resolve();
  await expect(opening).rejects.toMatchObject({ code: 'kafka.rejected', message: 'claiming as r.0: the producer was closed meanwhile' });
  expect(calls).toEqual(['shut', 'disconnect', 'destroy']);
});
