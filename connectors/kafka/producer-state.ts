/**
 * What a transactional producer may be asked now. One call at a time, only where it is legal, and bounded in time; whatever rejects breaks the producer, and then only
 * closing is legal: nobody guesses what became of a call.
 */
import { assert } from '../../src/lib/assert.ts';
import { Failure } from '../../src/model/failure.ts';
import { within } from './deadline.ts';
import { failureOf } from './kafka-failure.ts';
import type { Attempt } from './kafka-failure.ts';

export type ProducerPhase =
  /** Has no epoch yet. */
  | 'new'
  /** Between transactions. */
  | 'ready'
  /** In a transaction. */
  | 'begun'
  /** A call is under way. */
  | 'busy'
  | 'broken'
  | 'closed';

export class ProducerState {
  readonly #onEnd: () => void;
  readonly #trouble: () => string | null;
  #phase: ProducerPhase = 'new';

  /**
   * `onEnd` is called when the producer breaks, and when it is closed: from then on nothing of it may reach a broker. `trouble` tells what the call under way last met,
   * for the message of one that takes too long.
   */
  constructor(onEnd: () => void, trouble: () => string | null = () => null) {
    this.#onEnd = onEnd;
    this.#trouble = trouble;
  }

  get isClosed(): boolean {
    return this.#phase === 'closed';
  }

  /** `call`, which is legal in `from` and leads to `to`. Rejects with a `Failure`. */
  async during<T>(from: ProducerPhase, to: ProducerPhase, attempt: Attempt, deadlineMs: number, call: () => Promise<T>): Promise<T> {
    assert(this.#phase === from, `${attempt.doing}: the producer is ${this.#phase}`);
    this.#phase = 'busy';
    // A commit that is late is in doubt even if it resolves in the end.
    const code = to === 'ready' ? 'kafka.unknown' : 'kafka.unreachable';
    const late = (): Failure => {
      const trouble = this.#trouble();
      return new Failure(code, `${attempt.doing}: no answer within ${deadlineMs / 1000} s${trouble === null ? '' : `, but ${trouble}`}`);
    };
    try {
      const result = await within(call(), deadlineMs, late);
      // `close` may come while the call is under way; nothing follows it.
      if (!this.isClosed) this.#phase = to;
      return result;
    } catch (error) {
      if (this.isClosed) throw closedMeanwhile(error, attempt);
      this.#phase = 'broken';
      this.#onEnd();
      throw failureOf(error, attempt);
    }
  }

  /** False if it was closed before. */
  close(): boolean {
    if (this.isClosed) return false;
    this.#phase = 'closed';
    this.#onEnd();
    return true;
  }
}

function closedMeanwhile(error: unknown, attempt: Attempt): Failure {
  if (error instanceof Failure) return error;
  return new Failure('kafka.rejected', `${attempt.doing}: the producer was closed meanwhile`, { cause: error });
}
