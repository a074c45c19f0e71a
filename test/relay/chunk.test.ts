import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Clock } from '../../src/lib/clock.ts';
import { startOf } from '../../src/model/position.ts';
import type { Position } from '../../src/model/position.ts';
import { gather } from '../../src/relay/chunk.ts';
import type { Chunk, ChunkLimits, Step, VersionHead } from '../../src/relay/chunk.ts';
import type { Segment } from '../../src/ports/encoder.ts';

const LIMITS: ChunkLimits = { records: 10, bytes: 1_000, timeMs: 2_000 };

function head(version: number): VersionHead {
  return { version, timestamp: version, tableId: 't', rows: null };
}

function segment(records: number, bytes = records): Segment {
  return {
    blocks: [],
    records,
    bytes,
    counts: { insert: records, update_preimage: 0, update_postimage: 0, delete: 0 },
    duplicates: 0,
    passes: 1,
    checksum: 0n,
    step: 0,
    nextRow: 0,
    largestRecord: 0,
  };
}

/** The steps of versions 0, 1, 2 …, each a list of its segments' record counts. */
function stepsOf(versions: readonly (readonly number[])[]): readonly Step[] {
  return versions.flatMap((segments, version): readonly Step[] => {
    let records = 0;
    const rows = segments.map((count): Step => {
      records += count;
      return { kind: 'rows', head: head(version), segment: segment(count), after: { ...startOf(version), records } };
    });
    return [...rows, { kind: 'whole', head: head(version), after: startOf(version + 1) }];
  });
}

function clockOf(times: () => number): Clock {
  return { now: times, sleep: () => Promise.resolve(), random: () => 0 };
}

async function* stream(steps: readonly Step[], failure: Error | null): AsyncGenerator<Step> {
  yield* steps;
  if (failure !== null) throw failure;
}

async function chunksOf(steps: readonly Step[], limits = LIMITS, clock = clockOf(() => 0)): Promise<readonly Chunk[]> {
  const chunks: Chunk[] = [];
  for await (const chunk of gather(stream(steps, null), startOf(0), limits, clock)) chunks.push(chunk);
  return chunks;
}

/** `from → to: versions`, `~` after a version that the chunk does not complete. */
function text(chunk: Chunk): string {
  const at = (position: Position): string => (position.records === 0 ? `${position.version}` : `${position.version}+${position.records}`);
  return `${at(chunk.from)}→${at(chunk.to)}: ${chunk.parts.map((part) => `${part.head.version}${part.isWhole ? '' : '~'}`).join(' ')}`;
}

test('whole versions are gathered until the chunk is full', async () => {
  expect((await chunksOf(stepsOf([[4], [4], [4], [1]]))).map(text)).toEqual(['0→2: 0 1', '2→4: 2 3']);
});

test('a version that fits a chunk is not split, even when it does not fit beside what is gathered', async () => {
  expect((await chunksOf(stepsOf([[4], [3, 3, 3]]))).map(text)).toEqual(['0→1: 0', '1→2: 1']);
});

test('a version that does not fit is cut between segments', async () => {
  expect((await chunksOf(stepsOf([[2], [6, 6, 6], [1]]))).map(text)).toEqual(['0→1: 0', '1→1+6: 1~', '1+6→1+12: 1~', '1+12→3: 1 2']);
});

test('bytes bound a chunk as records do', async () => {
  const steps: readonly Step[] = [0, 1, 2].flatMap((version): readonly Step[] => [
    { kind: 'rows', head: head(version), segment: segment(1, 600), after: { ...startOf(version), records: 1 } },
    { kind: 'whole', head: head(version), after: startOf(version + 1) },
  ]);
  expect((await chunksOf(steps)).map(text)).toEqual(['0→1: 0', '1→2: 1', '2→3: 2']);
});

test('versions without rows move the position', async () => {
  expect((await chunksOf(stepsOf([[], [], []]))).map(text)).toEqual(['0→3: 0 1 2']);
});

test('gathering ends when it has lasted its time', async () => {
  let now = 0;
  const clock = clockOf(() => (now += 900));
  expect((await chunksOf(stepsOf([[1], [1], [1], [1], [1]]), LIMITS, clock)).length).toBeGreaterThan(1);
});

test('the versions before one that fails are not lost with it', async () => {
  const chunks: Chunk[] = [];
  const steps = [...stepsOf([[1], [1]]), ...stepsOf([[], [], [3]]).slice(2, 3)];
  const run = async (): Promise<void> => {
    for await (const chunk of gather(
      stream(steps, new Error('gone')),
      startOf(0),
      LIMITS,
      clockOf(() => 0),
    ))
      chunks.push(chunk);
  };
  await expect(run()).rejects.toThrow('gone');
  expect(chunks.map(text)).toEqual(['0→2: 0 1']);
});

test('whatever the versions: chunks join without a hole, none is over its limit unless one segment is, and only versions that do not fit are split', async () => {
  const versions = fc.array(fc.array(fc.integer({ min: 0, max: 14 }), { maxLength: 5 }), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(versions, async (given) => {
      const chunks = await chunksOf(stepsOf(given));
      let at = startOf(0);
      for (const chunk of chunks) {
        expect(chunk.from).toEqual(at);
        at = chunk.to;
        const segments = chunk.parts.flatMap((part) => part.segments).map(({ records }) => records);
        const records = segments.reduce((sum, count) => sum + count, 0);
        expect(records <= LIMITS.records || segments.filter((count) => count > 0).length === 1).toBe(true);
        for (const part of chunk.parts) {
          const size = (given[part.head.version] ?? []).reduce((sum, count) => sum + count, 0);
          if (!part.isWhole) expect(size).toBeGreaterThan(LIMITS.records);
        }
      }
      expect(at).toEqual(startOf(given.length));
      expect(chunks.flatMap((chunk) => chunk.parts).flatMap((part) => part.segments).length).toBe(given.flat().length);
    }),
    { numRuns: 200 },
  );
});
