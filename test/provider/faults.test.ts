/**
 * Each fault does what its name says, to the requests that its rule matches and to no others.
 */
import { afterEach, expect, test } from 'vitest';
import type { FaultAction } from '../../src/provider/fault-kinds.ts';
import type { FaultMatch } from '../../src/provider/faults.ts';
import { asRecord } from '../../src/provider/unknown-data.ts';
import { at, exchange, json, lines, open, text, textAt, TOKEN } from './support.ts';
import type { Reply, TestProvider } from './support.ts';

const CHANGES = 'changes?startingVersion=1&endingVersion=3';
const ON = 'responseformat=parquet;includeendstreamaction=true';

let server: TestProvider;
afterEach(() => server[Symbol.asyncDispose]());

test('status: the answer is an error, spelled as told, with Retry-After if told', async () => {
  const table = { route: 'changes', nth: 1 } as const;
  await failing(
    [table, { kind: 'status', status: 429, errorCode: 'RATE_LIMITED', message: 'slow down', retryAfter: '7' }],
    [
      { ...table, nth: 2 },
      { kind: 'status', status: 503, body: 'error_code' },
    ],
    [
      { ...table, nth: 3 },
      { kind: 'status', status: 502, body: 'text' },
    ],
    [
      { route: 'file', nth: 1 },
      { kind: 'status', status: 503, errorCode: 'SlowDown' },
    ],
  );
  const told: unknown[] = [];
  for (let n = 0; n < 3; n += 1) {
    const reply = await changes();
    told.push([reply.status, reply.headers['retry-after'], text(reply)]);
  }
  expect(told).toEqual([
    [429, '7', '{"errorCode":"RATE_LIMITED","message":"slow down"}'],
    [503, undefined, '{"error_code":"INTERNAL_ERROR","message":"status 503 on purpose"}'],
    [502, undefined, '502 Bad Gateway'],
  ]);
  const url = firstUrl(await changes());
  const slow = await exchange(url);
  expect([slow.status, slow.headers['content-type'], text(slow).includes('<Code>SlowDown</Code>')]).toEqual([503, 'application/xml', true]);
  expect((await exchange(url)).status).toBe(200);
  expect(server.provider.requests.map(({ status, faults }) => [status, ...faults])).toEqual([
    [429, 'status'],
    [503, 'status'],
    [502, 'status'],
    [200],
    [503, 'status'],
    [200],
  ]);
});

test('another plan takes the place of the one before, and counts from the next request on', async () => {
  await failing([
    { route: 'version', nth: 1 },
    { kind: 'status', status: 503 },
  ]);
  const status = async (): Promise<number> => (await server.askTable('basics', 'version')).status;
  const told = [await status(), await status()];
  server.provider.goWrong({ rules: [{ match: { route: 'version', nth: 2 }, do: { kind: 'status', status: 500 } }] });
  told.push(await status(), await status());
  server.provider.goWrong(null);
  told.push(await status(), await status());
  expect(told).toEqual([503, 200, 200, 500, 200, 200]);
});

test('latency: the answer comes, and the record says that it was delayed', async () => {
  await failing([{ route: 'version' }, { kind: 'latency', ms: 1 }]);
  expect((await server.askTable('basics', 'version')).headers['delta-table-version']).toBe('11');
  expect(server.provider.requests.map((request) => request.faults)).toEqual([['latency']]);
});

test('hang: part of the answer comes, or nothing, and no end, until the client gives up', async () => {
  await failing(
    [
      { route: 'changes', nth: 2 },
      { kind: 'hang', fraction: 0.5 },
    ],
    [{ route: 'version' }, { kind: 'hang' }],
  );
  const whole = await changes();
  const path = `${server.provider.endpoint}/shares/local/schemas/default/tables/basics/`;
  const headers = { authorization: `Bearer ${TOKEN}`, 'delta-sharing-capabilities': ON };
  const leaving = new AbortController();
  const half = await fetch(path + CHANGES, { headers, signal: leaving.signal });
  const nothing = fetch(`${path}version`, { headers, signal: leaving.signal });
  const kept = Math.floor(whole.bytes.length / 2);
  let read = 0;
  const reading = (async () => {
    for await (const part of half.body ?? []) {
      read += part instanceof Uint8Array ? part.length : 0;
      if (read < kept) continue;
      await expect.poll(() => server.provider.requests.length).toBe(3);
      leaving.abort(new Error('gave up'));
    }
  })();
  await expect(reading).rejects.toThrow('gave up');
  await expect(nothing).rejects.toThrow('gave up');
  expect(read).toBe(kept);
  expect(server.provider.requests.map((request) => request.faults)).toEqual([[], ['hang'], ['hang']]);
});

