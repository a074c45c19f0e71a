import { skipSuite } from '../support/skip-suite.ts';
import { PartMissing } from './parts.ts';

/** A `describe` with a part that must be had first, to be awaited at the top level of a test file. Where it cannot be had, its one test is skipped and says why. */
export async function describeWith<T>(name: string, find: () => Promise<T>, body: (part: T) => Promise<void> | void): Promise<void> {
  let part: T;
  try {
    part = await find();
  } catch (error) {
    if (!(error instanceof PartMissing)) throw error;
    skipSuite(name, error.message);
    return;
  }
  await body(part);
}
