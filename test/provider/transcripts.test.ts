/**
 * The exam: what the reference server was asked, asked of ours, which is to be like it, over tables with the same logs. Answers must be equal to the byte, but
 * for what is another in every run: signed URLs and when they expire, tokens of pages, ids of listed tables, and the address of a table in a message.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { growManyFiles, recreateManyFiles, writeReferenceTables } from './reference-tables.ts';
import { exchange, lines, open, temporaryFolder, textAt, TOKEN } from './support.ts';
import type { Reply, TemporaryFolder, TestProvider } from './support.ts';
import { readTranscript, TRANSCRIPTS } from './transcript.ts';
import type { Transcript } from './transcript.ts';

/** Transcripts that no answer of ours can be held against, and why. */
const EXCUSED: Readonly<Record<string, string>> = {
  '03-schemas-empty': 'a share without a schema: ours are folders, and there are none without a table',
  '06-version-localfs': 'a location that this server may not read: ours reads every folder that it serves',
  '23-changes-localfs': 'as 06-version-localfs',
  '11-query-jsonpred': 'hints of predicates are best effort (protocol §2.3): ours gives every file',
  '11-query-limit': 'a hint of a limit is best effort (protocol §2.3): ours gives every file',
  '14-tempcred': 'the server fails to reach a cloud; ours has no such route, as it has no directory access',
  '50-s3-with-bearer': 'the gateway lets it pass; ours answers 400, as Amazon does',
  '55-http2': 'HTTP/2 without TLS, which ours does not speak',
};

/** Snapshots: which files come first is for the server to choose. */
const ANY_ORDER = /^(?:11-query-(?!maxfiles2)|13-query|53-refresh-[12])/;
/** A page of a snapshot: which files are on it follows from their order. Their fields are compared, not their values. */
const FIELDS_ONLY = /^11-query-maxfiles2$/;

const RULES = [
  { match: { table: 'cdf.misc.history_not_shared' }, do: { kind: 'no-history' } },
  { match: { table: 'cdf.misc.start_v2' }, do: { kind: 'start-version', version: 2 } },
] as const;

/** Where ours differs on purpose when it is not told to be like that server, and how. */
const BETTER: readonly (readonly [RegExp, string])[] = [
  [/^06-version-ts-exact-(?:latest|v1)$/, "the version at a commit's very time is that commit's"],
  [/^10-metadata-cm37-delta$/, 'a client must name every feature that the protocol lists'],
  [/^10-metadata-unknown-format$/, 'nothing is labelled with a format that it is not in'],
  [/^11-query-dv-delta$/, "a vector's file has an id"],
  [/^25-changes-checkpoint-[02]$/, 'versions that are gone are refused with 400, which says since when there are any'],
  [/^29-|^40-kernel-cdf-(?:column-mapping|table-with)/, 'tables with deletion vectors or column mapping have a change feed'],
  [/^30-bug(?:1-page[2-5]|2-page[1-3]|3-page2)$/, 'pages lose no file'],
];

let folder: TemporaryFolder;
/** Like the reference server. */
let server: TestProvider;
let own: TestProvider;

