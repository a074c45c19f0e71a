/**
 * The links of a listing in force. They are renewed by asking the very question again, once for all readers that wait, and the answer must name the same files
 * in the same way: anything else is another listing, and what becomes of the old one is the caller's to say.
 */
import { orAbort } from '../../../src/lib/abort.ts';
import type { Clock } from '../../../src/lib/clock.ts';
import { Failure } from '../../../src/model/failure.ts';
import type { Changes } from './changes.ts';
import { differenceInFiles, differenceInWay } from './differences.ts';
import type { Links } from './links.ts';
import { isStale } from './links.ts';
import { GivenUp } from './retry.ts';

export interface RenewalOptions {
  /** `acme's s.t.u`, for messages. */
  readonly what: string;
  readonly changes: Changes;
  /** Asks the same question again, pinned to the same format and id hash. Not bound to any one reader. */
  readonly askAgain: () => Promise<Changes>;
  readonly clock: Clock;
}

/** At most one is under way at a time. */
export class Renewal {
  readonly #options: RenewalOptions;
  #links: Links;
  #underway: Promise<Links> | null = null;

  constructor(options: RenewalOptions) {
    this.#options = options;
    this.#links = options.changes.links;
  }

  /** Links of which that of `key` is not about to die. */
  async fresh(key: string, signal: AbortSignal): Promise<Links> {
    return isStale(this.#links, key, this.#options.clock.now()) ? this.after(this.#links, signal) : this.#links;
  }

  /** Links other than `old`, which did not serve. */
  async after(old: Links, signal: AbortSignal): Promise<Links> {
    if (this.#links !== old) return this.#links;
    if (this.#underway === null) {
      this.#underway = this.#renew().finally(() => {
        this.#underway = null;
      });
      this.#underway.catch(() => {}); // Its readers are told; it may also end after all of them have left.
    }
    return orAbort(this.#underway, signal);
  }

  async #renew(): Promise<Links> {
    const { changes, askAgain, what } = this.#options;
    const { range, links } = await askAgain();
    const difference = differenceInWay(changes.range, range) ?? differenceInFiles(changes.range, range);
    if (difference !== null) {
      // To ask the same again would compare with the same listing, which is no longer the provider's.
      throw new GivenUp(new Failure('listing.changed', `renewing the URLs of ${what}, versions ${range.from}..${range.to}: ${difference}`));
    }
    this.#links = links;
    return links;
  }
}
