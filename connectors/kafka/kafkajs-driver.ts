/** The driver `kafkajs`: writes through kafkajs in its safe subset (kafkajs-producer.ts). */
import { assert } from '../../src/lib/assert.ts';
import type { Publisher } from '../../src/ports/publisher.ts';
import { KafkaDriver } from './kafka-driver.ts';
import type { ProducerParts } from './kafka-driver.ts';
import { COMPRESSION, kafkajsClient } from './kafkajs-client.ts';
import { KafkajsProducer } from './kafkajs-producer.ts';
import { KafkajsSockets } from './kafkajs-sockets.ts';
import type { KafkaOptions } from './options.ts';

/** Opens nothing yet: the first call connects. */
export function openKafkajs(options: KafkaOptions): Publisher {
  return new KafkaDriver(options, (parts) => newProducer(options, parts));
}

/** Has a client of its own, since it is thrown away by itself. */
function newProducer(options: KafkaOptions, parts: ProducerParts): KafkajsProducer {
  const sockets = new KafkajsSockets(options);
  const producer = kafkajsClient(options, sockets).producer({
    transactionalId: parts.transactionalId,
    transactionTimeout: options.transactionTimeoutMs,
    // Transactions are idempotent by themselves; this would ask for a second producer id, and for a right on the cluster.
    idempotent: false,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    createPartitioner: () => () => {
      assert(false, 'kafkajs chooses no partition: each send is for one');
    },
  });
  return new KafkajsProducer({ ...parts, producer, sockets, compression: COMPRESSION[options.compression] });
}
