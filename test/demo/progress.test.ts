import { expect, test } from 'vitest';
import { Progress } from './progress.ts';

test('a version is half read from its first change until its last', () => {
  const line = (version: number): string => JSON.stringify({ _commit_version: version });
  const progress = new Progress(
    new Map([
      ['a', [line(1), line(2), line(2)]],
      ['b', [line(2)]],
    ]),
  );
  const seen: unknown[] = [progress.halfRead()];
  for (const [table, version] of [
    ['a', 1],
    ['a', 2],
    ['b', 2],
    ['a', 2],
  ] as const) {
    progress.add(table, version);
    seen.push(progress.halfRead());
  }
  const half = [{ table: 'a', version: 2, read: 1, expected: 2 }];
  expect(seen).toEqual([[], [], half, half, []]);
  expect([progress.count, progress.total]).toEqual([4, 4]);
});
