/**
 * What providers answer wrong, as `doctor` tells it: the same sentences as everywhere, each with its remedy and an exit code, and no secret in any of them.
 */
import { describe, expect, test } from 'vitest';
import { PLAIN_FEED } from '../support/plain-feed.ts';
import { avroTexts } from '../../src/codec/avro-schema.ts';
import { newCheckpoint, parkedCheckpoint } from '../../src/relay/checkpoint.ts';
import { checkEndpoint, checkFeed } from '../../src/cli/doctor-source.ts';
import type { FeedOutlook } from '../../src/cli/outlook.ts';
import { checkLines, checked } from '../../src/cli/report.ts';
import type { Check } from '../../src/cli/report.ts';
import { FAILURES } from '../../src/model/failure.ts';
import type { FailureCode } from '../../src/model/failure.ts';
import type { FeedSpec } from '../../src/model/feed.ts';
import { lookAhead } from '../../src/relay/prospect.ts';
import {
  CHANGES_CASES,
  LISTING_CASES,
  READING,
  STANDS_STILL,
  STORAGE_CASES,
  VERSION_CASES,
} from '../connectors/sources/delta-sharing/bad-answer-cases.ts';
import { lines, scriptedServer, silence, text } from '../connectors/sources/delta-sharing/scripted-server.ts';
import type { ScriptedServer } from '../connectors/sources/delta-sharing/scripted-server.ts';
import {
  CHANGES,
  END,
  file,
  metaData,
  METADATA,
  NEVER,
  PARQUET,
  PROTOCOL,
  sourceOver,
  TABLE,
  TOKEN,
  VERSION,
} from '../connectors/sources/delta-sharing/wire-makers.ts';

const SPEC: FeedSpec = {
  id: 'r/acme/s.d.t',
  recipient: 'r',
  source: 'acme',
  table: TABLE,
  topic: 'r.s.d.t',
  start: { kind: 'version', version: 2 },
  ...PLAIN_FEED,
};
const QUICK = { headersMs: 50, stallMs: 50, graceMs: 200_000 };
const LATEST = { 'delta-table-version': '5' };

async function outlook(server: ScriptedServer, timeouts: Parameters<typeof sourceOver>[1] = {}, spec = SPEC): Promise<FeedOutlook> {
  const source = sourceOver(server, { expirationTime: '2026-01-01T00:00:00Z', ...timeouts });
  const line = { spec, source, works: { framing: 'guid', encoder: { schemas: avroTexts } } } as const;
  return { spec, last: null, prospect: await lookAhead(line, null, 0, NEVER) };
}

/** The check of this code, without the words that differ at each run; whatever is told of it holds no secret. */
function told(checks: readonly Check[], code: FailureCode, server: ScriptedServer, place: string): object | null {
  const shown = checks.flatMap((check) => checkLines(check, { columns: null, isColoured: false })).join('\n');
  expect(shown).not.toContain(TOKEN);
  expect(shown).not.toContain('SIGNATURE');
  const found = checks.find((check) => check.code === code);
  if (found === undefined) return { codes: checks.map((check) => `${check.code ?? check.verdict} ${check.text}`) };
  const sentence = found.text.replaceAll(server.origin.slice('http://'.length), place);
  return {
    sentence: sentence.replaceAll(/changes \d+\.\.\d+ of/g, 'changes 2..5 of'),
    remedy: found.remedy,
    verdict: found.verdict,
    exit: found.exit,
  };
}

function expected(code: FailureCode, sentence: string): object {
  const { disposition, remedy } = FAILURES[code];
  return { sentence, remedy, verdict: 'fail', exit: disposition === 'retry' ? 3 : 1 };
}

describe('an answer about the latest version', () => {
  test.each(Object.entries(VERSION_CASES))('%s', async (_, [answer, [code, sentence]]) => {
    await using server = await scriptedServer();
    server.on(METADATA, lines([PROTOCOL, metaData(null)]));
    server.on(VERSION, answer);
    const found = await outlook(server, answer === silence ? { timeouts: { others: QUICK } } : {});
    expect(told(checkFeed(found, null), code, server, 'PROVIDER')).toEqual(expected(code, sentence));
  });
});

