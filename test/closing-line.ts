/**
 * The last line of every test run: `N passed, M failed`, with `, K skipped` behind it if any test was skipped, and every reason for skipping above it.
 * Counted as failed besides failed tests: files that do not load, hooks that fail, tests that did not finish, and errors that nobody handled. Vitest's own
 * summary counts none of those among its tests.
 */
import type { Reporter, SerializedError, TestCase, TestModule, TestSuite } from 'vitest/node';

/** What became of one run. */
interface Tally {
  readonly passed: number;
  readonly failed: number;
  /** Reason → how many tests were skipped for it. */
  readonly skipped: ReadonlyMap<string, number>;
}

/** Prints the closing line; listed last among the reporters, so that nothing follows it. */
export class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    process.stdout.write(closingText(tally(modules, unhandledErrors.length)));
  }
}

/** The reasons and the closing line, each on a line of its own. */
function closingText({ passed, failed, skipped }: Tally): string {
  const count = [...skipped.values()].reduce((sum, each) => sum + each, 0);
  const reasons = [...skipped].map(([reason, times]) => `skipped ${times}: ${reason}\n`);
  return `\n${reasons.join('')}${passed} passed, ${failed} failed${count === 0 ? '' : `, ${count} skipped`}\n`;
}

/** Counts tests, and the failures that belong to no test. */
function tally(modules: readonly TestModule[], unhandledErrors: number): Tally {
  let passed = 0;
  let failed = unhandledErrors;
  const skipped = new Map<string, number>();
  for (const module of modules) {
    failed += failuresOfItsOwn(module);
    for (const suite of module.children.allSuites()) failed += failuresOfItsOwn(suite);
    for (const test of module.children.allTests()) {
      const outcome = outcomeOf(test);
      if (outcome === 'passed') passed += 1;
      else if (outcome === 'failed') failed += 1;
      else skipped.set(outcome.reason, (skipped.get(outcome.reason) ?? 0) + 1);
    }
  }
  return { passed, failed, skipped };
}

/** One if the file did not load or a hook around its tests failed: none of its tests tells of it. */
function failuresOfItsOwn(part: TestModule | TestSuite): number {
  return part.errors().length > 0 ? 1 : 0;
}

function outcomeOf(test: TestCase): 'passed' | 'failed' | { readonly reason: string } {
  const result = test.result();
  switch (result.state) {
    case 'passed':
    case 'failed':
      return result.state;
    case 'pending':
      return test.options.mode === 'run' || test.options.mode === 'only' ? 'failed' : { reason: 'not written yet' };
    case 'skipped':
      return {
        reason: result.note ?? (test.options.mode === 'todo' ? 'not written yet' : 'no reason is given, or another test was chosen'),
      };
  }
}
