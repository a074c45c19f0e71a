import { expect, test } from 'vitest';
import type { ReadChange } from './consumer.ts';
import { reconcile } from './reconcile.ts';

test('every change once, in order, is nothing to complain of', () => {
  const read = [change('insert', 1, 'a'), change('delete', 2, 'a'), change('insert', 2, 'a')];
  expect(reconcile([line('insert', 2, 'a'), line('insert', 1, 'a'), line('delete', 2, 'a')], read)).toEqual({
    changes: 3,
    versions: 2,
    lost: [],
    doubled: [],
    disorder: [],
  });
});

test('a change that is missing, one that came twice and one that nobody expected are named', () => {
  const read = [change('insert', 1, 'a'), change('insert', 1, 'a'), change('insert', 1, 'x')];
  expect(reconcile([line('insert', 1, 'a'), line('insert', 1, 'b'), line('insert', 1, 'b')], read)).toEqual({
    changes: 3,
    versions: 1,
    lost: [line('insert', 1, 'b'), line('insert', 1, 'b')],
    doubled: [line('insert', 1, 'a'), line('insert', 1, 'x')],
    disorder: [],
  });
});

test('a version that falls, and an arrival before a departure, are disorder within a partition only', () => {
  const read = [change('insert', 2, 'a'), change('insert', 1, 'b', 1), change('update_preimage', 2, 'c'), change('insert', 1, 'd')];
  expect(reconcile([], read).disorder).toEqual([
    't/0: update_preimage of version 2 after insert of version 2',
    't/0: insert of version 1 after update_preimage of version 2',
  ]);
});

function change(type: string, version: number, id: string, partition = 0): ReadChange {
  return { topic: 't', partition, offset: '0', type, version, timestamp: 5, columns: { id } };
}

function line(type: string, version: number, id: string): string {
  return JSON.stringify({ _change_type: type, _commit_version: version, _commit_timestamp: 5, id });
}
