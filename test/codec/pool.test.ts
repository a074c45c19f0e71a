import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openPool } from '../../src/codec/pool.ts';
import type { PoolUse } from '../../src/codec/pool.ts';
import { records } from '../../src/codec/records.ts';
import type { Pass } from '../../src/model/plan.ts';
import type { EncodeRequest, Encoder, Segment } from '../../src/ports/encoder.ts';
import { scriptBytes } from './scripts.ts';
import type { Script } from './scripts.ts';

const MIB = 1024 * 1024;

function open(workers = 1): Encoder & PoolUse {
  return openPool({ workers, workerUrl: new URL('./scripted-worker.ts', import.meta.url), memoryBytes: 512 * MIB });
}

/** One row a segment. */
function request(script: Script, id = 'f1', version = 4): EncodeRequest {
  return {
    entry: { kind: 'add', pass: 'arrives', file: { kind: 'add', id, size: null, partitionValues: {}, rows: null } },
    version,
    timestamp: null,
    layout: {
      envelope: { kind: 'change' },
      schema: {
        columns: [
          { name: 'n', type: { kind: script.cell === 'text' ? 'string' : 'integer' }, nullable: true, comment: null, physical: null },
        ],
        partitionColumns: [],
        mapping: 'none',
      },
      table: { share: 'a', schema: 'b', table: 'c' },
      key: [],
      prefixes: { key: null, value: Uint8Array.of(1) },
      partitions: 1,
      unkeyedPartition: 0,
    },
    bytes: scriptBytes(script),
    rows: null,
    isSnapshot: false,
    fromRow: 0,
    segmentRecords: 1,
    segmentBytes: MIB,
  };
}

const never = (): AbortSignal => new AbortController().signal;

async function rowsOf(segments: AsyncIterable<Segment>): Promise<number> {
  let rows = 0;
  for await (const segment of segments) rows += segment.records;
  return rows;
}

/** The only column's cells, which are small numbers. */
async function* cellsOf(segments: AsyncIterable<Segment>): AsyncGenerator<number, void> {
  for await (const { blocks } of segments) for (const block of blocks) for (const { value } of records(block)) yield (value?.[2] ?? 0) >> 1;
}

async function failureOf(segments: AsyncIterable<Segment>): Promise<unknown> {
  try {
    await rowsOf(segments);
  } catch (error) {
    return error;
  }
  return null;
}

test('segments come in file order and end with the file, over more jobs than workers', async () => {
  await using pool = open(2);
  const jobs = [30, 0, 7, 12, 1].map((rows, i) => pool.encode(request({ rows }, `f${i}`), never()));
  const seen = [];
  for (const job of jobs) {
    const rows = [];
    for await (const cell of cellsOf(job)) rows.push(cell);
    seen.push(rows);
  }
  expect(seen).toEqual([30, 0, 7, 12, 1].map((rows) => Array.from({ length: rows }, (_, i) => i)));
});

test('the file is handed over: its bytes are gone from this thread, but memory shared with others is not', async () => {
  await using pool = open();
  const whole = request({ rows: 1 });
  const part = request({ rows: 2 });
  const larger = new Uint8Array(part.bytes.length + 8);
  larger.set(part.bytes, 4);
  const shared = { ...part, bytes: larger.subarray(4, larger.length - 4) };
  expect([await rowsOf(pool.encode(whole, never())), await rowsOf(pool.encode(shared, never()))]).toEqual([1, 2]);
  expect([whole.bytes.length, larger.length]).toEqual([0, part.bytes.length + 8]);
});

test('work begins before anyone reads', async () => {
  await using pool = open();
  pool.encode(request({ rows: 2, ending: 'panic' }), never());
  expect(await rowsOf(pool.encode(request({ rows: 1 }, 'f2'), never()))).toBe(1);
  // It is the second death by this file: the first one came without a reader.
  expect(await failureOf(pool.encode(request({ rows: 2, ending: 'panic' }), never()))).toMatchObject({ code: 'file.poison' });
});

