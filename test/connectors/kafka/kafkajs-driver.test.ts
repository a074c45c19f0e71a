import { openKafkajs } from '../../../connectors/kafka/kafkajs-driver.ts';
import { KAFKA_DEFAULTS } from '../../../connectors/kafka/options.ts';
import { examPublisher } from '../../contracts/publisher.ts';
import { describeKafka } from '../../kafka/use-kafka.ts';
import { quiet } from '../../support/quiet-telemetry.ts';

await describeKafka('the driver kafkajs', (brokers) => {
  examPublisher({
    brokers,
    driver: 'kafkajs',
    open: (settings) => openKafkajs({ ...KAFKA_DEFAULTS, ...settings, brokers, clientId: 'exam', telemetry: quiet }),
  });
});
