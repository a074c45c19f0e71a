/* oxlint-disable vitest/valid-title, vitest/expect-expect -- it makes a suite for others, who name it */
import { describe, test } from 'vitest';

/** A suite whose one test is skipped, for what it needs cannot be had: why is told at once, and again where the tests close. */
export function skipSuite(name: string, reason: string): void {
  process.stderr.write(`skipped: ${name}: ${reason}\n`);
  describe(name, () => {
    test('needs what cannot be had here', (context) => context.skip(reason));
  });
}
