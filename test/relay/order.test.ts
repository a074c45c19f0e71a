import { expect, test } from 'vitest';
import { planOf } from '../../src/relay/order.ts';
import type { ChangeFile, FileKind } from '../../src/model/change-files.ts';

function file(kind: FileKind, id: string): ChangeFile {
  return { kind, id, size: 1, partitionValues: {}, rows: null };
}

function order(files: readonly ChangeFile[]): readonly string[] {
  const plan = planOf(
    { version: 7, timestamp: 1, tableId: 't', schema: { columns: [], partitionColumns: [], mapping: 'none' }, files },
    false,
  );
  return plan.entries.map((entry) => `${entry.pass} ${entry.kind} ${entry.file.id}`);
}

test('what leaves stands before what arrives, each by file id, so that images need be in no one file (trap 35)', () => {
  expect(order([file('add', 'b'), file('remove', 'z'), file('add', 'a'), file('remove', 'c')])).toEqual([
    'leaves remove c',
    'leaves remove z',
    'arrives add a',
    'arrives add b',
  ]);
});

test('a change file is two entries', () => {
  expect(order([file('cdf', 'b'), file('cdf', 'a')])).toEqual(['leaves cdf a', 'leaves cdf b', 'arrives cdf a', 'arrives cdf b']);
});

test('the order is by code unit and does not depend on the order of the lines', () => {
  const files = ['a', 'B', 'ä', '1', '_'].map((id) => file('add', id));
  expect(order(files)).toEqual(order(files.toReversed()));
  expect(order(files)).toEqual(['arrives add 1', 'arrives add B', 'arrives add _', 'arrives add a', 'arrives add ä']);
});
