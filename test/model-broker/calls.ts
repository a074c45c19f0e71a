/**
 * Requests of one client to the model broker, each with a deadline.
 */
import type { Clock } from '../../src/lib/clock.ts';
import { Failure } from '../../src/model/failure.ts';
import type { FailureCode } from '../../src/model/failure.ts';
import { Busy } from './broker.ts';
import { Disconnected } from './network.ts';
import type { Network } from './network.ts';

export interface CallOptions {
  readonly network: Network;
  /** Of the client. */
  readonly clock: Clock;
}

/** So long an answer is waited for: as in the real drivers. */
export const CALL_MS = 20_000;
export const OPEN_MS = 60_000;
/** Before asking again what the broker could not do yet. */
const BUSY_MS = 20;
const ANSWERED = new Error('the answer is there');

export class Calls {
  readonly #options: CallOptions;

  constructor(options: CallOptions) {
    this.#options = options;
  }

  /** `lost`: what a request is rejected with whose answer does not come. */
  async make<T>(what: string, deadlineMs: number, work: () => T, lost: FailureCode = 'kafka.unreachable'): Promise<T> {
    const { clock } = this.#options;
    const over = new AbortController();
    const late = clock.sleep(deadlineMs, over.signal).then((): never => {
      throw new Failure(lost, `${what}: no answer within ${deadlineMs / 1000} s`);
    });
    try {
      return await Promise.race([this.#patiently(what, work, over.signal), late]);
    } catch (error) {
      throw error instanceof Disconnected ? new Failure(lost, `${what}: ${error.message}`) : error;
    } finally {
      over.abort(ANSWERED);
    }
  }

  async #patiently<T>(what: string, work: () => T, signal: AbortSignal): Promise<T> {
    for (;;) {
      try {
        return await this.#options.network.call(what, work);
      } catch (error) {
        if (!(error instanceof Busy)) throw error;
      }
      await this.#options.clock.sleep(BUSY_MS, signal);
    }
  }
}
