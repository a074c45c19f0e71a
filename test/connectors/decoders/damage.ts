/**
 * Damage done to a file: cut at a length, or bytes overwritten.
 */
export type Damage =
  | { readonly kind: 'cut'; readonly length: number }
  /** Places as fractions of the file's length. */
  | { readonly kind: 'overwritten'; readonly bytes: readonly { readonly place: number; readonly value: number }[] };

/** What came of the damage with that index: `rows`, the code of a failure, or the text of any other error. */
export interface DamageReport {
  readonly index: number;
  readonly outcome: string;
  /** What the decoder holds after it. */
  readonly heldBytes: number;
}

/** A damaged copy. */
export function damaged(file: Uint8Array, damage: Damage): Uint8Array {
  if (damage.kind === 'cut') return file.slice(0, damage.length);
  const copy = file.slice();
  for (const { place, value } of damage.bytes) copy[Math.floor(place * copy.length)] = value;
  return copy;
}
