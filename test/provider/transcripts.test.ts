/**
 * The exam: what the reference server was asked, asked of ours over tables with the same log. Answers must be equal to the byte, but for URLs, for the time at
 * which these expire, and for the address of a table in a message.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isRecord } from '../../src/provider/unknown-data.ts';
import { at, commit, exchange, json, open, temporaryFolder, TOKEN } from './support.ts';
import type { TemporaryFolder, TestProvider } from './support.ts';

const FOLDER = new URL('../fixtures/transcripts/', import.meta.url).pathname;
const NAMES = readdirSync(FOLDER).filter((name) => name.endsWith('.txt'));

let folder: TemporaryFolder;
let server: TestProvider;

beforeAll(async () => {
  folder = await temporaryFolder();
  await rebuild('delta_rs/cdf-table', ['20-changes-0-3-delta-endstream', '12-query-start1-delta']);
  await rebuild('misc/schema_change', ['12-query-histproto']);
  await rebuild('misc/many_files', ['20-changes-0-3-delta-endstream']);
  server = await open({ folder: folder.path });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

test.each(NAMES)('%s is answered as the reference server answers it', async (name) => {
  const transcript = readTranscript(name);
  const { method, path, headers, body } = transcript.request;
  const reply = await exchange(server.provider.endpoint + path, { method, headers, ...(body === '' ? {} : { body }) });
  const { connection: _, 'keep-alive': __, 'content-length': ___, ...answered } = reply.headers;
  expect({ status: reply.status, headers: answered, body: comparable(reply.bytes.toString('utf8')) }).toEqual({
    status: transcript.status,
    headers: transcript.headers,
    body: comparable(transcript.body),
  });
  // The order of headers and of keys counts too, and objects are equal without it.
  expect(Object.keys(answered)).toEqual(Object.keys(transcript.headers));
});

interface Transcript {
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
  };
  readonly status: number;
  /** Without the content's length, which the replaced parts change. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

function readTranscript(name: string): Transcript {
  const all = readFileSync(join(FOLDER, name), 'utf8').split('\n');
  const asked = all.filter((line) => line.startsWith('> ')).map((line) => line.slice(2));
  const firstAnswer = all.findIndex((line) => line.startsWith('< '));
  const answered = all.filter((line) => line.startsWith('< ')).map((line) => line.slice(2));
  const lastAnswer = all.findLastIndex((line) => line.startsWith('< '));
  const [method = '', target = ''] = (asked[0] ?? '').split(' ');
  const sent = headersOf(asked.slice(1));
  const { host: _, accept: __, 'user-agent': ___, ...headers } = sent;
  const { 'content-length': ____, ...answerHeaders } = headersOf(answered.slice(1));
  return {
    request: {
      method,
      path: target.slice('/delta-sharing'.length),
      headers: Object.fromEntries(Object.entries(headers).map(([key, value]) => [key, value.replace('<token>', TOKEN)])),
      body: all
        .slice(0, firstAnswer)
        .filter((line) => !line.startsWith('> '))
        .join('\n')
        .trim(),
    },
    status: Number((answered[0] ?? '').split(' ')[1]),
    headers: answerHeaders,
    body: all.slice(lastAnswer + 1).join('\n'),
  };
}

function headersOf(all: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    all
      .filter((line) => line.includes(': '))
      .map((line) => [line.slice(0, line.indexOf(': ')).toLowerCase(), line.slice(line.indexOf(': ') + 2)]),
  );
}

function comparable(body: string): string {
  return body
    .replaceAll(/http:\/\/127\.0\.0\.1:\d+\/(?:bkt1|files\/cdf)\/([^?"]+)\?[^"]*"/g, 'URL of $1"')
    .replaceAll(/"(expirationTimestamp|minUrlExpirationTimestamp)":\d+/g, '"$1":0')
    .replaceAll('s3a://bkt1/delta_rs/cdf-table', 'cdf.delta_rs.cdf-table')
    .trimEnd();
}

/** A table's log from what the reference server told of it in delta format. */
async function rebuild(name: string, transcripts: readonly string[]): Promise<void> {
  const versions = new Map<number, { timestamp: number; readonly actions: unknown[] }>();
  const versionOf = (value: unknown): { timestamp: number; readonly actions: unknown[] } => {
    const version = Number(value);
    const found = versions.get(version) ?? { timestamp: 1_700_000_000_000 + version * 60_000, actions: [] };
    versions.set(version, found);
    return found;
  };
  let hasHead = false;
  for (const [index, transcript] of transcripts.entries()) {
    for (const line of readTranscript(`${transcript}.txt`).body.trim().split('\n').map(json)) {
      const deltaMetadata = at(line, 'metaData', 'deltaMetadata');
      if (deltaMetadata !== undefined && index === 0) {
        // The head says the latest version; it is this log's first metadata all the same.
        versionOf(hasHead ? at(line, 'metaData', 'version') : 0).actions.push({ metaData: deltaMetadata });
        hasHead = true;
      }
      if (at(line, 'protocol') !== undefined && index === 0) versionOf(0).actions.push({ protocol: at(line, 'protocol', 'deltaProtocol') });
      if (at(line, 'file') === undefined) continue;
      const version = versionOf(at(line, 'file', 'version'));
      version.timestamp = Number(at(line, 'file', 'timestamp'));
      version.actions.push(logAction(at(line, 'file', 'deltaSingleAction')));
    }
  }
  for (let version = 0; version <= Math.max(...versions.keys()); version += 1) {
    const { timestamp, actions } = versionOf(version);
    await commit(join(folder.path, 'cdf', name), version, [{ commitInfo: { timestamp } }, ...actions]);
  }
}

function logAction(action: unknown): unknown {
  if (!isRecord(action)) throw new Error('not an action');
  return Object.fromEntries(
    Object.entries(action).map(([kind, body]) => {
      if (!isRecord(body)) throw new Error('not an action');
      const { pathAsUri: _, delTimestamp: __, path, ...rest } = body;
      const [, encoded = ''] = /\/bkt1\/[^/]+\/[^/]+\/([^?]+)\?/.exec(String(path)) ?? [];
      return [kind, { path: decodeURIComponent(encoded), ...rest }];
    }),
  );
}
