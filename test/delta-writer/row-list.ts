/**
 * A list of change rows that stays small with millions of them: typed arrays that double.
 */
import { must } from '../../src/lib/assert.ts';
import { CHANGE_TYPES } from '../../src/model/column-batch.ts';
import type { ChangeType } from '../../src/model/column-batch.ts';
import type { ChangeKey } from './expected-rows.ts';
import type { RowKeys } from './parquet-file.ts';

export class RowList {
  #types = new Uint8Array(64);
  #ids = new Int32Array(64);
  #revisions = new Int32Array(64);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(type: ChangeType, id: number, revision: number): void {
    if (this.#length === this.#ids.length) this.#grow();
    this.#types[this.#length] = CHANGE_TYPES.indexOf(type);
    this.#ids[this.#length] = id;
    this.#revisions[this.#length] = revision;
    this.#length++;
  }

  at(row: number): ChangeKey {
    return {
      type: must(CHANGE_TYPES[this.#types[row] ?? -1], 'a change type'),
      id: must(this.#ids[row], 'an id'),
      revision: must(this.#revisions[row], 'a revision'),
    };
  }

  keys(): RowKeys {
    return { ids: this.#ids.slice(0, this.#length), revisions: this.#revisions.slice(0, this.#length) };
  }

  types(): readonly ChangeType[] {
    return Array.from({ length: this.#length }, (_, row) => this.at(row).type);
  }

  /** Up to `count` lists of nearly equal length, none of them empty. */
  *slices(count: number): Iterable<RowList> {
    for (let slice = 0, first = 0; slice < count; slice++) {
      const end = Math.round(((slice + 1) * this.#length) / count);
      if (end === first) continue;
      yield this.#between(first, end);
      first = end;
    }
  }

  /** Deletes and preimages before inserts and postimages, else in the same order: so that the images of one row come to lie in different files. */
  leavingFirst(): RowList {
    const sorted = new RowList();
    for (const leaves of [true, false]) {
      for (let row = 0; row < this.#length; row++) {
        const { type, id, revision } = this.at(row);
        if ((type === 'delete' || type === 'update_preimage') === leaves) sorted.add(type, id, revision);
      }
    }
    return sorted;
  }

  #between(first: number, end: number): RowList {
    const part = new RowList();
    part.#types = this.#types.slice(first, end);
    part.#ids = this.#ids.slice(first, end);
    part.#revisions = this.#revisions.slice(first, end);
    part.#length = end - first;
    return part;
  }

  #grow(): void {
    const wider = this.#length * 2;
    const types = new Uint8Array(wider);
    types.set(this.#types);
    this.#types = types;
    const ids = new Int32Array(wider);
    ids.set(this.#ids);
    this.#ids = ids;
    const revisions = new Int32Array(wider);
    revisions.set(this.#revisions);
    this.#revisions = revisions;
  }
}
