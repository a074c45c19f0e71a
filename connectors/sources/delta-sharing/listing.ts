/**
 * A listing and the way to its files. Its URLs die; they are renewed by asking the very question again, once for all readers that wait, and the answer must
 * name the same files in the same way: anything else is another listing, and what becomes of the old one is the caller's to say.
 */
import { orAbort } from '../../../src/lib/abort.ts';
import { assert } from '../../../src/lib/assert.ts';
import type { Semaphore } from '../../../src/lib/semaphore.ts';
import { Failure } from '../../../src/model/failure.ts';
import type { ChangeListing } from '../../../src/ports/source.ts';
import type { Changes } from './changes.ts';
import { differenceInFiles, differenceInWay, filesByKey } from './differences.ts';
import type { Links } from './links.ts';
import { isStale, linkKey, linkTo } from './links.ts';
import type { RetryPolicy } from './retry.ts';
import { GivenUp, retrying } from './retry.ts';
import type { StorageOptions } from './storage.ts';
import { getFile } from './storage.ts';

export interface ListingOptions {
  /** `acme's s.t.u`, for messages. */
  readonly what: string;
  readonly changes: Changes;
  /** Asks the same question again, pinned to the same format and id hash. Not bound to any one reader. */
  readonly askAgain: () => Promise<Changes>;
  readonly storage: StorageOptions;
  readonly retry: RetryPolicy;
  /** Files being read at once, over all listings of the source. */
  readonly slots: Semaphore;
}

/** A cut file may be whole the next time; one that is wrong each time is left to the relay's own, longer patience. */
const WRONG_LENGTHS_MAX = 3;

export function listingOf(options: ListingOptions): ChangeListing {
  const { what, changes, storage, retry, slots } = options;
  const { range } = changes;
  const renewal = new Renewal(options);
  const listed = filesByKey(range);

  return {
    ...range,

    prove: async () => assert(false, 'not built'),
    read: async (version, file, signal) => {
      const key = linkKey(version.version, file.kind, file.id);
      assert(listed.has(key), `file ${file.id} of version ${version.version} is not of this listing`);
      const doing = `reading file ${file.id} of ${what} at version ${version.version}`;
      const stored = { id: file.id, version: version.version, size: file.size };
      let wrongLengths = 0;
      return retrying(
        retry,
        async () => {
          let links = await renewal.fresh(key, signal);
          for (let renewed = false; ; renewed = true) {
            const release = await slots.acquire(1, signal);
            try {
              const got = await getFile(linkTo(links, key), stored, doing, storage, signal);
              if (got instanceof Uint8Array) return { bytes: got, rows: null };
              if (renewed) throw got.failure;
            } catch (error) {
              if (error instanceof Failure && error.code === 'file.length' && ++wrongLengths === WRONG_LENGTHS_MAX)
                throw new GivenUp(error);
              throw error;
            } finally {
              release();
            }
            links = await renewal.after(links, signal);
          }
        },
        signal,
      );
    },
  };
}

/** The links in force, and at most one renewal at a time. */
class Renewal {
  readonly #options: ListingOptions;
  #links: Links;
  #underway: Promise<Links> | null = null;

  constructor(options: ListingOptions) {
    this.#options = options;
    this.#links = options.changes.links;
  }

  /** Links of which that of `key` is not about to die. */
  async fresh(key: string, signal: AbortSignal): Promise<Links> {
    return isStale(this.#links, key, this.#options.retry.clock.now()) ? this.after(this.#links, signal) : this.#links;
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
