import { seededRandom } from '../delta-writer/random.ts';

/** So many of the items, the same for the same seed, in the order in which they are drawn. */
export function sample<T>(items: readonly T[], count: number, seed: number): readonly T[] {
  const random = seededRandom(seed);
  return items
    .map((item) => ({ item, at: random.below(2 ** 31) }))
    .toSorted((a, b) => a.at - b.at)
    .slice(0, count)
    .map(({ item }) => item);
}
