/** The driver `direct`: writes through a transactional producer of our own (direct-producer.ts). */
import type { Publisher } from '../../src/ports/publisher.ts';
import { DirectProducer } from './direct-producer.ts';
import { KafkaDriver } from './kafka-driver.ts';
import type { KafkaOptions } from './options.ts';

/** Opens nothing yet: the first call connects. */
export function openDirect(options: KafkaOptions): Publisher {
  return new KafkaDriver(options, ({ transactionalId, limitsOf }) => new DirectProducer({ ...options, transactionalId, limitsOf }));
}
