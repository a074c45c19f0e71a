/**
 * What a provider does otherwise than the relay expects: gathered over a test, so that one run tells all of it, each with what it means for the relay.
 * No value that is compared may hold a signed URL.
 */
import { isDeepStrictEqual } from 'node:util';

/** What the relay makes of the difference. */
export type Coping = `copes: ${string}` | `does not cope: ${string}`;

const SHOWN_MAX = 400;

export class Differences {
  readonly #told: string[] = [];

  /** To be none. */
  get told(): readonly string[] {
    return this.#told;
  }

  look(what: string, answered: unknown, expected: unknown, relay: Coping): void {
    if (isDeepStrictEqual(answered, expected)) return;
    this.#told.push(`${what}: ${shown(answered)}, and not ${shown(expected)}; the relay ${relay}`);
  }
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
}
