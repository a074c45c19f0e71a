import { openDirect } from '../../../connectors/kafka/direct-driver.ts';
import { KAFKA_DEFAULTS } from '../../../connectors/kafka/options.ts';
import { examPublisher } from '../../contracts/publisher.ts';
import { describeKafka } from '../../kafka/use-kafka.ts';
import { quiet } from '../../support/quiet-telemetry.ts';

await describeKafka('the driver direct', (brokers) => {
  examPublisher({
    brokers,
    driver: 'direct',
    open: (settings) => openDirect({ ...KAFKA_DEFAULTS, ...settings, brokers, clientId: 'exam', telemetry: quiet }),
  });
});
