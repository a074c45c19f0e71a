/**
 * How far the consumer is in each version of each table, by what the versions hold.
 */
import { versionOf } from './reconcile.ts';

export interface HalfRead {
  readonly table: string;
  readonly version: number;
  readonly read: number;
  readonly expected: number;
}

export class Progress {
  readonly total: number;
  readonly #expected = new Map<string, number>();
  readonly #read = new Map<string, number>();
  #count = 0;

  /** Table → the lines of its `expected.jsonl`. */
  constructor(expected: ReadonlyMap<string, readonly string[]>) {
    for (const [table, lines] of expected) {
      for (const line of lines) increase(this.#expected, `${table} ${versionOf(line)}`);
    }
    this.total = [...expected.values()].reduce((sum, lines) => sum + lines.length, 0);
  }

  get count(): number {
    return this.#count;
  }

  add(table: string, version: number): void {
    this.#count++;
    increase(this.#read, `${table} ${version}`);
  }

  /** The versions of which a part has been read. */
  halfRead(): readonly HalfRead[] {
    return [...this.#read].flatMap(([name, read]) => {
      const expected = this.#expected.get(name) ?? 0;
      const [table = '', version = ''] = name.split(' ');
      return read < expected ? [{ table, version: Number(version), read, expected }] : [];
    });
  }
}

function increase(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