test.each<[string, Script]>([
  ['a few segments', { rows: 100, ending: 'panic' }],
  ['a few megabytes', { rows: 4, cell: 'text', ending: 'panic' }],
])('work stops after %s until someone reads', async (_, script) => {
  await using pool = open(2);
  const held = pool.encode(request(script), never())[Symbol.asyncIterator]();
  // Time enough for the first job to meet its end, if it went on unread.
  expect(await rowsOf(pool.encode(request({ rows: 2000 }, 'f2'), never()))).toBe(2000);
  await held.return?.();
  expect(await failureOf(pool.encode(request(script), never()))).toMatchObject({ code: 'worker.died' });
});

test('a reader that leaves early frees the worker', async () => {
  await using pool = open();
  for await (const segment of pool.encode(request({ rows: 100_000 }), never())) {
    expect(segment.nextRow).toBe(1);
    break;
  }
  expect(await rowsOf(pool.encode(request({ rows: 3 }), never()))).toBe(3);
});

test('an abort rejects with its reason, in a running job and in a waiting one, and frees the worker', async () => {
  await using pool = open();
  const running = new AbortController();
  const waiting = new AbortController();
  const first = pool.encode(request({ rows: 100_000 }), running.signal)[Symbol.asyncIterator]();
  const second = pool.encode(request({ rows: 5 }), waiting.signal);
  await first.next();
  const reasons = [new Error('one'), new Error('two')];
  waiting.abort(reasons[1]);
  running.abort(reasons[0]);
  await expect(first.next()).rejects.toBe(reasons[0]);
  expect(await failureOf(second)).toBe(reasons[1]);
  expect(await rowsOf(pool.encode(request({ rows: 3 }), never()))).toBe(3);
  expect(() => pool.encode(request({ rows: 3 }), running.signal)).toThrow(reasons[0]);
});

test('a failure of the file comes after the segments before it, with file and version, and the worker lives', async () => {
  await using pool = open();
  const seen: number[] = [];
  const reading = (async () => {
    for await (const segment of pool.encode(request({ rows: 9, ending: 'failure' }), never())) seen.push(segment.nextRow);
  })();
  await expect(reading).rejects.toMatchObject({
    name: 'Failure',
    code: 'file.undecodable',
    version: 4,
    message: 'file f1 of version 4: the footer is cut',
  });
  expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(await rowsOf(pool.encode(request({ rows: 2 }), never()))).toBe(2);
});

test('a failure that nobody reads ends no process', async () => {
  await using pool = open();
  pool.encode(request({ rows: 0, ending: 'failure' }), never());
  pool.encode(request({ rows: 0, ending: 'panic' }, 'f2'), never());
  expect(await rowsOf(pool.encode(request({ rows: 2 }), never()))).toBe(2);
});

test.each([
  ['panic', 'unreachable'],
  ['exit', 'exit code 3'],
] as const)(
  'a thread that ends by %s takes its job with it, is replaced, and the second time the file is poison',
  async (ending, reason) => {
    await using pool = open();
    const deaths = [];
    for (let i = 0; i < 3; i += 1) deaths.push(await failureOf(pool.encode(request({ rows: 0, ending }), never())));
    const message: unknown = expect.stringMatching(new RegExp(`file f1 of version 4: .*${reason}`));
    expect(deaths).toEqual(
      ['worker.died', 'file.poison', 'file.poison'].map((code): unknown => expect.objectContaining({ code, version: 4, message })),
    );
    // Another version of the same file is another file.
    expect(await failureOf(pool.encode(request({ rows: 0, ending }, 'f1', 5), never()))).toMatchObject({ code: 'worker.died' });
    expect(await rowsOf(pool.encode(request({ rows: 2 }), never()))).toBe(2);
  },
);

test('a file that is read to its end was not to blame for an earlier death', async () => {
  await using pool = open();
  const deaths = [];
  for (let i = 0; i < 2; i += 1) {
    deaths.push(await failureOf(pool.encode(request({ rows: 0, ending: 'panic' }), never())));
    expect(await rowsOf(pool.encode(request({ rows: 1 }), never()))).toBe(1);
  }
  expect(deaths).toMatchObject([{ code: 'worker.died' }, { code: 'worker.died' }]);
});

