/**
 * An ordered map over a stream with some items in flight: the results come in the order of the source, while up to `width` of them are being made ahead of
 * the reader. A failure is thrown where its item would have come.
 */

/** What becomes of what is under way when the reader leaves, or a failure ends the map: nobody will read it. */
export interface Leaving<R> {
  /** Called first, so that what is still being made is made no further: the map waits for it to settle before it ends. */
  readonly abandon: () => void;
  /** Called for each result that was made ahead. */
  readonly discard: (result: R) => void;
}

export async function* prefetch<T, R>(
  source: AsyncIterable<T>,
  width: number,
  map: (item: T) => Promise<R> | R,
  leaving: Leaving<R> | null = null,
): AsyncGenerator<R, void> {
  const iterator = source[Symbol.asyncIterator]();
  const inFlight: Promise<{ readonly value: R } | null>[] = [];
  const start = (): void => {
    const next = iterator.next().then(async (result) => (result.done === true ? null : { value: await map(result.value) }));
    next.catch(() => {}); // It is thrown when its turn comes, or not at all if the reader leaves before.
    inFlight.push(next);
  };
  try {
    while (inFlight.length < width) start();
    for (let first = inFlight.shift(); first !== undefined; first = inFlight.shift()) {
      const result = await first;
      if (result === null) return;
      start();
      yield result.value;
    }
  } finally {
    leaving?.abandon();
    for (const settled of await Promise.allSettled(inFlight)) {
      if (settled.status === 'fulfilled' && settled.value !== null) leaving?.discard(settled.value.value);
    }
    await iterator.return?.();
  }
}
