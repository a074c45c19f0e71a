import { expect, test } from 'vitest';
import type { ReadStep } from '../../../connectors/kafka/committed-reader.ts';
import { latestUpTo } from '../../../connectors/kafka/read-back.ts';

const NAMES = { doing: 'claiming as r.0', place: 'checkpoints-0' };

/** Answers that come 400 ms after one another, each up to the offset that it names; `texts`: offset → `key=value`, or `key` of a deletion. */
async function* slowly(
  nexts: readonly number[],
  clock: { ms: number },
  texts: Readonly<Record<number, string>> = {},
): AsyncGenerator<ReadStep> {
  let from = 0;
  for (const next of nexts) {
    clock.ms += 400;
    const offsets = Object.keys(texts).map(Number);
    const records = offsets.filter((offset) => offset >= from && offset < next).map((offset) => recordOf(offset, texts[offset] ?? ''));
    from = next;
    yield { partition: 0, records, next, stable: next, end: 99 };
  }
}

function recordOf(offset: number, text: string): ReadStep['records'][number] {
  const [key = '', value] = text.split('=');
  return { partition: 0, offset, timestamp: 0, key: Buffer.from(key), value: value === undefined ? null : Buffer.from(value), headers: {} };
}

const read = (nexts: readonly number[], offset: number, texts?: Readonly<Record<number, string>>): Promise<ReadonlyMap<string, string>> => {
  const clock = { ms: 0 };
  return latestUpTo(slowly(nexts, clock, texts), offset, NAMES, { timeoutMs: 1_000, now: () => clock.ms });
};

test('a partition may be read for any time as long as the reading gets on', async () => {
  const nexts = [10, 10, 20, 20, 30, 30, 40, 50, 60, 70];
  expect(await read(nexts, 69, { 3: 'a=1', 9: 'b=1', 25: 'a=2', 40: 'b', 69: 'c=1' })).toEqual(
    new Map([
      ['a', '2'],
      ['c', '1'],
    ]),
  );
});

test('a reading that gets no further is stuck, though it got on before', async () => {
  await expect(read([10, 20, 20, 20, 20, 20, 70], 69)).rejects.toMatchObject({
    code: 'kafka.stuck',
    message: 'claiming as r.0: checkpoints-0 can be read up to offset 20 only, of 99: a transaction is open there',
  });
  await expect(read([0, 0, 0, 70], 69)).rejects.toMatchObject({ code: 'kafka.stuck' });
});