test('redirect: to where it was told', async () => {
  await failing([{ route: 'changes' }, { kind: 'redirect', status: 307, location: 'http://127.0.0.1:1/elsewhere' }]);
  const reply = await changes();
  expect([reply.status, reply.headers.location]).toEqual([307, 'http://127.0.0.1:1/elsewhere']);
});

test('cut: the bytes before are there, and the connection breaks', async () => {
  await failing(
    [
      { route: 'changes', nth: 2 },
      { kind: 'cut', fraction: 0.5 },
    ],
    [
      { route: 'changes', nth: 3 },
      { kind: 'cut', bytes: 0 },
    ],
    [
      { route: 'file', nth: 2 },
      { kind: 'cut', bytes: 10 },
    ],
  );
  const whole = await changes();
  const half = await changes();
  expect(half).toMatchObject({ status: 200, isBroken: true, bytes: whole.bytes.subarray(0, Math.floor(whole.bytes.length / 2)) });
  expect(await changes()).toMatchObject({ status: 200, isBroken: true, bytes: Buffer.alloc(0) });
  const url = firstUrl(whole);
  const file = await exchange(url);
  expect(await exchange(url)).toMatchObject({
    isBroken: true,
    bytes: file.bytes.subarray(0, 10),
    headers: { 'content-length': String(file.bytes.length) },
  });
});

test('short and wrong-bytes: a file that looks whole is not what was written', async () => {
  await failing(
    [
      { route: 'file', nth: 2 },
      { kind: 'short', bytes: 20 },
    ],
    [
      { route: 'file', nth: 3 },
      { kind: 'wrong-bytes', at: -4, count: 2 },
    ],
  );
  const url = firstUrl(await changes());
  const whole = await exchange(url);
  expect(await exchange(url)).toMatchObject({
    status: 200,
    isBroken: false,
    bytes: whole.bytes.subarray(0, 20),
    headers: { 'content-length': '20' },
  });
  const wrong = Buffer.from(whole.bytes);
  wrong.writeUInt16BE(wrong.readUInt16BE(wrong.length - 4) ^ 0xffff, wrong.length - 4);
  expect((await exchange(url)).bytes).toEqual(wrong);
});

test('no-end: the header promises a closing line that never comes', async () => {
  await failing([{ route: 'changes' }, { kind: 'no-end' }]);
  const reply = await changes();
  expect(reply.headers['delta-sharing-capabilities']).toContain('includeendstreamaction=true');
  expect(lines(reply).filter((line) => line['endStreamAction'] !== undefined)).toEqual([]);
  expect(reply.isBroken).toBe(false);
});

test('error-line: after some lines the answer takes itself back', async () => {
  await failing([{ route: 'changes' }, { kind: 'error-line', lines: 3, message: 'lost my storage', status: 503 }]);
  const told = lines(await changes());
  expect([
    told.length,
    at(told.at(-1), 'endStreamAction', 'errorMessage'),
    at(told.at(-1), 'endStreamAction', 'httpStatusErrorCode'),
  ]).toEqual([4, 'lost my storage', 503]);
});

test('expired-url: the URLs are dead while the answer says that they live', async () => {
  await failing([{ route: 'changes', times: 1 }, { kind: 'expired-url' }]);
  const dead = await changes();
  expect(at(lines(dead).at(-1), 'endStreamAction', 'minUrlExpirationTimestamp')).toBe(server.clock.ms + 3_600_000);
  expect((await exchange(firstUrl(dead))).status).toBe(403);
  expect((await exchange(firstUrl(await changes()))).status).toBe(200);
});

test('url-life and untold-expiry: URLs die when they are told to, before they say so, or without a word', async () => {
  await failing(
    [
      { route: 'changes', nth: 1 },
      { kind: 'url-life', ms: 3000, earlyMs: 1900 },
    ],
    [{ route: 'changes', nth: 2 }, { kind: 'untold-expiry' }],
  );
  const reply = await changes();
  expect(at(lines(reply).at(-1), 'endStreamAction', 'minUrlExpirationTimestamp')).toBe(server.clock.ms + 3000);
  server.clock.ms += 1099;
  expect((await exchange(firstUrl(reply))).status).toBe(200);
  server.clock.ms += 1;
  expect((await exchange(firstUrl(reply))).status).toBe(403);
  const untold = await changes();
  expect([text(untold).includes('xpirationTimestamp'), (await exchange(firstUrl(untold))).status]).toEqual([false, 200]);
});

