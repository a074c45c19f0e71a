/**
 * Count and sum of hashes of the rows of each version and change type: whether two streams hold the same rows, for streams that are too large to be compared row by row.
 */
import { hash } from 'node:crypto';

interface Sum {
  readonly rows: number;
  /** Of the first 48 bits of each row's SHA-1, modulo 2⁴⁸. */
  readonly sum: number;
}

export class Tally {
  #rows = 0;
  readonly #sums = new Map<string, Sum>();

  get rows(): number {
    return this.#rows;
  }

  add(version: number, type: string, text: string): void {
    this.#rows++;
    const name = `version ${version}, ${type}`;
    const { rows, sum } = this.#sums.get(name) ?? { rows: 0, sum: 0 };
    this.#sums.set(name, { rows: rows + 1, sum: (sum + hash('sha1', text, 'buffer').readUIntBE(0, 6)) % 2 ** 48 });
  }

  /** A sentence for each version and type of which this tally, of what was read, differs from what must be. */
  differences(expected: Tally): readonly string[] {
    const names = new Set([...this.#sums.keys(), ...expected.#sums.keys()]);
    return [...names].flatMap((name) => {
      const [found, wanted] = [toldOf(this.#sums.get(name)), toldOf(expected.#sums.get(name))];
      return found === wanted ? [] : [`${name}: ${found}, not ${wanted}`];
    });
  }
}

function toldOf(sum: Sum | undefined): string {
  return sum === undefined ? 'nothing' : `${sum.rows} rows with the sum ${sum.sum.toString(16)}`;
}
