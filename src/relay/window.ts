/**
 * How many versions are asked for at once: fewer after an answer that was too large, too slow or throttled, and more again while answers come.
 */
import { Failure } from '../model/failure.ts';
import type { FailureCode } from '../model/failure.ts';

const VERSIONS_MAX = 100;

/** What a smaller question may help against. */
const TOO_MUCH: readonly FailureCode[] = [
  'provider.too_large',
  'provider.throttled',
  'provider.unavailable',
  'provider.unreachable',
  'provider.truncated',
];

/** Of one feed, over all of its runs. */
export class Window {
  #versions = VERSIONS_MAX;

  get versions(): number {
    return this.#versions;
  }

  /** `asked` versions were asked for, and `answered` of them could be had in one answer. */
  answered(asked: number, answered: number): void {
    if (answered < asked) this.#versions = Math.max(1, answered);
    else if (asked === this.#versions) this.#versions = Math.min(VERSIONS_MAX, 2 * this.#versions);
  }

  failed(error: unknown): void {
    if (error instanceof Failure && TOO_MUCH.includes(error.code)) this.#versions = Math.max(1, Math.floor(this.#versions / 2));
  }
}
