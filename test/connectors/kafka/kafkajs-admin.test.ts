import kafkajs from 'kafkajs';
import { expect, test } from 'vitest';
import { KafkajsAdmin } from '../../../connectors/kafka/kafkajs-admin.ts';
import { kafkajsClient } from '../../../connectors/kafka/kafkajs-client.ts';
import { KafkajsSockets } from '../../../connectors/kafka/kafkajs-sockets.ts';
import { Wire } from '../../../connectors/kafka/wire.ts';
import { CONNECTORS } from '../../../connectors/index.ts';
import { describeKafka, uniqueName } from '../../kafka/use-kafka.ts';
import { quiet } from '../../support/quiet-telemetry.ts';

const UNKNOWN_TOPIC = Object.assign(new Error('no such topic'), { type: 'UNKNOWN_TOPIC_OR_PARTITION', code: 3, retriable: true });

await describeKafka('the admin client', (brokers) => {
  test('the settings of a topic that one broker has not heard of yet are asked for again', async () => {
    const { signal } = new AbortController();
    const options = { ...CONNECTORS.kafka.direct.defaults, brokers, clientId: 'admin', telemetry: quiet };
    const sockets = new KafkajsSockets(options);
    const real = kafkajsClient(options, sockets).admin();
    let behind = 2;
    const describeConfigs: typeof real.describeConfigs = async (request) => {
      if (behind-- > 0) throw new kafkajs.KafkaJSProtocolError(UNKNOWN_TOPIC);
      return real.describeConfigs(request);
    };
    const wire = new Wire(options);
    const admin = new KafkajsAdmin({
      admin: { ...real, describeConfigs },
      wire,
      openWire: () => new Wire(options),
      brokers,
      reachTimeoutMs: options.reachTimeoutMs,
    });
    try {
      const topic = uniqueName('admin');
      await admin.create([{ topic, partitions: 1, replicationFactor: -1, config: { 'retention.ms': '1234567' } }], signal);
      expect(await admin.config(topic, signal)).toMatchObject({ 'retention.ms': '1234567' });
      expect(behind).toBe(-1);
      await expect(admin.config(uniqueName('none'), signal)).rejects.toMatchObject({ code: 'topic.missing' });
    } finally {
      await admin.close();
      await wire.close();
    }
  });
});
