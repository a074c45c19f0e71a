/**
 * docs/consumers.md: its Java program, as it stands there, reads what was committed and nothing else. The client is that of the local Kafka, run from its source.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CONNECTORS } from '../../connectors/index.ts';
import { findDistribution } from '../kafka/distribution.ts';
import type { Distribution } from '../kafka/distribution.ts';
import { KafkaMissing } from '../kafka/kafka-missing.ts';
import { run } from '../kafka/run.ts';
import { describeKafka, uniqueName } from '../kafka/use-kafka.ts';
import { startProgram } from '../processes/child.ts';
import { PartMissing } from '../registry/parts.ts';
import { describeWith } from '../registry/part-tests.ts';
import { quiet } from '../support/quiet-telemetry.ts';

const DOCS = new URL('../../docs/consumers.md', import.meta.url);
const { signal } = new AbortController();
const COMMIT_MS = 20_000;

/** A Java that runs programs from their source, and the jars of Kafka. */
async function findJava(): Promise<Distribution> {
  try {
    const distribution = await findDistribution();
    const modules = await run(distribution.java, ['--list-modules'], process.cwd());
    if (!modules.includes('jdk.compiler')) throw new PartMissing('this Java has no compiler');
    return distribution;
  } catch (error) {
    throw error instanceof KafkaMissing ? new PartMissing(error.message) : error;
  }
}

await describeWith('the consumer in Java', findJava, async ({ java, libs }) => {
  await describeKafka('the consumer in Java', (brokers) => {
    test('reads what was committed, and nothing of a transaction that was given up', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'cdf-relay-java-'));
      const { open, defaults } = CONNECTORS.kafka.direct;
      await using publisher = open({ ...defaults, brokers, clientId: 'java-consumer', telemetry: quiet });
      const [topic, checkpoints] = [uniqueName('topic'), uniqueName('checkpoints')];
      const named = { partitions: 1, replicationFactor: -1, config: {} };
      await publisher.admin.create(
        [topic, checkpoints].map((one) => ({ ...named, topic: one })),
        signal,
      );
      const { producer } = await publisher.claim({ transactionalId: topic, topic: checkpoints, partition: 0, claimValue: 'nonce' }, signal);
      for (const [value, isKept] of [
        ['four', true],
        ['given up', false],
        ['', true],
        ['last', true],
      ] as const) {
        await producer.begin();
        await producer.sendControl([{ topic, partition: 0, key: 'k', value }]);
        await (isKept ? producer.commit(COMMIT_MS) : producer.abort(COMMIT_MS));
      }
      await producer.close();

      const [, program = ''] = /^```java\n(.*?)^```$/ms.exec(await readFile(DOCS, 'utf8')) ?? [];
      const path = join(folder, 'Changes.java');
      await writeFile(path, program);
      const child = startProgram(java, ['-cp', join(libs, '*'), path, brokers.join(','), topic, uniqueName('group')]);
      try {
        await child.lines(3, AbortSignal.timeout(120_000));
      } finally {
        await child.kill();
        await rm(folder, { recursive: true });
      }
      // Each transaction ends with a marker, which has an offset of its own.
      expect(child.stdout.trim().split('\n')).toEqual(['0:0 4 bytes', '0:4 0 bytes', '0:6 4 bytes']);
    });
  });
});
