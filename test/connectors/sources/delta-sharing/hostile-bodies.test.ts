/**
 * A provider that sends too much, too slowly, or something else than it says. What the relay takes of it is bounded: the server counts what it got rid of.
 */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { must } from '../../../../src/lib/assert.ts';
import { EVERYTHING } from '../../../../src/ports/source.ts';
import type { Scripted, ScriptedServer } from './scripted-server.ts';
import { json, lines, scriptedServer, text } from './scripted-server.ts';
import type { SourceSettings } from './wire-makers.ts';
import { CHANGES, END, file, metaData, NEVER, PARQUET, PROTOCOL, schemaString, sourceOver, TABLE, VERSION } from './wire-makers.ts';

const MEBIBYTE = 2 ** 20;
/** Of the least memory, an answer may take 32 MiB. */
const LITTLE = { memoryBytes: 128 * MEBIBYTE };
/** What the sockets and streams between the two ends hold. */
const UNDERWAY_BYTES = 16 * MEBIBYTE;

const HEAD = [PROTOCOL, metaData(0)];
const HEAD_TEXT = HEAD.map((line) => `${JSON.stringify(line)}\n`).join('');

async function changes(server: ScriptedServer, settings: SourceSettings = {}): Promise<unknown> {
  await using source = sourceOver(server, settings);
  return await source.changes(TABLE, { from: 0, to: 9, listedAs: null }, NEVER);
}

/** Sends `head`, then `piece` again and again until nobody takes it, or `bytesMax` are sent: an end that is never to be reached. */
function endless(
  head: string,
  piece: Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): { answer: Scripted; sent: () => number } {
  let sent = 0;
  const pour = async (response: ServerResponse): Promise<void> => {
    const gone = once(response, 'close');
    response.writeHead(200, { ...PARQUET, ...headers });
    response.write(head);
    while (!response.destroyed && sent < 2 ** 30) {
      sent += piece.length;
      if (!response.write(piece)) await Promise.race([once(response, 'drain'), gone]);
    }
    response.destroy();
  };
  return { answer: (response) => void pour(response), sent: () => sent };
}

