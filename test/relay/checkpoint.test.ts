import { expect, test } from 'vitest';
import { Failure } from '../../src/model/failure.ts';
import type { Checkpoint } from '../../src/model/position.ts';
import {
  acceptCheckpoint,
  checkpointPartition,
  newCheckpoint,
  parkedCheckpoint,
  parseCheckpoint,
  resetCheckpoint,
  serialise,
  topicOf,
} from '../../src/relay/checkpoint.ts';

const FEED = 'analytics/acme/sales.public.orders';

/** Inside a version, parked, with every field set. */
const FULL: Checkpoint = {
  v: 1,
  feed: FEED,
  seq: 17,
  generation: 2,
  tableId: '43281a02-d7dd-4b4a-b641-e369c24438a0',
  endpoint: 'https://sharing.example/delta-sharing/',
  topic: 'analytics.sales.public.orders.g2',
  topicId: 'AAECAwQFBgcICQoLDA0ODw',
  partitions: 6,
  contract: 'c0ffee',
  start: { asked: 'earliest', version: 3 },
  position: {
    kind: 'changes',
    version: 9,
    records: 100,
    entry: 2,
    row: 40,
    plan: 'beef',
    commitTimestamp: 1_770_000_000_000,
    responseFormat: 'delta',
    idHash: 'delta',
  },
  anchor: { version: 8, timestamp: 1_769_000_000_000, hash: 'cafe', responseFormat: 'parquet', idHash: 'parquet' },
  state: 'parked',
  failure: { code: 'plan.changed', version: 9, message: 'version 9 is another', at: 1_770_000_000_001 },
  schemas: { key: '1b671a64-40d5-891e-99b0-da01ff1f3341', value: '7' },
  columns: { id: { identity: 'id', type: 'long' } },
  open: {
    counts: { insert: 1, update_preimage: 2, update_postimage: 3, delete: 94 },
    records: 101,
    duplicates: 1,
    deadLetters: 0,
    checksum: '00112233445566778899aabbccddeeff',
    bytes: 12_345,
    firstOffsets: { 0: 5 },
    nextOffsets: { 0: 60, 5: 50 },
  },
  relay: 'cdf-relay/0.1.0',
  at: 1_770_000_000_002,
};

/** What may be null: it reads as null where it is missing. */
const NULLABLE = [
  'tableId',
  'topicId',
  'contract',
  'position.plan',
  'position.commitTimestamp',
  'position.responseFormat',
  'position.idHash',
  'anchor',
  'anchor.timestamp',
  'anchor.idHash',
  'failure',
  'failure.version',
  'schemas.key',
  'schemas.value',
  'columns',
  'open',
  'open.records',
  'open.duplicates',
  'open.deadLetters',
  'open.checksum',
];

test('marks of keys are read as they were written; a list of anything else is refused', () => {
  const marked = { ...FULL, marks: ['00000001aaaaaaaa', 'ffffffffbbbbbbbb'] };
  expect(parseCheckpoint(FEED, serialise(marked))).toEqual(marked);
  expect(() => parseCheckpoint(FEED, JSON.stringify({ ...FULL, marks: [1] }))).toThrow(
    expect.objectContaining({ code: 'checkpoint.version', message: expect.stringContaining('marks is not a list of strings') }),
  );
});

test('a checkpoint is read as it was written, and the text does not change by itself', () => {
  const text = serialise(FULL);
  expect(parseCheckpoint(FEED, text)).toEqual(FULL);
  // What a relay of another version must be able to read: a change here needs another `v`.
  expect(text).toBe(
    '{"v":1,"feed":"analytics/acme/sales.public.orders","seq":17,"generation":2,"tableId":"43281a02-d7dd-4b4a-b641-e369c24438a0",' +
      '"endpoint":"https://sharing.example/delta-sharing/","topic":"analytics.sales.public.orders.g2","topicId":"AAECAwQFBgcICQoLDA0ODw",' +
      '"partitions":6,"contract":"c0ffee","start":{"asked":"earliest","version":3},"position":{"kind":"changes","version":9,"records":100,' +
      '"entry":2,"row":40,"plan":"beef","commitTimestamp":1770000000000,"responseFormat":"delta","idHash":"delta"},"anchor":{"version":8,' +
      '"timestamp":1769000000000,"hash":"cafe","responseFormat":"parquet","idHash":"parquet"},"state":"parked","failure":{"code":"plan.changed",' +
      '"version":9,"message":"version 9 is another","at":1770000000001},"schemas":{"key":"1b671a64-40d5-891e-99b0-da01ff1f3341","value":"7"},' +
      '"columns":{"id":{"identity":"id","type":"long"}},"open":{"counts":{"insert":1,"update_preimage":2,"update_postimage":3,"delete":94},' +
      '"records":101,"duplicates":1,"deadLetters":0,"checksum":"00112233445566778899aabbccddeeff","bytes":12345,"firstOffsets":{"0":5},"nextOffsets":{"0":60,"5":50}},"relay":"cdf-relay/0.1.0","at":1770000000002}',
  );
});

test('what the ledger was told, and its schema, is read as it was written', () => {
  const told: Checkpoint = { ...FULL, toldParked: true, commitsSchema: { name: '9', digest: 'd' } };
  expect(parseCheckpoint(FEED, serialise(told))).toEqual(told);
  expect(resetCheckpoint(told, 'me', 9)).toEqual({ ...newCheckpoint(FEED, 3, 18, 'me', 9), toldParked: true });
});