beforeAll(async () => {
  folder = await temporaryFolder();
  await writeReferenceTables(folder.path);
  server = await open({ folder: folder.path, faults: { like: 'reference-1.4', rules: RULES } });
  own = await open({ folder: folder.path, faults: { rules: RULES } });
});
afterAll(async () => {
  await own[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const LATER = /^60-live-after|^61-/;
const CALLS = TRANSCRIPTS.filter((name) => EXCUSED[name] === undefined && !isOfStorage(name));

test('each transcript is compared, or excused by a name that there is', () => {
  expect(TRANSCRIPTS.filter((name) => EXCUSED[name] !== undefined)).toEqual(Object.keys(EXCUSED).toSorted());
});

test.each(CALLS.filter((name) => !LATER.test(name)))('%s is answered as the reference server answers it', async (name) => {
  expect(await answerOf(server, name)).toEqual(expectedAnswer(name));
});

test.each(CALLS.filter((name) => !LATER.test(name) && !isBetter(name)))('%s is answered so by ours in any case', async (name) => {
  expect(await answerOf(own, name)).toEqual(expectedAnswer(name));
});

test.each(CALLS.filter(isBetter))('%s is answered otherwise by ours', async (name) => {
  expect(await answerOf(own, name)).not.toEqual(expectedAnswer(name));
});

test.each(TRANSCRIPTS.filter((name) => EXCUSED[name] === undefined && isOfStorage(name)))(
  '%s is answered as storage answers it',
  async (name) => {
    const { answer } = readTranscript(name);
    const reply = await askStorage(name);
    const isXml = answer.headers['content-type'] === 'application/xml';
    expect({
      status: reply.status,
      isXml: reply.headers['content-type'] === 'application/xml',
      ranges: [reply.headers['accept-ranges'], reply.headers['content-range']],
      body: isXml ? xmlElements(reply.bytes.toString('utf8')) : shownBytes(reply.bytes, answer),
    }).toEqual({
      status: answer.status,
      isXml,
      ranges: [answer.headers['accept-ranges'], answer.headers['content-range']],
      body: isXml ? xmlElements(answer.body) : answer.body.trim(),
    });
  },
);

describe('a commit later', () => {
  beforeAll(() => growManyFiles(folder.path));
  test.each(CALLS.filter((name) => name.startsWith('60-live-after')))('%s is answered as the reference server answers it', async (name) => {
    expect(await answerOf(server, name)).toEqual(expectedAnswer(name));
  });
});

describe('with another table in the place of one', () => {
  beforeAll(() => recreateManyFiles(folder.path));
  test.each(CALLS.filter((name) => name.startsWith('61-')))('%s is answered as the reference server answers it', async (name) => {
    expect(await answerOf(server, name)).toEqual(expectedAnswer(name));
  });
});

interface Comparable {
  readonly status: number;
  /** In their order. */
  readonly headers: readonly (readonly [string, unknown])[];
  readonly body: string;
}

function expectedAnswer(name: string): Comparable {
  const { status, headers, body } = readTranscript(name).answer;
  return { status, headers: comparableHeaders(headers), body: comparable(name, body) };
}

async function answerOf(asked: TestProvider, name: string): Promise<Comparable> {
  const { status, headers, bytes } = await ask(asked, name);
  return { status, headers: comparableHeaders(headers), body: comparable(name, bytes.toString('utf8')) };
}

/** Without those of the connection, and the length, which the replaced parts change. */
function comparableHeaders(headers: Readonly<Record<string, unknown>>): readonly (readonly [string, unknown])[] {
  return Object.entries(headers).filter(([name]) => !['connection', 'keep-alive', 'content-length'].includes(name));
}

/** With the tokens that ours gave in place of those that the reference server gave. */
async function ask(asked: TestProvider, name: string): Promise<Reply> {
  const { method, target, headers, body } = readTranscript(name);
  const path = await withOurToken(asked, target.slice('/delta-sharing'.length));
  const question = await withOurToken(asked, body);
  // Wrong tokens are redacted as right ones are.
  const token = name.startsWith('07-auth-wrong') ? 'another' : TOKEN;
  return exchange(asked.provider.endpoint + path, {
    method,
    headers: {
      ...Object.fromEntries(Object.entries(headers).map(([key, value]) => [key, value.replace('<token>', token)])),
      ...(question === '' ? {} : { 'content-length': String(Buffer.byteLength(question)) }),
    },
    ...(question === '' ? {} : { body: question }),
  });
}

async function withOurToken(asked: TestProvider, text: string): Promise<string> {
  const [, encoded = ''] = /(?:pageToken=|"refreshToken": ")([^&"]+)/.exec(text) ?? [];
  const theirs = decodeURIComponent(encoded);
  const giver = theirs === '' ? undefined : TRANSCRIPTS.find((name) => tokenIn(readTranscript(name).answer.body) === theirs);
  if (giver === undefined) return text;
  return text.replace(encoded, tokenIn((await ask(asked, giver)).bytes.toString('utf8')));
}

/** The token that an answer ends with, or nothing. */
function tokenIn(body: string): string {
  return /"(?:nextPageToken|refreshToken)":"([^"]*)"/.exec(body)?.[1] ?? '';
}

