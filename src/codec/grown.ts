/**
 * Typed arrays that grow by doubling.
 */

/** The array if it has as many elements, else a longer one with the same content; what is new is `filler`. */
export function grown(array: Int32Array<ArrayBuffer>, length: number, filler = 0): Int32Array<ArrayBuffer> {
  if (array.length >= length) return array;
  const longer = new Int32Array(Math.max(length, 2 * array.length));
  longer.set(array);
  if (filler !== 0) longer.fill(filler, array.length);
  return longer;
}