describe('an answer without an end', () => {
  const CASES: Readonly<
    Record<string, readonly [head: string, piece: Uint8Array, headers: Readonly<Record<string, string>>, atMost: number, told: object]>
  > = {
    'in one line': [
      HEAD_TEXT,
      Buffer.alloc(65_536, 'x'),
      {},
      8 * MEBIBYTE,
      { code: 'provider.too_large', message: expect.stringContaining('line 3: it is longer than 8388608 bytes') },
    ],
    'in one line of ten gigabytes, as it says': [
      HEAD_TEXT,
      Buffer.alloc(65_536, 'x'),
      { 'content-length': '10000000000' },
      8 * MEBIBYTE,
      { code: 'provider.too_large' },
    ],
    'in lines that mean nothing': [
      HEAD_TEXT,
      Buffer.from(`{"a":"${'x'.repeat(1000)}"}\n`.repeat(64)),
      {},
      32 * MEBIBYTE,
      { code: 'provider.too_large' },
    ],
    'in long lines of files': [
      HEAD_TEXT,
      Buffer.from(`${JSON.stringify(file('add', 1, 'f', { partitionValues: { p: 'x'.repeat(60_000) } }))}\n`),
      {},
      32 * MEBIBYTE,
      { code: 'provider.too_large' },
    ],
    'in schemas': [
      '',
      Buffer.from(
        `${JSON.stringify(metaData(0, { schemaString: schemaString(...Array.from({ length: 1000 }, (__, i) => [`c${i}`, 'long'] as const)) }))}\n`,
      ),
      {},
      8 * MEBIBYTE,
      { code: 'provider.too_large' },
    ],
    'in empty lines': [
      HEAD_TEXT,
      Buffer.alloc(65_536, '\n'),
      {},
      8 * MEBIBYTE,
      { code: 'provider.too_large', message: expect.stringContaining('more than 1000000 lines') },
    ],
    'that unfolds': [
      '',
      gzipSync(Buffer.alloc(16 * MEBIBYTE, 'x')),
      { 'content-encoding': 'gzip' },
      MEBIBYTE,
      { code: 'provider.too_large', message: expect.stringContaining('line 1: it is longer') },
    ],
  };

  it.each(Object.entries(CASES))('%s', async (_, [head, piece, headers, atMost, told]) => {
    await using server = await scriptedServer();
    const { answer, sent } = endless(head, piece, headers);
    server.on(CHANGES, answer);
    await expect(changes(server, LITTLE)).rejects.toMatchObject(told);
    expect(sent()).toBeLessThan(atMost + UNDERWAY_BYTES);
  });

  it('in pages', async () => {
    await using server = await scriptedServer();
    let pages = 0;
    const long = { partitionValues: { p: 'x'.repeat(MEBIBYTE) } };
    server.on(CHANGES, (response, asked) => {
      const end = { endStreamAction: { nextPageToken: `token-${pages++}` } };
      lines([...HEAD, file('add', 1, `f${pages}`, long), end], PARQUET)(response, asked);
    });
    await expect(changes(server, LITTLE)).rejects.toMatchObject({ code: 'provider.too_large' });
    expect(pages).toBeLessThanOrEqual(32);
  });

  it('with more memory, more of it is read', async () => {
    await using server = await scriptedServer();
    const long = { partitionValues: { p: 'x'.repeat(MEBIBYTE) } };
    server.on(CHANGES, lines([...HEAD, ...Array.from({ length: 40 }, (__, i) => file('add', 1, `f${i}`, long)), END], PARQUET));
    await expect(changes(server, LITTLE)).rejects.toMatchObject({ code: 'provider.too_large' });
    expect(await changes(server, { memoryBytes: 256 * MEBIBYTE })).toMatchObject({ versions: [{ version: 1 }] });
  });

  it('of a listing of shares', async () => {
    await using server = await scriptedServer();
    const { answer, sent } = endless('{"items":[', Buffer.from('{"name":"x"},'.repeat(5000)));
    server.on('/api/shares', answer);
    await using source = sourceOver(server);
    const first = source.tables(EVERYTHING, NEVER)[Symbol.asyncIterator]();
    await expect(first.next()).rejects.toMatchObject({ code: 'provider.too_large' });
    expect(sent()).toBeLessThan(32 * MEBIBYTE + UNDERWAY_BYTES);
  });

  it('of a refusal in one long word is read in no time', async () => {
    await using server = await scriptedServer();
    server.on(VERSION, text(400, 'x'.repeat(65_536)));
    await using source = sourceOver(server);
    await expect(source.latestVersion(TABLE, NEVER)).rejects.toMatchObject({ code: 'provider.refused' });
  }, 5_000);

  it('of a refusal: its beginning is told', async () => {
    await using server = await scriptedServer();
    const { answer, sent } = endless('the beginning ', Buffer.alloc(65_536, 'x'));
    server.on(VERSION, (response, asked) => {
      response.statusCode = 400;
      const writeHead = response.writeHead.bind(response);
      response.writeHead = (_status: number) => writeHead(400);
      answer(response, asked);
    });
    await using source = sourceOver(server);
    await expect(source.latestVersion(TABLE, NEVER)).rejects.toMatchObject({
      code: 'provider.refused',
      message: expect.stringContaining('the beginning xxx'),
    });
    expect(sent()).toBeLessThan(UNDERWAY_BYTES);
  });
});

