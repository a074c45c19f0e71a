/**
 * A table in whose history everything happens that a feed tells in another way: inserts, updates and merges in change files, deletes in change files, of whole files and
 * by deletion vectors, files that are joined, properties, and columns that are added. The seed determines the steps; in every twelve versions each of them comes.
 */
import { must } from '../../src/lib/assert.ts';
import { seededRandom } from '../delta-writer/random.ts';
import type { Random } from '../delta-writer/random.ts';
import { SmallTable, inserted, linesOf, timeOf } from '../relay/small-table.ts';
import type { Change, Columns, Row, SmallCommit, StoredFile } from '../relay/small-table.ts';

const STEPS = [
  'insert',
  'insert',
  'update',
  'vector',
  'merge',
  'widen',
  'delete',
  'insert',
  'vector',
  'drop',
  'join',
  'properties',
] as const;
const COLUMNS_MAX = 12;
const ROWS_PER_FILE = 4;

interface LiveFile {
  readonly file: StoredFile;
  readonly rows: readonly Row[];
  /** Indices of rows that its vector deletes. */
  readonly gone: readonly number[];
}

export class MixedTable {
  readonly name: string;
  readonly #table: SmallTable;
  readonly #random: Random;
  readonly #columns: Columns[] = [];
  readonly #lines: string[] = [];
  #files: readonly LiveFile[] = [];
  #nextId = 1;

  constructor(folder: string, name: string, seed: number) {
    this.name = name;
    this.#random = seededRandom(seed);
    this.#table = new SmallTable(folder, name, { id: 'long', name: 'string' }, ['deletionVectors']);
  }

  get latest(): number {
    return this.#table.latest;
  }

  /** What its feed must tell, as lines of `expected.jsonl`. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  columnsAt(version: number): readonly string[] {
    return Object.keys(must(this.#columns[version], `version ${version}`));
  }

  timestampAt(version: number): number {
    return timeOf(version);
  }

  /** Commits the next version. */
  async grow(): Promise<void> {
    const version = this.latest + 1;
    const step = must(STEPS[version % STEPS.length], 'a step');
    const before = this.#columns.at(-1) ?? { id: 'long', name: 'string' };
    const isWider = step === 'widen' && Object.keys(before).length < COLUMNS_MAX;
    const columns: Columns = isWider ? { ...before, [`c${version}`]: this.#random.chance(50) ? 'string' : 'long' } : before;
    this.#columns.push(columns);
    const changes = await this.#step(step, isWider ? { columns } : {});
    const leaving = changes.filter(({ _change_type: type }) => type === 'delete' || type === 'update_preimage');
    const arriving = changes.filter((change) => !leaving.includes(change));
    this.#lines.push(...linesOf(version, [...leaving, ...arriving], columns));
  }

  async #step(step: (typeof STEPS)[number], commit: SmallCommit): Promise<readonly Change[]> {
    const chosen = this.#files[this.#random.below(Math.max(1, this.#files.length))];
    if (chosen === undefined || liveRows(chosen).length === 0) return this.#insert(commit);
    switch (step) {
      case 'insert':
      case 'widen':
        return this.#insert(commit);
      case 'update':
      case 'delete':
      case 'merge':
        return this.#rewrite(chosen, step);
      case 'vector':
        return this.#deleteByVector(chosen);
      case 'drop':
        this.#files = this.#files.filter((other) => other !== chosen);
        await this.#table.commit({ removes: [chosen.file] });
        return liveRows(chosen).map((row) => ({ ...row, _change_type: 'delete' }));
      case 'join': {
        const rows = this.#files.flatMap(liveRows);
        const joined = await this.#table.commit({ joins: [rows], removes: this.#files.map(({ file }) => file) });
        this.#files = joined.map((file) => ({ file, rows, gone: [] }));
        return [];
      }
      case 'properties':
        await this.#table.commit({ feed: true });
        return [];
    }
  }

  async #insert(commit: SmallCommit): Promise<readonly Change[]> {
    const adds = Array.from({ length: this.#random.between(1, 2) }, () => this.#newRows());
    const files = await this.#table.commit({ ...commit, adds });
    this.#files = [...this.#files, ...files.map((file, index) => ({ file, rows: must(adds[index], 'the rows of a file'), gone: [] }))];
    return inserted(adds.flat());
  }

  /** Copy on write: change files tell what happened. */
  async #rewrite(chosen: LiveFile, step: 'update' | 'delete' | 'merge'): Promise<readonly Change[]> {
    const changes: Change[] = [];
    const kept: Row[] = [];
    for (const [index, row] of liveRows(chosen).entries()) {
      const after = { ...row, name: `${String(row['name'])}, again` };
      if (step !== 'delete' && index % 2 === 0) {
        changes.push({ ...row, _change_type: 'update_preimage' }, { ...after, _change_type: 'update_postimage' });
        kept.push(after);
      } else if (step !== 'update' && index % 2 === 1) {
        changes.push({ ...row, _change_type: 'delete' });
      } else {
        kept.push(row);
      }
    }
    const arriving = step === 'merge' ? this.#newRows() : [];
    changes.push(...inserted(arriving));
    const rows = [...kept, ...arriving];
    const written = rows.length === 0 ? [] : [rows];
    const half = Math.ceil(changes.length / 2);
    const told = changes.length > 4 ? [changes.slice(0, half), changes.slice(half)] : [changes];
    const isTold = changes.length > 0;
    const added = await this.#table.commit({ ...(isTold ? { adds: written, changes: told } : { joins: written }), removes: [chosen.file] });
    this.#files = [...this.#files.filter((other) => other !== chosen), ...added.map((file) => ({ file, rows, gone: [] }))];
    return changes;
  }

  async #deleteByVector(chosen: LiveFile): Promise<readonly Change[]> {
    const left = [...chosen.rows.keys()].filter((index) => !chosen.gone.includes(index));
    const now = left.filter((_, index) => index % 2 === 0);
    const gone = [...chosen.gone, ...now].toSorted((a, b) => a - b);
    const file = await this.#table.withVector(chosen.file, gone);
    await this.#table.commit({ removes: [chosen.file], again: [file] });
    this.#files = this.#files.map((other) => (other === chosen ? { ...chosen, file, gone } : other));
    return now.map((index) => ({ ...must(chosen.rows[index], 'a row'), _change_type: 'delete' }));
  }

  #newRows(): readonly Row[] {
    return Array.from({ length: this.#random.between(2, ROWS_PER_FILE) }, () => {
      const id = this.#nextId++;
      const more = Object.entries(this.#columns.at(-1) ?? {}).filter(([name]) => name.startsWith('c'));
      const cells = more.map(([name, type]): [string, string | number] => [name, type === 'long' ? id * 10 : `${name} of ${id}`]);
      return { id, name: `row ${id}`, ...Object.fromEntries(cells) };
    });
  }
}

function liveRows({ rows, gone }: LiveFile): readonly Row[] {
  return rows.filter((_, index) => !gone.includes(index));
}
