import { expect, test } from 'vitest';
import type { ChangeFile, FileContent } from '../../src/model/change-files.ts';
import { ReadAhead } from '../../src/relay/read-ahead.ts';

const { signal } = new AbortController();

function file(id: string, size: number | null = 10): ChangeFile {
  return { kind: 'cdf', id, size, partitionValues: {}, rows: null };
}

/** Reads `asked` of `files`, and tells what was read when: `a` for the file itself, `+b` behind it for what is being read ahead. */
async function readings(files: readonly ChangeFile[], asked: readonly ChangeFile[], keptBytes: number): Promise<readonly string[]> {
  const log: string[] = [];
  const read = async (one: ChangeFile): Promise<FileContent> => {
    log.push(one.id);
    if (one.id === 'bad') throw new Error('no such file');
    return { bytes: new Uint8Array(one.size ?? 10), rows: null };
  };
  const ahead = new ReadAhead({ files, keptBytes, aheadBytes: 20, read });
  const steps: string[] = [];
  for (const one of asked) {
    const content = await ahead.read(one, signal).catch((error: unknown) => String(error));
    steps.push(`${one.id}: ${typeof content === 'string' ? content : log.splice(0).join(' ')}`);
  }
  return steps;
}

const [a, b, c] = [file('a'), file('b'), file('c')];

test('the next file is read while one is at work, round and round', async () => {
  expect(await readings([a, b, c], [a, b, c, a, b], 0)).toEqual(['a: a b', 'b: c', 'c: a', 'a: b', 'b: c']);
});

test('what the worker keeps is not read again', async () => {
  expect(await readings([a, b, c], [a, b, c, c], 25)).toEqual(['a: a b', 'b: c', 'c: ', 'c: c']);
});

test('large files, those of unknown size, and the only one are not read ahead', async () => {
  const [large, untold] = [file('large', 21), file('untold', null)];
  expect(await readings([a, large, untold], [a, large, untold], 0)).toEqual(['a: a', 'large: large', 'untold: untold a']);
  expect(await readings([a], [a, a], 0)).toEqual(['a: a', 'a: a']);
});

test('what fails ahead fails when it is asked for, and not before', async () => {
  const bad = file('bad');
  expect(await readings([a, bad, c], [a, c, a, bad], 0)).toEqual(['a: a bad', 'c: c a', 'a: bad', 'bad: Error: no such file']);
});
