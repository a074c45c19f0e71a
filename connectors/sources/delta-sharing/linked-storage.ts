/**
 * What lies behind the links of one listing: each request with the link in force, tried again while it may pass, and with a fresh link once if it is refused.
 */
import type { Semaphore } from '../../../src/lib/semaphore.ts';
import { Failure } from '../../../src/model/failure.ts';
import type { Secret } from '../../../src/model/secret.ts';
import { linkTo } from './links.ts';
import type { Renewal } from './renewal.ts';
import type { RetryPolicy } from './retry.ts';
import { GivenUp, retrying } from './retry.ts';
import type { StorageOptions } from './storage.ts';
import { UrlRefused } from './storage.ts';

export interface LinkedStorageOptions {
  readonly renewal: Renewal;
  readonly storage: StorageOptions;
  readonly retry: RetryPolicy;
  /** Requests to the storage at once, over all listings of the source. */
  readonly slots: Semaphore;
}

/** One request by a URL. */
export type StorageRequest<T> = (url: Secret, options: StorageOptions, signal: AbortSignal) => Promise<T | UrlRefused>;

/** A cut file may be whole the next time; one that is wrong each time is left to the relay's own, longer patience. */
const WRONG_LENGTHS_MAX = 3;

/** Rejects as `Source.read` says of files. `key` is of the listing's links. */
export async function askStorage<T>(
  { renewal, storage, retry, slots }: LinkedStorageOptions,
  key: string,
  request: StorageRequest<T>,
  signal: AbortSignal,
): Promise<T> {
  let wrongLengths = 0;
  return retrying(
    retry,
    async () => {
      let links = await renewal.fresh(key, signal);
      for (let renewed = false; ; renewed = true) {
        const release = await slots.acquire(1, signal);
        try {
          const got = await request(linkTo(links, key), storage, signal);
          if (!(got instanceof UrlRefused)) return got;
          if (renewed) throw got.failure;
        } catch (error) {
          if (error instanceof Failure && error.code === 'file.length' && ++wrongLengths === WRONG_LENGTHS_MAX) throw new GivenUp(error);
          throw error;
        } finally {
          release();
        }
        links = await renewal.after(links, signal);
      }
    },
    signal,
  );
}
