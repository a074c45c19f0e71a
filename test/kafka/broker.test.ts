import { afterEach, expect, test, vi } from 'vitest';
import { startBroker } from './broker.ts';
import { findDistribution } from './distribution.ts';
import { KafkaMissing } from './kafka-missing.ts';
import { brokersKnown } from './probe.ts';
import { describeOwnKafka } from './use-kafka.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

test('a machine without Java is told so', async () => {
  vi.stubEnv('PATH', '');
  vi.stubEnv('JAVA_HOME', undefined);
  await expect(findDistribution()).rejects.toThrow(new KafkaMissing('no `java` is on the PATH and JAVA_HOME does not lead to one'));
});

test('KAFKA_BROKERS is taken as it is', async () => {
  vi.stubEnv('KAFKA_BROKERS', 'one:9092, two:9092');
  const broker = await startBroker();
  expect(broker.brokers).toEqual(['one:9092', 'two:9092']);
  await expect(broker.kill(1)).rejects.toThrow('not ours to kill');
});

await describeOwnKafka('a broker of a test', {}, (broker) => {
  test('serves again after it was killed', async () => {
    const [host = '', port = ''] = (broker.brokers[0] ?? '').split(':');
    expect(await brokersKnown(host, Number(port))).toBe(1);
    await broker.kill(1);
    expect(await brokersKnown(host, Number(port))).toBe(0);
    await broker.restart(1);
    expect(await brokersKnown(host, Number(port))).toBe(1);
  });
});
