/**
 * For how long a checkpoint partition is this relay's to work on: from its assignment by the group until it is given up or lost (src/ports/membership.ts).
 */
export class Tenure {
  readonly #ending = new AbortController();
  readonly #over = new AbortController();

  /** Aborts when the partition is to be given up: nothing new is begun, and a transaction under way may end. */
  get ending(): AbortSignal {
    return this.#ending.signal;
  }

  /** Aborts when everything is to stop at once. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  end(): void {
    this.#ending.abort(new Error('the partition is given up'));
  }

  endAtOnce(): void {
    this.end();
    this.#over.abort(new Error('the partition is lost to the group'));
  }
}
