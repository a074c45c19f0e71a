/** The hashes stand in checkpoints: if one of the values below changes, every feed of every deployment parks at its next start. */
import { expect, test } from 'vitest';
import { PLAIN_FEED } from '../support/plain-feed.ts';
import type { ChangeFile, VersionChanges } from '../../src/model/change-files.ts';
import type { FeedSpec } from '../../src/model/feed.ts';
import { anchorOf, contractOf, planHash } from '../../src/relay/fingerprint.ts';
import { planOf } from '../../src/relay/order.ts';

const SPEC: FeedSpec = {
  id: 'analytics/acme/sales.public.orders',
  recipient: 'analytics',
  source: 'acme',
  table: { share: 'sales', schema: 'public', table: 'orders' },
  topic: 'analytics.sales.public.orders',
  start: { kind: 'earliest' },
  ...PLAIN_FEED,
  key: ['id', 'day'],
};
const ENDPOINT = 'https://sharing.example/delta-sharing/';

function contract(
  change: Partial<FeedSpec> = {},
  endpoint = ENDPOINT,
  topic = SPEC.topic,
  partitions = 6,
  framing: 'id' | 'guid' = 'guid',
): string {
  return contractOf({ ...SPEC, ...change }, endpoint, topic, partitions, framing);
}

function file(change: Partial<ChangeFile> = {}): ChangeFile {
  return { kind: 'cdf', id: 'f1', size: 100, partitionValues: { day: '2026-01-01', land: null }, rows: null, ...change };
}

function changes(files: readonly ChangeFile[], change: Partial<VersionChanges> = {}): VersionChanges {
  return {
    version: 7,
    timestamp: 1_770_000_000_000,
    tableId: 't',
    schema: { columns: [], partitionColumns: [], mapping: 'none' },
    files,
    ...change,
  };
}

const NAMES = { key: 'k', value: 'v' };

function plan(
  files: readonly ChangeFile[],
  change: Partial<VersionChanges> = {},
  of = 'a contract',
  names = NAMES,
  passes: number | null = null,
): string {
  return planHash(planOf(changes(files, change), false), of, names, passes);
}

test('a contract changes with what consumers meet, and with nothing else', () => {
  expect(contract()).toBe('2914c58bffa76a086598dc76cd29dfb0945ed550f1ebe1e1f8d7a0de46db4234');
  const same = [
    contract({ start: { kind: 'latest' }, adopt: true }),
    contract({ key: ['ID', 'Day'] }),
    contract({ table: { share: 'Sales', schema: 'PUBLIC', table: 'Orders' } }),
    contract({ source: 'renamed', recipient: 'renamed' }),
  ];
  expect(new Set(same)).toEqual(new Set([contract()]));
  const other = [
    contract({ key: ['day', 'id'] }),
    contract({ key: [] }),
    contract({ envelope: 'debezium' }),
    contract({ envelope: 'upsert' }),
    contract({ table: { share: 'sales', schema: 'public', table: 'order' } }),
    contract({}, 'https://sharing.example/other/'),
    contract({}, ENDPOINT, 'another.topic'),
    contract({}, ENDPOINT, SPEC.topic, 7),
    contract({}, ENDPOINT, SPEC.topic, 6, 'id'),
  ];
  expect(new Set([contract(), ...other]).size).toBe(other.length + 1);
});

test('a plan changes with whatever decides which record comes when', () => {
  const two = [file(), file({ id: 'f2', size: null })];
  expect(plan(two)).toBe('b45e756e93ad0f5c6b52079c5aa017b378ca7f90d7e0e8201041ac088c9a7109');
  const same = [
    plan(two.toReversed()),
    plan([file({ partitionValues: { land: null, day: '2026-01-01' }, rows: null }), file({ id: 'f2', size: null })]),
    plan(two, { tableId: 'u' }),
  ];
  expect(new Set(same)).toEqual(new Set([plan(two)]));
  const other = [
    plan([file()]),
    plan([file({ size: 101 }), file({ id: 'f2', size: null })]),
    plan([file({ id: 'f3' }), file({ id: 'f2', size: null })]),
    plan([file({ partitionValues: { day: '2026-01-01', land: 'SE' }, rows: null }), file({ id: 'f2', size: null })]),
    plan([file({ kind: 'add' }), file({ kind: 'add', id: 'f2', size: null })]),
    plan(two, { version: 8 }),
    plan(two, { timestamp: null }),
    plan(two, {}, 'another contract'),
    plan(two, {}, 'a contract', { key: 'k', value: 'w' }),
    plan(two, {}, 'a contract', { key: 'l', value: 'v' }),
    plan(two, {}, 'a contract', NAMES, 1),
    plan(two, {}, 'a contract', NAMES, 2),
  ];
  expect(new Set([plan(two), ...other]).size).toBe(other.length + 1);
});

test('an anchor is the version, its time and the files by kind and id', () => {
  const two = [file(), file({ id: 'f2' })];
  const anchor = anchorOf(changes(two), 'parquet', 'parquet');
  expect(anchor).toEqual({
    version: 7,
    timestamp: 1_770_000_000_000,
    hash: 'cdfda1e757c967daf9ffaacc6a538ed7f07fcd5f5dddf55eb5fd262dd5a108c4',
    responseFormat: 'parquet',
    idHash: 'parquet',
  });
  expect(anchorOf(changes([file({ id: 'f2', size: 3 }), file()]), 'parquet', 'parquet')).toEqual(anchor);
  expect(anchorOf(changes([file({ kind: 'add' }), file({ id: 'f2' })]), 'parquet', 'parquet').hash).not.toBe(anchor.hash);
  expect(anchorOf(changes([file()]), 'parquet', 'parquet').hash).not.toBe(anchor.hash);
});