describe('an answer about changes', () => {
  test.each(Object.entries(CHANGES_CASES))('%s', async (_, [answer, [code, sentence]]) => {
    await using server = await scriptedServer();
    server.on(METADATA, lines([PROTOCOL, metaData(null)], LATEST));
    server.on(VERSION, text(200, '', LATEST));
    server.on(CHANGES, answer);
    const found = await outlook(server, answer === STANDS_STILL ? { timeouts: { changes: QUICK } } : {});
    expect(told(checkFeed(found, null), code, server, 'PROVIDER')).toEqual(expected(code, sentence));
  });
});

describe('a listing of tables', () => {
  test.each(Object.entries(LISTING_CASES))('%s', async (_, [answer, [code, sentence]]) => {
    await using server = await scriptedServer();
    server.on('/api/shares', answer);
    const checks = await checked('source acme', () => checkEndpoint(sourceOver(server), NEVER));
    expect(told(checks, code, server, 'PROVIDER')).toMatchObject({ sentence, remedy: FAILURES[code].remedy, verdict: 'fail', exit: 3 });
  });
});

describe('the storage', () => {
  /** Of a whole file: a look fetches its first byte. */
  const UNSEEN = ['sends more than it should', 'sends less than it should', 'breaks off'];
  const cases = Object.entries(STORAGE_CASES).filter(([name]) => !UNSEEN.includes(name));
  test.each(cases)('%s', async (_, [answer, [code, sentence]]) => {
    await using server = await scriptedServer();
    server.on(METADATA, lines([PROTOCOL, metaData(null)], LATEST));
    server.on(VERSION, text(200, '', LATEST));
    server.on(CHANGES, lines([PROTOCOL, metaData(2), file('add', 3, 'f', { url: `${server.origin}/f?sig=SIGNATURE` }), END], PARQUET));
    server.on('/f', answer);
    const looking = sentence.replace(READING, "looking for file f of acme's s.d.t at version 3");
    expect(told(checkFeed(await outlook(server), null), code, server, 'STORAGE')).toEqual(expected(code, looking));
  });
});

test('a gap that the config has an answer to is a warning', async () => {
  await using server = await scriptedServer();
  server.on(METADATA, lines([PROTOCOL, metaData(null)], LATEST));
  server.on(VERSION, text(200, '', LATEST));
  server.on(CHANGES, text(400, '{"errorCode":"INVALID_PARAMETER_VALUE","message":"change data was not recorded for version [2]"}'));
  const { spec, prospect } = await outlook(server, {}, { ...SPEC, onGap: 'skip' });
  const [line, gap] = checkFeed({ spec, last: null, prospect }, 'would be created');
  expect([line?.verdict, gap?.verdict, gap?.text.endsWith('; by `onGap: skip` the feed goes on behind it')]).toEqual([
    'pass',
    'warn',
    true,
  ]);
});

test('a feed that a person has paused is a warning', async () => {
  await using server = await scriptedServer();
  server.on(METADATA, lines([PROTOCOL, metaData(null)], LATEST));
  server.on(VERSION, text(200, '', LATEST));
  server.on(CHANGES, lines([PROTOCOL, metaData(2), END], PARQUET));
  const paused = { code: 'feed.paused', message: 'a person has paused the feed', version: null, at: 1 };
  const last = parkedCheckpoint(newCheckpoint(SPEC.id, 1, 0, 'relay', 1), paused, 'relay', 1);
  const checks = checkFeed({ ...(await outlook(server)), last }, null);
  expect(checks.filter(({ verdict }) => verdict !== 'pass')).toMatchObject([
    { about: SPEC.id, verdict: 'warn', text: 'nothing is published: a person has paused the feed', remedy: FAILURES['feed.paused'].remedy },
  ]);
});