describe('a line', () => {
  const bombs: Readonly<Record<string, readonly [string, string]>> = {
    'of brackets that open': ['['.repeat(7_000_000), 'it is nested more than 100 deep'],
    'nested in an action': [`{"add":${'{"a":'.repeat(1000)}1${'}'.repeat(1000)}}`, 'it is nested more than 100 deep'],
    'of a million empty objects': [`{"a":[${'{},'.repeat(1_000_000)}{}]}`, 'it holds more than 100000 values'],
    'with a million partition values': [
      `{"add":{"partitionValues":{${Array.from({ length: 1_000_000 }, (_, i) => `"${i}":""`).join()}}}}`.slice(0, 8_000_000),
      'it holds more than 100000 values',
    ],
  };

  it.each(Object.entries(bombs))('%s is refused', async (_, [line, sentence]) => {
    await using server = await scriptedServer();
    server.on(CHANGES, lines([...HEAD, line, END], PARQUET));
    await expect(changes(server)).rejects.toMatchObject({
      code: 'provider.malformed',
      message: `asking acme for the changes 0..9 of s.d.t, line 3: ${sentence}`,
    });
  });

  it.each([
    ['without an end', '{"type":"struct","fields":'.repeat(10_000), 'schemaString is nested more than 400 deep'],
    ['of structs in structs', `${'{"type":"struct","fields":[{"name":"a","type":'.repeat(120)}"long"${'}]}'.repeat(120)}`, 'deep'],
    ['of a million columns', `{"type":"struct","fields":[${'{},'.repeat(1_000_000)}{}]}`, 'schemaString holds more than 500000 values'],
  ])('with a schema %s is refused', async (_, schemaString, sentence) => {
    await using server = await scriptedServer();
    server.on(CHANGES, lines([PROTOCOL, metaData(0, { schemaString }), END], PARQUET));
    await expect(changes(server)).rejects.toMatchObject({ code: 'provider.malformed', message: expect.stringContaining(sentence) });
  });
});

describe('compression', () => {
  const whole = [...HEAD, file('add', 1, 'f'), END].map((line) => `${JSON.stringify(line)}\n`).join('');
  const zipped = gzipSync(whole);

  it('that was asked for is undone', async () => {
    await using server = await scriptedServer();
    server.on(CHANGES, text(200, zipped, { ...PARQUET, 'content-encoding': 'gzip' }));
    expect(await changes(server)).toMatchObject({ versions: [{ version: 1, files: [{ id: 'f' }] }] });
    expect(server.asked.map(({ headers }) => headers['accept-encoding'])).toEqual(['gzip']);
  });

  it.each([
    [
      'of another kind',
      deflateSync(whole),
      'deflate',
      'provider.malformed',
      'the answer is in the encoding "deflate", which was not asked for',
    ],
    [
      'upon compression',
      gzipSync(zipped),
      'gzip, gzip',
      'provider.malformed',
      'the answer is in the encoding "gzip, gzip", which was not asked for',
    ],
    ['that is none', Buffer.from(whole), 'gzip', 'provider.malformed', 'the answer is not gzip, as it says'],
    ['that is cut', zipped.subarray(0, zipped.length - 20), 'gzip', 'provider.truncated', 'the answer ends before its end'],
  ])('%s is a failure', async (_, body, encoding, code, sentence) => {
    await using server = await scriptedServer();
    server.on(CHANGES, text(200, body, { ...PARQUET, 'content-encoding': encoding }));
    await expect(changes(server)).rejects.toMatchObject({ code, message: `asking acme for the changes 0..9 of s.d.t: ${sentence}` });
  });

  it('of a refusal is undone', async () => {
    await using server = await scriptedServer();
    const body = gzipSync(JSON.stringify({ errorCode: 'NO', message: 'Not you.' }));
    server.on(VERSION, text(403, body, { 'content-encoding': 'gzip' }));
    await using source = sourceOver(server);
    await expect(source.latestVersion(TABLE, NEVER)).rejects.toMatchObject({
      message: 'asking acme for the latest version of s.d.t: the provider answers 403 NO: "Not you."',
    });
  });

  it('of a file is left alone: what is stored is what the provider told the length of', async () => {
    await using server = await scriptedServer();
    const stored = gzipSync('PAR1');
    expect(await readFile(server, stored.length, text(200, stored, { 'content-encoding': 'gzip' }))).toEqual(new Uint8Array(stored));
  });
});

