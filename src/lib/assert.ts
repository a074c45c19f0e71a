/**
 * Bugs. An assertion says that the program itself is wrong; what the world does wrong is a `Failure` (model/failure.ts).
 */

/** Throws when a fact that the program relies on does not hold. */
export function assert(fact: unknown, message: string): asserts fact {
  if (!fact) throw new Error(`bug: ${message}`);
}

/** The value, which cannot be missing here. */
export function must<T>(value: T | null | undefined, what: string): T {
  assert(value !== null && value !== undefined, `${what} is missing`);
  return value;
}

/** Closes a `switch` over a union: a new member no longer compiles until it is handled. */
export function unreachable(value: never): never {
  throw new Error(`bug: unexpected ${JSON.stringify(value)}`);
}