test('a pass that ends well does not forgive the other pass over the same file', async () => {
  await using pool = open();
  const pass = (of: Pass, script: Script): EncodeRequest => {
    const { entry, ...rest } = request(script);
    return { ...rest, entry: { ...entry, pass: of } };
  };
  const deaths = [];
  for (let i = 0; i < 2; i += 1) {
    expect(await rowsOf(pool.encode(pass('leaves', { rows: 1 }), never()))).toBe(1);
    deaths.push(await failureOf(pool.encode(pass('arrives', { rows: 1, ending: 'panic' }), never())));
  }
  expect(deaths).toMatchObject([{ code: 'worker.died' }, { code: 'file.poison' }]);
});

test('a worker is busy from the job to its end, and the time adds up', async () => {
  await using pool = open(2);
  expect([pool.busy, pool.busySeconds]).toEqual([0, 0]);
  const jobs = [1, 2, 3].map(() => pool.encode(request({ rows: 2 }), never())[Symbol.asyncIterator]());
  expect(pool.busy).toBe(2);
  await jobs[0]?.next();
  const meanwhile = pool.busySeconds;
  for (const job of jobs) while ((await job.next()).done !== true);
  const after = pool.busySeconds;
  expect([pool.busy, meanwhile > 0, after > meanwhile, pool.busySeconds === after]).toEqual([0, true, true, true]);
});

test('a worker that goes in circles never rests, and one that waits for its reader does', async () => {
  await using pool = open();
  const waiting = pool.encode(request({ rows: 1_000 }), never())[Symbol.asyncIterator]();
  await waiting.next();
  while (pool.restless() > 0) await setImmediate();
  await waiting.return?.();
  pool.encode(request({ rows: 0, ending: 'never' }), never());
  while (pool.restless() < 50) await setImmediate();
  expect(pool.restless()).toBeGreaterThanOrEqual(50);
});

test('a module that does not load is nobody’s poison', async () => {
  await using pool = openPool({ workers: 1, workerUrl: new URL('./no-such-worker.ts', import.meta.url), memoryBytes: MIB });
  for (let i = 0; i < 3; i += 1) expect(await failureOf(pool.encode(request({ rows: 1 }), never()))).toMatchObject({ code: 'worker.died' });
});

test('a worker that keeps too much memory is replaced between two jobs', async () => {
  await using pool = open();
  const files = [];
  for (const heldBytes of [1, 161 * MIB, 1000 * MIB, 160 * MIB, 1]) {
    const job = request({ rows: 1, cell: 'files', heldBytes });
    for await (const cell of cellsOf(pool.encode(job, never()))) files.push(cell);
  }
  expect(files).toEqual([1, 2, 1, 1, 2]);
});

test('a table that has no schema fails the job, and `schemas` likewise', async () => {
  await using pool = open();
  const good = request({ rows: 1 });
  const column = { name: 'x', type: { kind: 'unknown', text: 'geometry' }, nullable: true, comment: null, physical: null } as const;
  const layout = { ...good.layout, schema: { columns: [column], partitionColumns: [], mapping: 'none' as const } };
  expect(await failureOf(pool.encode({ ...good, layout }, never()))).toMatchObject({ code: 'schema.type', version: 4 });
  expect(() => pool.schemas(layout)).toThrow(expect.objectContaining({ code: 'schema.type' }));
});

test('disposing rejects what is open, and can be done twice', async () => {
  const pool = open();
  const running = failureOf(pool.encode(request({ rows: 100_000 }), never()));
  const waiting = failureOf(pool.encode(request({ rows: 1 }), never()));
  await pool[Symbol.asyncDispose]();
  await pool[Symbol.asyncDispose]();
  expect(await Promise.all([running, waiting])).toEqual([new Error('the encoder is closed'), new Error('the encoder is closed')]);
});
