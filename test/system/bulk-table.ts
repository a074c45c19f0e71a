/**
 * A table that grows by so many rows a second, of which only sums are kept: inserts of a file, and files that leave again, so that it holds no more after hours than
 * after a minute.
 */
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { DeltaTable } from '../delta-writer/delta-table.ts';
import { seededRandom } from '../delta-writer/random.ts';
import { lineOf } from '../demo/avro-row.ts';
import { disorderFinder } from '../demo/reconcile.ts';
import { readChanges } from './read-topic.ts';
import type { TopicToRead } from './read-topic.ts';
import { Tally } from './tally.ts';

const ROWS = { least: 2_000, most: 30_000 };
const STEPS = ['insert', 'drop-file', 'insert', 'update', 'drop-file', 'insert', 'merge', 'drop-file'] as const;

export class BulkTable {
  readonly name: string;
  readonly #table: DeltaTable;
  readonly #expected: Tally;
  readonly #seed: number;

  private constructor(name: string, table: DeltaTable, expected: Tally, seed: number) {
    this.name = name;
    this.#table = table;
    this.#expected = expected;
    this.#seed = seed;
  }

  static async create(folder: string, name: string, seed: number): Promise<BulkTable> {
    const expected = new Tally();
    const table = await DeltaTable.create({
      folder: join(folder, name),
      seed,
      expected: 'nothing',
      createdAt: Date.UTC(2026, 0, 1),
      onRow: (version, type, text) => expected.add(version, type, text),
    });
    return new BulkTable(name, table, expected, seed);
  }

  get versions(): number {
    return this.#table.latest + 1;
  }

  async growUntil(until: number, rowsPerSecond: number): Promise<void> {
    const random = seededRandom(this.#seed);
    const startedAt = performance.now();
    let at = Date.UTC(2026, 0, 1);
    for (let step = 0; performance.now() < until; step++) {
      const kind = STEPS[step % STEPS.length] ?? 'insert';
      const rows = random.between(ROWS.least, ROWS.most);
      // An update rewrites the files that it touches, whatever their size.
      const change = { kind, rows: kind === 'insert' ? rows : Math.ceil(rows / 10), files: 1 };
      await this.#table.append(kind === 'drop-file' ? { kind } : { ...change, kind }, (at += random.between(1, 1_000)));
      const dueAt = startedAt + (this.#expected.rows / rowsPerSecond) * 1_000;
      await wait(Math.max(0, Math.min(dueAt, until) - performance.now()));
    }
  }

  /** What the topic holds otherwise than it must, a sentence each. */
  async compare(topic: TopicToRead): Promise<{ readonly told: number; readonly wrong: readonly string[] }> {
    const read = new Tally();
    const find = disorderFinder();
    const disorder: string[] = [];
    await readChanges(topic, (change) => {
      read.add(change.version, change.type, lineOf(change));
      const sentence = find(change);
      if (sentence !== null) disorder.push(sentence);
    });
    return { told: read.rows, wrong: [...read.differences(this.#expected), ...disorder] };
  }
}
