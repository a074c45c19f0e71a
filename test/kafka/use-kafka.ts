/** The broker that all test files of a run share. Topic names are the caller's to keep apart: `uniqueName`. */
/* oxlint-disable vitest/valid-title -- it makes suites for others, who name them */
import { randomBytes } from 'node:crypto';
import { afterAll, describe, inject } from 'vitest';
import { skipSuite } from '../support/skip-suite.ts';
import { startBroker } from './broker.ts';
import type { Broker, BrokerOptions } from './cluster.ts';
import { KafkaMissing } from './kafka-missing.ts';

/**
 * A `describe` whose tests get the brokers of a real Kafka, to be awaited at the top level of a test file. Where no Kafka can be had, its one test is skipped and
 * says why.
 */
export async function describeKafka(name: string, body: (brokers: readonly string[]) => void): Promise<void> {
  const response = await fetch(inject('kafka'));
  const answer = await response.text();
  if (response.status === 503) {
    skipSuite(name, answer);
    return;
  }
  if (!response.ok) throw new Error(`the shared Kafka did not start: ${answer}`);
  describe(name, () => {
    body(answer.split(','));
  });
}

/** As `describeKafka`, with a broker that these tests alone use and may kill; it is stopped after them. */
export async function describeOwnKafka(name: string, options: BrokerOptions, body: (broker: Broker) => void): Promise<void> {
  let broker: Broker;
  try {
    broker = await startBroker({ ...options, own: true, brief: true });
  } catch (error) {
    if (!(error instanceof KafkaMissing)) throw error;
    skipSuite(name, error.message);
    return;
  }
  describe(name, () => {
    afterAll(() => broker.stop());
    body(broker);
  });
}

/** A name that no other test uses. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${randomBytes(5).toString('hex')}`;
}
