/** The broker that all test files of a run share. Topic names are the caller's to keep apart: `uniqueName`. */
/* oxlint-disable vitest/valid-title, vitest/no-disabled-tests -- it makes suites for others, who name them */
import { randomBytes } from 'node:crypto';
import { afterAll, describe, inject, test } from 'vitest';
import { startBroker } from './broker.ts';
import type { Broker, BrokerOptions } from './cluster.ts';
import { KafkaMissing } from './kafka-missing.ts';

/**
 * A `describe` whose tests get the brokers of a real Kafka, to be awaited at the top level of a test file. Where no Kafka can be had, its one test is skipped and
 * its name says why.
 */
export async function describeKafka(name: string, body: (brokers: readonly string[]) => void): Promise<void> {
  const response = await fetch(inject('kafka'));
  const answer = await response.text();
  if (response.status === 503) {
    skip(name, answer);
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
    skip(name, error.message);
    return;
  }
  describe(name, () => {
    afterAll(() => broker.stop());
    body(broker);
  });
}

function skip(name: string, reason: string): void {
  process.stderr.write(`skipped: ${name}: ${reason}\n`);
  describe.skip(name, () => {
    test.skip(reason, () => {});
  });
}

/** A name that no other test uses. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${randomBytes(5).toString('hex')}`;
}