function comparable(name: string, body: string): string {
  const plain = body
    .replaceAll(/http:\/\/127\.0\.0\.1:\d+\/(?:bkt1|files\/cdf)\/[^/"]+\/[^/"]+\/([^?"]+)\?[^"]*"/g, 'URL of $1"')
    .replaceAll(/"(expirationTimestamp|minUrlExpirationTimestamp)":\d+/g, '"$1":0')
    .replaceAll(/"(nextPageToken|refreshToken)":"[^"]*"/g, '"$1":"a token"')
    .replaceAll(/s3a:\/\/bkt1\/([^/]+)\/([^`:]+)/g, 'cdf.$1.$2')
    .trimEnd();
  if (/^0[45]-/.test(name)) return plain.replaceAll(/"id":"[0-9a-f-]{36}"/g, '"id":"an id"');
  const all = plain.split('\n');
  if (FIELDS_ONLY.test(name)) return all.map((line) => line.replaceAll(/(?<=":)(?:"(?:[^"\\]|\\.)*"|\d+)/g, '…')).join('\n');
  if (!ANY_ORDER.test(name)) return plain;
  return [...all.filter((line) => !line.startsWith('{"file"')), ...all.filter((line) => line.startsWith('{"file"')).toSorted()].join('\n');
}

function isBetter(name: string): boolean {
  return BETTER.some(([pattern]) => pattern.test(name));
}

function isOfStorage(name: string): boolean {
  return readTranscript(name).target.startsWith('/bkt1/');
}

async function askStorage(name: string): Promise<Reply> {
  const { method, target, headers } = readTranscript(name);
  const url = await signedUrl(name, target);
  const isLate = name === '51-s3-expired';
  if (isLate) server.clock.ms += 3_600_000;
  try {
    return await exchange(url, { method, headers });
  } finally {
    if (isLate) server.clock.ms -= 3_600_000;
  }
}

/** Ours, of the file that a transcript asks for. */
async function signedUrl(name: string, target: string): Promise<string> {
  const [file = '', query] = target.split('?');
  const [, , schema = '', table = '', ...rest] = file.split('/');
  const reply = await server.ask(`/shares/cdf/schemas/${schema}/tables/${table}/changes?startingVersion=0`);
  const urls = lines(reply).map((line) => textAt(line, 'add', 'url') || textAt(line, 'cdf', 'url'));
  const signed = urls.find((url) => url.includes(`/${rest.join('/')}?`)) ?? '';
  if (query === undefined) return signed.slice(0, signed.indexOf('?'));
  return name === '50-s3-tampered' ? `${signed.slice(0, -4)}0000` : signed;
}

/** As the transcripts show a body that is no text. */
function shownBytes(bytes: Buffer, answer: Transcript['answer']): string {
  if (!answer.body.includes('binary bytes')) return bytes.toString('utf8');
  return `<${bytes.length} binary bytes, first 16: ${bytes.subarray(0, 16).toString('hex')}>`;
}

/** The elements of an error; of those that tell of one request or one key, that they are there is nothing to compare. */
function xmlElements(body: string): Readonly<Record<string, string>> {
  const volatile = /^(?:RequestId|HostId|AWSAccessKeyId|StringToSign|SignatureProvided|CanonicalRequest|StringToSignBytes|X-Amz-Expires)/;
  const found = [...body.matchAll(/<([A-Za-z-]+)>([^<]*)<\/\1>/g)].map(([, element = '', text = '']) => [element, text] as const);
  return Object.fromEntries(
    found
      .filter(([element]) => !volatile.test(element))
      .map(([element, text]) => [element, text.replace(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/, 'a time')]),
  );
}
