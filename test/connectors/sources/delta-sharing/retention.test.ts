import { expect, it } from 'vitest';
import { retentionMs } from '../../../../connectors/sources/delta-sharing/retention.ts';
import { JsonObject } from '../../../../src/lib/json.ts';
import { lines, scriptedServer } from './scripted-server.ts';
import { CHANGES, DELTA, deltaMetaData, deltaProtocol, END, metaData, NEVER, PARQUET, PROTOCOL, sourceOver, TABLE } from './wire-makers.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const FEED_ON = { 'delta.enableChangeDataFeed': 'true' };

it.each([
  [{}, 7 * DAY],
  [{ 'delta.deletedFileRetentionDuration': 'interval 2 weeks' }, 14 * DAY],
  [{ 'delta.deletedFileRetentionDuration': 'INTERVAL 1 Week 2 days 3 hours' }, 9 * DAY + 3 * HOUR],
  [{ 'delta.deletedFileRetentionDuration': '36 hours' }, 36 * HOUR],
  [{ 'delta.deletedFileRetentionDuration': 'interval 60 days' }, 30 * DAY],
  [{ 'delta.logRetentionDuration': 'interval 2 days' }, 2 * DAY],
  [{ 'delta.deletedFileRetentionDuration': 'interval 0 hours' }, 0],
  [{ 'delta.deletedFileRetentionDuration': 'interval 1 month' }, null],
  [{ 'delta.logRetentionDuration': 'interval' }, null],
  [{ 'delta.logRetentionDuration': 30 }, null],
])('of the properties %j the shorter counts, and what is not set is as Delta has it', (properties, ms) => {
  expect(retentionMs(new JsonObject({ ...FEED_ON, ...properties }))).toBe(ms);
});

it('a server that tells a few properties of its own choice, or none, tells no retention', () => {
  expect([retentionMs(null), retentionMs(new JsonObject({})), retentionMs(new JsonObject({ enableChangeDataFeed: 'true' }))]).toEqual([
    null,
    null,
    null,
  ]);
});

it('a listing has the retention that is in force at its first version, in the format that tells it', async () => {
  await using server = await scriptedServer();
  const short = { ...FEED_ON, 'delta.deletedFileRetentionDuration': 'interval 1 day' };
  server.on(
    CHANGES,
    lines([deltaProtocol(), deltaMetaData(3, { configuration: short }), deltaMetaData(5, { configuration: FEED_ON }), END], DELTA),
    lines([PROTOCOL, metaData(3), END], PARQUET),
  );
  const source = sourceOver(server);
  const request = { from: 3, to: 7, listedAs: null };
  expect((await source.changes(TABLE, request, NEVER)).retentionMs).toBe(DAY);
  expect((await source.changes(TABLE, request, NEVER)).retentionMs).toBe(undefined);
});