test('a checkpoint that has not begun is read as it was written', () => {
  const first = newCheckpoint(FEED, 3, 8, 'cdf-relay/0.1.0', 5);
  expect(parseCheckpoint(FEED, serialise(first))).toEqual(first);
});

test.each(pathsOf(FULL))('without %s it is refused with the path, or null is read', (path) => {
  const read = (): Checkpoint => parseCheckpoint(FEED, JSON.stringify(without(FULL, path)));
  if (NULLABLE.includes(path)) {
    expect(valueAt(read(), path)).toBeNull();
    return;
  }
  // Entries of a record are named by what is in them: one that is missing is not missed.
  if (/^(columns|open\.(firstOffsets|nextOffsets))\.[^.]+$/.test(path)) {
    expect(valueAt(read(), path)).toBeUndefined();
    return;
  }
  let failure: unknown = null;
  try {
    read();
  } catch (error) {
    failure = error;
  }
  expect(failure).toBeInstanceOf(Failure);
  expect(failure).toMatchObject({
    code: 'checkpoint.version',
    message: expect.stringContaining(`the checkpoint of ${FEED} is not one of this relay's: `),
  });
  expect(failure).toMatchObject({ message: expect.stringContaining(path) });
});

test.each([
  { what: 'no JSON', text: '{"v":1', told: /JSON/ },
  { what: 'a later relay', text: serialise(FULL).replace('"v":1', '"v":2'), told: /v is 2, and this relay reads 1$/ },
  { what: 'another feed', text: serialise({ ...FULL, feed: 'a/b/c.d.e' }), told: /feed is a\/b\/c\.d\.e$/ },
  { what: 'a fraction', text: serialise(FULL).replace('"seq":17', '"seq":1.5'), told: /seq is not a whole number$/ },
  {
    what: 'an unknown kind of position',
    text: serialise(FULL).replace('"kind":"changes"', '"kind":"backfill"'),
    told: /position\.kind is not one of snapshot, changes$/,
  },
  {
    what: 'an odd checksum',
    text: serialise(FULL).replace('00112233445566778899aabbccddeeff', '001122'),
    told: /checksum is not 32 hexadecimal digits$/,
  },
])('of $what is refused', ({ text, told }) => {
  expect(() => parseCheckpoint(FEED, text)).toThrow(
    expect.objectContaining({ code: 'checkpoint.version', message: expect.stringMatching(told) }),
  );
});

test('accepting keeps the position and forgets what the contract and the topic were', () => {
  const whole: Checkpoint = { ...FULL, position: { ...FULL.position, records: 0, entry: 0, row: 0, plan: null } };
  expect(acceptCheckpoint(whole, 'me', 9)).toEqual({
    ...whole,
    seq: 18,
    contract: null,
    topicId: null,
    open: null,
    state: 'running',
    failure: null,
    relay: 'me',
    at: 9,
  });
  expect(() => acceptCheckpoint(FULL, 'me', 9)).toThrow('100 records of version 9 are published under the old contract');
  expect(() => acceptCheckpoint(newCheckpoint(FEED, 1, 1, 'me', 9), 'me', 9)).toThrow('has not begun');
});

test('resetting raises the generation, whose topic is another one', () => {
  expect(resetCheckpoint(FULL, 'me', 9)).toEqual(newCheckpoint(FEED, 3, 18, 'me', 9));
  expect([1, 2, 12].map((generation) => topicOf('a.b', generation))).toEqual(['a.b', 'a.b.g2', 'a.b.g12']);
});

test('parking keeps everything but the reason; a feed that has not begun still has not', () => {
  const why = { code: 'key.type', version: null, message: 'no', at: 3 };
  const running: Checkpoint = { ...FULL, state: 'running', failure: null };
  expect(parkedCheckpoint(running, why, 'me', 9)).toEqual({ ...FULL, seq: 18, state: 'parked', failure: why, relay: 'me', at: 9 });
  expect(parkedCheckpoint(newCheckpoint(FEED, 1, 0, 'me', 1), why, 'me', 9)).toMatchObject({ seq: 1, state: 'new', failure: why });
});

test('a feed is hashed to the partition that Java clients would choose', () => {
  expect([1, 4, 32].map((partitions) => checkpointPartition(FEED, partitions))).toEqual([0, 3, 11]);
});

/** Every path of an object, parents before children. */
function pathsOf(value: unknown, prefix = ''): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, child]) => [`${prefix}${key}`, ...pathsOf(child, `${prefix}${key}.`)]);
}

function without(value: unknown, path: string): unknown {
  const [first = '', ...rest] = path.split('.');
  return Object.fromEntries(
    Object.entries(fieldsOf(value)).flatMap(([key, child]) => {
      if (key !== first) return [[key, child]];
      return rest.length === 0 ? [] : [[key, without(child, rest.join('.'))]];
    }),
  );
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function valueAt(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((at, key) => fieldsOf(at)[key], value);
}

test('the topic of a later generation is a legal name, and another for every topic', () => {
  const long = 'x'.repeat(249);
  const cut = topicOf(long, 2);
  expect(cut.length).toBe(249);
  expect(cut).toMatch(/^x+-[0-9a-f]{10}\.g2$/);
  expect(topicOf(`${long.slice(1)}y`, 2)).not.toBe(cut);
  expect(topicOf('short', 2)).toBe('short.g2');
});

test('what was lost by brokers is not gone on with', () => {
  const lost: Checkpoint = {
    ...FULL,
    position: { ...FULL.position, records: 0 },
    failure: { code: 'checkpoint.lost', version: 9, message: 'lost', at: 1 },
  };
  expect(() => acceptCheckpoint(lost, 'r', 1)).toThrow(/would double them/);
});
