/** Calls that cannot be called off, bounded in time. */

/** The promise, or a rejection with what `late` makes once `ms` have passed. The promise itself goes on; a late rejection of it is swallowed. */
export async function within<T>(promise: Promise<T>, ms: number, late: () => Error): Promise<T> {
  const { promise: passed, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(late()), ms);
  promise.catch(() => {});
  try {
    return await Promise.race([promise, passed]);
  } finally {
    clearTimeout(timer);
  }
}
