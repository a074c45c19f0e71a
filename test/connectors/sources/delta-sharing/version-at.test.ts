/**
 * The version at an instant, of tables whose commit times are known, over servers that mean different things by the question.
 */
import { describe, expect, it } from 'vitest';
import type { Scripted } from './scripted-server.ts';
import { json, lines, scriptedServer, text } from './scripted-server.ts';
import { CHANGES, END, file, metaData, NEVER, PARQUET, PROTOCOL, sourceOver, TABLE, VERSION } from './wire-makers.ts';

/** Times of the versions 0, 1, 2 …; two of them a millisecond apart. */
const TIMES: readonly number[] = [10_000, 20_000, 20_001, 30_500];
const LATEST = TIMES.length - 1;

/** The newest reference server gives the first version after the instant, and looks for it before it knows that it is not there. */
const AFTER: Scripted = (response, asked) => {
  const at = Date.parse(asked.query['startingTimestamp'] ?? '');
  if (at > (TIMES[LATEST] ?? 0))
    return refusedAs(`The provided timestamp ${at} ms is after the latest available version ${LATEST}.`)(response, asked);
  const version = TIMES.filter((time) => time <= at).length;
  const message = `Cannot load table version ${version} as it does not exist. The latest available version is ${LATEST}.`;
  return (version > LATEST ? refusedAs(message) : text(200, '', { 'delta-table-version': String(version) }))(response, asked);
};

/** By the protocol: the first version at or after the instant. */
const AT_OR_AFTER: Scripted = (response, asked) => {
  const at = Date.parse(asked.query['startingTimestamp'] ?? '');
  const version = TIMES.filter((time) => time < at).length;
  const refusal = refusedAs(`The provided timestamp (${at}) is after the latest version available to this\ntable (x)`);
  return (version > LATEST ? refusal : text(200, '', { 'delta-table-version': String(version) }))(response, asked);
};

const CHANGES_WITH_TIMES: Scripted = (response, asked) => {
  const version = Number(asked.query['startingVersion']);
  lines([PROTOCOL, metaData(version), file('add', version, 'f', { timestamp: TIMES[version] }), END], PARQUET)(response, asked);
};

const FEED_OFF = json(400, { message: 'change data was not recorded for version [0]' });

function refusedAs(message: string): Scripted {
  return json(400, { errorCode: 'MALFORMED_REQUEST', message });
}

async function versionAt(at: number, answer: Scripted, changes: Scripted): Promise<number> {
  await using server = await scriptedServer();
  server.on(VERSION, answer);
  server.on(CHANGES, changes);
  return await sourceOver(server).versionAt(TABLE, at, NEVER);
}

const SERVERS: readonly (readonly [string, Scripted])[] = [
  ['that answers with the first version after the instant', AFTER],
  ['that answers with the first version at or after it', AT_OR_AFTER],
];

describe.each(SERVERS)('a server %s', (_, answer) => {
  it.each([0, 9_999, 10_000, 10_001, 15_000, 19_999, 20_000, 20_001, 20_002, 30_499, 30_500])(
    'finds the first version at or after %d',
    async (at) => {
      expect(await versionAt(at, answer, CHANGES_WITH_TIMES)).toBe(TIMES.findIndex((time) => time >= at));
    },
  );

  it.each([30_501, 30_502, 99_000])('has none at %d, which is after the latest', async (at) => {
    await expect(versionAt(at, answer, CHANGES_WITH_TIMES)).rejects.toMatchObject({
      code: 'start.beyond',
      message: `asking acme for the version of s.d.t at ${new Date(at).toISOString()}: no commit is as late`,
    });
  });

  it.each([0, 9_999, 10_000, 10_001, 15_000, 19_999, 20_000, 20_001, 20_002, 30_499, 30_500])(
    'loses no version at %d where no commit time is told',
    async (at) => {
      const found = await versionAt(at, answer, FEED_OFF);
      const right = TIMES.findIndex((time) => time >= at);
      expect(right === -1 ? [LATEST] : [right, right - 1]).toContain(found);
    },
  );
});

it('asks in UTC, percent-encoded, for the instant and the millisecond before', async () => {
  await using server = await scriptedServer();
  server.on(VERSION, text(200, '', { 'delta-table-version': '3' }));
  expect(await sourceOver(server).versionAt(TABLE, Date.parse('2026-01-01T00:00:00Z'), NEVER)).toBe(3);
  expect(new Set(server.asked.map(({ path, query }) => `${path} ${query['startingTimestamp'] ?? ''}`))).toEqual(
    new Set([`${VERSION} 2025-12-31T23:59:59.999Z`, `${VERSION} 2026-01-01T00:00:00Z`]),
  );
});

it('a server that refuses an instant before the first commit means the first version', async () => {
  const refusal = refusedAs('The provided timestamp (2000-01-01 00:00:00.0) is before the earliest version available to this\ntable (x).');
  expect(await versionAt(5, refusal, FEED_OFF)).toBe(0);
});

it('a table that is shared without history has no versions at instants', async () => {
  const message = 'Reading table by version or timestamp is not supported because history sharing is not enabled on table: s.d.t';
  await expect(versionAt(5, refusedAs(message), FEED_OFF)).rejects.toMatchObject({ code: 'table.no_history' });
});

it('a provider that fails is not taken for one without commit times', async () => {
  await expect(versionAt(20_000, AFTER, text(503, ''))).rejects.toMatchObject({ code: 'provider.unavailable' });
});