test('unfiltered and shuffled: what a client may not lean on', async () => {
  await failing(
    [{ route: 'changes', nth: 2 }, { kind: 'unfiltered' }],
    [
      { route: 'changes', nth: 3 },
      { kind: 'shuffled', seed: 1 },
    ],
  );
  const ask = async (): Promise<readonly string[]> =>
    lines(await server.askTable('merges', 'changes?startingVersion=0'))
      .map((line) => [
        Object.keys(line)[0],
        at(line, 'file', 'version'),
        Object.keys(asRecord(at(line, 'file', 'deltaSingleAction')) ?? {})[0],
      ])
      .map((told) => told.join(' ').trim());
  const plain = await ask();
  const all = await ask();
  expect(plain.filter((line) => !all.includes(line))).toEqual([]);
  const recorded = new Set(all.filter((line) => line.endsWith('cdc')).map((line) => line.split(' ')[1]));
  const beside = all.filter((line) => recorded.has(line.split(' ')[1]) && !line.endsWith('cdc'));
  expect([recorded.size > 0, beside.length > 0]).toEqual([true, true]);
  const mixed = await ask();
  expect(mixed).not.toEqual(plain);
  expect([...mixed.slice(0, 2), ...mixed.slice(2, -1).toSorted(), mixed.at(-1)]).toEqual([
    ...plain.slice(0, 2),
    ...plain.slice(2, -1).toSorted(),
    plain.at(-1),
  ]);
});

test('other-files and other-ids: what is listed again is not what was listed before', async () => {
  await failing(
    [
      { route: 'changes', nth: 2 },
      { kind: 'other-files', files: 1 },
    ],
    [{ route: 'changes', nth: 3 }, { kind: 'other-ids' }],
    [{ route: 'query' }, { kind: 'other-files', files: 2 }],
  );
  const ids = async (): Promise<readonly string[]> =>
    lines(await changes()).flatMap((line) => textAt(line, 'add', 'id') || textAt(line, 'cdf', 'id') || textAt(line, 'remove', 'id') || []);
  const before = await ids();
  expect(await ids()).toEqual(before.slice(0, -1));
  const others = await ids();
  expect([others.length, others.filter((id) => before.includes(id))]).toEqual([before.length, []]);
  const query = '/shares/local/schemas/default/tables/basics/query';
  const live = async (table: string): Promise<number> => {
    const asked = { method: 'POST', body: '{}' };
    return lines(await server.ask(query.replace('basics', table), asked)).filter((line) => line['file'] !== undefined).length;
  };
  const left = await live('basics');
  await using whole = await open();
  const all = lines(await whole.ask(query, { method: 'POST', body: '{}' })).filter((line) => line['file'] !== undefined).length;
  expect(left).toBe(Math.max(0, all - 2));
});

test('vectors go wrong as files do: gone, other bytes, refused', async () => {
  const vector = { route: 'file', path: 'deletion_vector_' } as const;
  await failing(
    [
      { ...vector, nth: 1 },
      { kind: 'status', status: 404, errorCode: 'NoSuchKey' },
    ],
    [
      { ...vector, nth: 2 },
      { kind: 'wrong-bytes', at: -1, count: 1 },
    ],
    [
      { ...vector, nth: 3 },
      { kind: 'status', status: 403, errorCode: 'AccessDenied' },
    ],
  );
  const told = lines(await server.askTable('deletion_vectors', 'changes?startingVersion=0'));
  const url = told
    .map((line) => textAt(line, 'file', 'deltaSingleAction', 'add', 'deletionVector', 'pathOrInlineDv'))
    .find((path) => path !== '');
  const replies = [];
  for (let n = 0; n < 4; n += 1) replies.push(await exchange(url ?? ''));
  expect(replies.map((reply) => reply.status)).toEqual([404, 200, 403, 200]);
  const right = replies[3]?.bytes ?? Buffer.alloc(0);
  expect(replies[1]?.bytes.equals(right)).toBe(false);
  expect(replies[1]?.bytes.subarray(0, -1)).toEqual(right.subarray(0, -1));
});

test('stale: the table seems to end earlier, on /version and on /changes', async () => {
  await failing([{ times: 2 }, { kind: 'stale', versions: 9 }]);
  expect((await server.askTable('basics', 'version')).headers['delta-table-version']).toBe('2');
  const told = lines(await changes());
  expect(told.flatMap((line) => at(line, 'add', 'version') ?? [])).toEqual([1, 2]);
  expect((await server.askTable('basics', 'version')).headers['delta-table-version']).toBe('11');
});

