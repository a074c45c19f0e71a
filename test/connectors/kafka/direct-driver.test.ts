import { openDirect } from '../../../connectors/kafka/direct-driver.ts';
import { KAFKA_DEFAULTS } from '../../../connectors/kafka/options.ts';
import { examPublisher } from '../../contracts/publisher.ts';
import type { PublisherExam } from '../../contracts/publisher.ts';
import { describeKafka, describeOwnKafka } from '../../kafka/use-kafka.ts';
import { quiet } from '../../support/quiet-telemetry.ts';

function exam(brokers: readonly string[]): PublisherExam {
  return {
    brokers,
    driver: 'direct',
    open: (settings) => openDirect({ ...KAFKA_DEFAULTS, ...settings, brokers, clientId: 'exam', telemetry: quiet }),
  };
}

await describeKafka('the driver direct', (brokers) => examPublisher(exam(brokers)));

await describeOwnKafka('the driver direct, where transactions are of version 1', { transactions: 1 }, ({ brokers }) => {
  examPublisher(exam(brokers));
});
