/** The broker that all test files of a run share. Topic names are the caller's to keep apart: `uniqueName`. */
/* oxlint-disable vitest/valid-title, vitest/no-conditional-tests, vitest/no-disabled-tests -- it makes suites for others, who name them */
import { randomBytes } from 'node:crypto';
import { describe, inject, test } from 'vitest';

/**
 * A `describe` whose tests get the brokers of a real Kafka, to be awaited at the top level of a test file. Where no Kafka can be had, its one test is skipped and
 * its name says why.
 */
export async function describeKafka(name: string, body: (brokers: readonly string[]) => void): Promise<void> {
  const response = await fetch(inject('kafka'));
  const answer = await response.text();
  if (response.status === 503) {
    process.stderr.write(`skipped: ${name}: ${answer}\n`);
    describe.skip(name, () => {
      test.skip(answer, () => {});
    });
    return;
  }
  if (!response.ok) throw new Error(`the shared Kafka did not start: ${answer}`);
  describe(name, () => {
    body(answer.split(','));
  });
}

/** A name that no other test uses. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${randomBytes(5).toString('hex')}`;
}