test('stale: no table ends before it begins', async () => {
  await failing([{}, { kind: 'stale', versions: 1000 }]);
  expect((await server.askTable('long_history', 'version')).headers['delta-table-version']).toBe('20');
});

test('pages: an answer comes in pages that nobody asked for', async () => {
  await failing([{ route: 'changes' }, { kind: 'pages', files: 1 }]);
  const first = lines(await changes('responseformat=parquet'));
  expect([first.length, typeof at(first.at(-1), 'endStreamAction', 'nextPageToken')]).toEqual([4, 'string']);
});

test('dropped-features: the protocol line names no features, though the table has some', async () => {
  await failing([{ route: 'changes', nth: 2 }, { kind: 'dropped-features' }]);
  const protocols: unknown[] = [];
  for (let n = 0; n < 2; n += 1) protocols.push(at(lines(await changes('responseformat=delta'))[0], 'protocol', 'deltaProtocol'));
  expect(protocols).toEqual([
    { minReaderVersion: 1, minWriterVersion: 7, writerFeatures: ['changeDataFeed', 'invariants', 'appendOnly'] },
    { minReaderVersion: 1, minWriterVersion: 7 },
  ]);
});

test('no-capabilities: an old server, that neither heeds what is asked, nor promises, nor closes', async () => {
  await failing([{ route: 'changes' }, { kind: 'no-capabilities' }]);
  const reply = await changes('responseformat=delta');
  expect(lines(reply)[0]).toEqual({ protocol: { minReaderVersion: 1 } });
  expect(reply.headers['delta-sharing-capabilities']).toBeUndefined();
  expect(lines(reply).filter((line) => line['endStreamAction'] !== undefined)).toEqual([]);
});

test('rules count the requests that they are about: by route, table and path, every n-th, so many times', async () => {
  const status = (code: number): FaultAction => ({ kind: 'status', status: code });
  await failing(
    [{ route: 'version', table: 'LOCAL.default.basics', every: 2 }, status(501)],
    [{ table: 'local.default.codecs', times: 1 }, status(502)],
    [{ path: 'startingVersion=7' }, status(503)],
    [{ versionsOver: 2 }, status(413)],
  );
  const told: unknown[] = [];
  for (const [name, path] of [
    ['basics', 'version'],
    ['codecs', 'version'],
    ['codecs', 'version'],
    ['basics', 'version'],
    ['basics', 'version'],
    ['basics', 'changes?startingVersion=7'],
    ['basics', 'version'],
    ['basics', 'changes?startingVersion=1&endingVersion=2'],
    ['basics', 'changes?startingVersion=1&endingVersion=3'],
    ['basics', 'changes?startingVersion=11'],
  ] as const) {
    told.push((await server.askTable(name, path)).status);
  }
  expect(told).toEqual([200, 502, 200, 501, 200, 503, 501, 200, 413, 413]);
});

test('chance is the same in every run with one seed, and another with another', async () => {
  const runs: string[] = [];
  for (const seed of [1, 1, 2]) {
    const plan = { rules: [{ match: { route: 'version', probability: 0.5, seed }, do: { kind: 'status', status: 500 } }] } as const;
    await using own = await open({ faults: plan });
    let told = '';
    for (let n = 0; n < 40; n += 1) told += (await own.askTable('basics', 'version')).status === 500 ? 'x' : '.';
    runs.push(told);
  }
  expect(runs[0]).toMatch(/x.*\..*x/);
  expect(runs[1]).toBe(runs[0]);
  expect(runs[2]).not.toBe(runs[0]);
  server = await open();
});

test('a request without the token meets no fault, and uses none up', async () => {
  await failing([{ times: 1 }, { kind: 'status', status: 503 }]);
  const url = `${server.provider.endpoint}/shares/local/schemas/default/tables/basics/version`;
  expect((await exchange(url)).status).toBe(401);
  const first = await server.askTable('basics', 'version');
  expect([first.status, json(text(first))['errorCode']]).toEqual([503, 'INTERNAL_ERROR']);
});

async function failing(...rules: readonly (readonly [FaultMatch, FaultAction])[]): Promise<void> {
  server = await open({ faults: { rules: rules.map(([match, action]) => ({ match, do: action })) } });
}

function changes(capabilities = ON): Promise<Reply> {
  return server.askTable('basics', CHANGES, capabilities);
}

function firstUrl(reply: Reply): string {
  return (
    lines(reply)
      .map((line) => textAt(line, 'add', 'url'))
      .find((url) => url !== '') ?? ''
  );
}