describe('a file', () => {
  it('that goes on after its end is cut off', async () => {
    await using server = await scriptedServer();
    const { answer, sent } = endless('PAR1', Buffer.alloc(65_536));
    await expect(readFile(server, 4, answer)).rejects.toMatchObject({ code: 'file.length' });
    expect(sent()).toBeLessThan(3 * UNDERWAY_BYTES);
  });

  it('of no known length takes a quarter of the memory at most', async () => {
    await using server = await scriptedServer();
    const { answer, sent } = endless('PAR1', Buffer.alloc(65_536));
    await expect(readFile(server, null, answer, LITTLE)).rejects.toMatchObject({ code: 'file.too_large' });
    expect(sent()).toBeLessThan(32 * MEBIBYTE + UNDERWAY_BYTES);
    await expect(readFile(server, null, text(200, 'PAR1', { 'content-length': '10000000000' }), LITTLE)).rejects.toMatchObject({
      code: 'file.too_large',
    });
  });
});

describe('what comes too slowly', () => {
  const IMPATIENT = { headersMs: 20_000, stallMs: 20_000, graceMs: 200 };

  /** A byte now and then, so that the connection never stands still. */
  const trickle =
    (headers: Readonly<Record<string, string>>): Scripted =>
    (response) => {
      response.writeHead(200, headers);
      const timer = setInterval(() => response.write(' '), 5);
      response.on('close', () => clearInterval(timer));
    };

  it('an answer that trickles is left', async () => {
    await using server = await scriptedServer();
    server.on(CHANGES, trickle(PARQUET));
    await expect(changes(server, { timeouts: { changes: IMPATIENT } })).rejects.toMatchObject({
      code: 'provider.truncated',
      message: expect.stringContaining('the answer broke off: it trickles'),
    });
  });

  it('a file that trickles is left', async () => {
    await using server = await scriptedServer();
    await expect(readFile(server, 1_000_000, trickle({}), { timeouts: { files: IMPATIENT } })).rejects.toMatchObject({
      code: 'file.unavailable',
      message: expect.stringContaining('it trickles'),
    });
  });

  it('headers that trickle are left', async () => {
    await using server = await scriptedServer();
    server.on(VERSION, (response) => {
      const timer = setInterval(() => response.writeProcessing(), 10);
      response.on('close', () => clearInterval(timer));
    });
    await using source = sourceOver(server, { timeouts: { others: { ...IMPATIENT, headersMs: 200 } } });
    await expect(source.latestVersion(TABLE, NEVER)).rejects.toMatchObject({ code: 'provider.unreachable' });
  });
});

it('headers without measure are refused', async () => {
  await using server = await scriptedServer();
  server.on(VERSION, json(200, {}, { 'delta-table-version': '7', 'x-long': 'x'.repeat(100_000) }));
  await using source = sourceOver(server);
  await expect(source.latestVersion(TABLE, NEVER)).rejects.toMatchObject({ code: 'provider.unreachable' });
});

async function readFile(server: ScriptedServer, size: number | null, answer: Scripted, settings: SourceSettings = {}): Promise<Uint8Array> {
  server.on('/f', answer);
  server.on(CHANGES, lines([...HEAD, file('add', 1, 'f', { url: `${server.origin}/f`, size }), END], PARQUET));
  await using source = sourceOver(server, settings);
  const listing = await source.changes(TABLE, { from: 0, to: 9, listedAs: null }, NEVER);
  const version = must(listing.versions[0], 'a version');
  return (await listing.read(version, must(version.files[0], 'a file'), NEVER)).bytes;
}
