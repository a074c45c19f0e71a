/**
 * The traps of the protocol that concern who asks and who reads answers, each by its number (docs/provider-traps.md). What the answers are made of is a real server's;
 * where it says more than one thing at a time, the other tests of this room have it piece by piece.
 */
import { expect, it } from 'vitest';
import { FEATURES_ASKED } from '../../../../connectors/sources/delta-sharing/reader-features.ts';
import type { ChangeListing, ChangesRequest } from '../../../../src/ports/source.ts';
import type { Scripted, ScriptedServer } from './scripted-server.ts';
import { json, lines, scriptedServer, text } from './scripted-server.ts';
import {
  CHANGES,
  DELTA,
  deltaFile,
  deltaMetaData,
  deltaProtocol,
  END,
  file,
  metaData,
  METADATA,
  NEVER,
  PARQUET,
  PROTOCOL,
  QUERY,
  schemaString,
  snapshotFile,
  sourceOver,
  TABLE,
  VERSION,
} from './wire-makers.ts';

const version = (at: number): Scripted => text(200, '', { 'delta-table-version': String(at) });

async function changes(server: ScriptedServer, request: Partial<ChangesRequest> = {}): Promise<ChangeListing> {
  return sourceOver(server).changes(TABLE, { from: 0, to: 9, listedAs: null, ...request }, NEVER);
}

/** `version: kind id, kind id`. */
function told({ versions }: ChangeListing): readonly string[] {
  return versions.map((listed) => `${listed.version}: ${listed.files.map(({ kind, id }) => `${kind} ${id}`).join(', ')}`);
}

it('trap 1: one past the latest version is no empty range but none at all, in the words of every server', async () => {
  for (const message of [
    'Provided Start version(4) for reading change data is invalid. Start version cannot be greater than the latest version of the table(3).',
    'Cannot time travel Delta table to version 4. Available versions: [0, 3].',
    '[DELTA_VERSION_AFTER_LATEST] no such version',
  ]) {
    await using server = await scriptedServer();
    server.on(CHANGES, json(400, { errorCode: 'INVALID_PARAMETER_VALUE', message }));
    await expect(changes(server, { from: 4, to: 4 })).rejects.toMatchObject({ code: 'start.beyond' });
    expect(server.asked).toHaveLength(1);
  }
});

it('traps 2 and 3: how far an answer reaches is what was asked for, and its header is where it begins', async () => {
  await using server = await scriptedServer();
  server.on(CHANGES, lines([PROTOCOL, metaData(2), file('add', 3, 'a'), END], { ...PARQUET, 'delta-table-version': '2' }));
  server.on(VERSION, version(8));
  const listing = await changes(server, { from: 2, to: 6 });
  expect([listing.from, listing.to, told(listing)]).toEqual([2, 6, ['3: add a']]);
  expect(await sourceOver(server).latestVersion(TABLE, NEVER)).toBe(8);
});

it('traps 4 and 12: URLs are renewed by the very question, and files are known by id, whatever their URLs and order', async () => {
  await using server = await scriptedServer();
  const at = (sig: string, id: string): object => file('add', 1, id, { url: `${server.origin}/${id}?sig=${sig}` });
  server.on(
    CHANGES,
    lines([PROTOCOL, metaData(0), at('old', 'a'), at('old', 'b'), END], PARQUET),
    lines([PROTOCOL, metaData(0), at('new', 'b'), at('new', 'a'), END], PARQUET),
  );
  server.on('/b', (response, asked) => (asked.query['sig'] === 'new' ? text(200, 'PAR1') : text(403, 'expired'))(response, asked));
  const listing = await changes(server, { to: 1 });
  const listed = listing.versions[0];
  const b = listed?.files.find(({ id }) => id === 'b');
  if (listed === undefined || b === undefined) throw new Error('no file');
  expect(Buffer.from((await listing.read(listed, b, NEVER)).bytes).toString()).toBe('PAR1');
  const questions = server.asked.filter(({ path }) => path === CHANGES).map(({ query }) => query);
  expect(questions).toHaveLength(2);
  expect(questions[0]).toMatchObject({ startingVersion: '0', endingVersion: '1' });
  expect(questions[1]).toEqual(questions[0]);
});

it('traps 5, 6 and 7: a version is told when its last page is in, whatever the order of lines, and by its change files alone', async () => {
  await using server = await scriptedServer();
  const more = { endStreamAction: { nextPageToken: 'more' } };
  server.on(
    CHANGES,
    lines([metaData(0), PROTOCOL, file('add', 2, 'e'), file('add', 1, 'a'), file('remove', 1, 'b'), more], PARQUET),
    lines([metaData(0), PROTOCOL, file('cdf', 1, 'c'), file('remove', 2, 'd'), END], PARQUET),
  );
  expect(told(await changes(server))).toEqual(['1: cdf c', '2: add e, remove d']);
});

it('traps 8 and 9: the delta format has change files under another name, and commits that move rows without changing them', async () => {
  await using server = await scriptedServer();
  const moved = [deltaFile('remove', 2, 'b', { dataChange: false }), deltaFile('add', 2, 'd', { dataChange: false })];
  server.on(CHANGES, lines([deltaProtocol(), deltaMetaData(0), deltaFile('cdc', 1, 'c'), ...moved, END], DELTA));
  expect(told(await changes(server))).toEqual(['1: cdf c', '2: ']);
});

it('traps 13 and 43: each answer is in the format that it says, and one that goes on with an old one is asked for in that', async () => {
  await using server = await scriptedServer();
  server.on(
    CHANGES,
    lines([PROTOCOL, metaData(0), END], { ...PARQUET, fileidhash: 'parquet' }),
    lines([deltaProtocol(), deltaMetaData(0), END], { ...DELTA, fileidhash: 'delta' }),
    lines([PROTOCOL, metaData(0), END], { ...PARQUET, fileidhash: 'parquet' }),
  );
  const before = await changes(server);
  const flipped = await changes(server);
  await changes(server, { listedAs: before });
  expect([before, flipped].map(({ responseFormat, idHash }) => [responseFormat, idHash])).toEqual([
    ['parquet', 'parquet'],
    ['delta', 'delta'],
  ]);
  const ways = server.asked.map(({ headers }) => [String(headers['delta-sharing-capabilities']).split(';')[0], headers['fileidhash']]);
  expect(ways).toEqual([
    ['responseformat=delta', undefined],
    ['responseformat=delta', undefined],
    ['responseformat=parquet', 'parquet'],
  ]);
});

/** A schema under column mapping: logical name → physical name. */
function mappedTo(columns: Readonly<Record<string, string>>): string {
  const fields = Object.entries(columns).map(([name, physicalName], at) => ({
    name,
    type: 'string',
    nullable: true,
    metadata: { 'delta.columnMapping.physicalName': physicalName, 'delta.columnMapping.id': at + 1 },
  }));
  return JSON.stringify({ type: 'struct', fields });
}

it('trap 16: partition values come by physical names and are told by the logical ones of their own version', async () => {
  await using server = await scriptedServer();
  const mapped = { configuration: { 'delta.columnMapping.mode': 'name' }, partitionColumns: ['day'] };
  const renamed = { configuration: { 'delta.columnMapping.mode': 'name' }, partitionColumns: ['date'] };
  server.on(
    CHANGES,
    lines(
      [
        deltaProtocol({}, 0),
        deltaMetaData(0, { schemaString: schemaString(['day', 'string'], ['x', 'string']), partitionColumns: ['day'] }),
        deltaFile('add', 1, 'a', { partitionValues: { day: '1' } }),
        deltaProtocol({ minReaderVersion: 3, readerFeatures: ['columnMapping'] }, 2),
        deltaMetaData(2, { schemaString: mappedTo({ day: 'day', x: 'x' }), ...mapped }),
        deltaFile('add', 3, 'b', { partitionValues: { day: '2' } }),
        deltaMetaData(4, { schemaString: mappedTo({ date: 'day', day: 'col-9' }), ...renamed }),
        deltaFile('add', 5, 'c', { partitionValues: { day: '3' } }),
        deltaFile('remove', 5, 'd', { partitionValues: { day: '4', gone: '5' } }),
        deltaFile('remove', 5, 'e', { partitionValues: { day: '6', date: 'of a column that is gone' } }),
        END,
      ],
      DELTA,
    ),
  );
  const listing = await changes(server);
  const mappingAt = listing.versions.map((listed) => `${listed.version} ${listed.schema.mapping}`);
  expect(mappingAt).toEqual(['1 none', '2 name', '3 name', '4 name', '5 name']);
  expect(listing.versions.flatMap(({ files }) => files.map(({ id, partitionValues }) => [id, partitionValues]))).toEqual([
    ['a', { day: '1' }],
    ['b', { day: '2' }],
    ['c', { date: '3' }],
    ['d', { date: '4', gone: '5' }],
    ['e', { date: '6' }],
  ]);
});

it('trap 16: mapping counts where the protocol enables it, and where the answer does not say that it does not', async () => {
  const schema = { schemaString: mappedTo({ a: 'col-1' }), configuration: { 'delta.columnMapping.mode': 'id' } };
  const mappingOf = async (...objects: readonly object[]): Promise<string | undefined> => {
    await using server = await scriptedServer();
    server.on(CHANGES, lines([...objects, END], DELTA));
    return (await changes(server)).versions.at(-1)?.schema.mapping;
  };
  const [head, later] = [deltaMetaData(0, schema), deltaMetaData(3, schema)];
  expect(await mappingOf(deltaProtocol({ minReaderVersion: 2 }), head, deltaFile('add', 1, 'a'))).toBe('id');
  expect(await mappingOf(deltaProtocol({ minReaderVersion: 3, readerFeatures: ['COLUMNMAPPING'] }), head, deltaFile('add', 1, 'a'))).toBe(
    'id',
  );
  expect(await mappingOf(deltaProtocol({ minReaderVersion: 3, readerFeatures: [] }), head, deltaFile('add', 1, 'a'))).toBe('none');
  expect(await mappingOf(deltaProtocol(), head, deltaFile('add', 1, 'a'))).toBe('none');
  expect(await mappingOf(deltaProtocol({}, 0), deltaMetaData(0), later, deltaFile('add', 3, 'a'))).toBe('none');
  // A server that tells no versions of protocols tells the head's alone.
  expect(await mappingOf(deltaProtocol(), deltaMetaData(0), later, deltaFile('add', 3, 'a'))).toBe('id');
});

it('traps 17 and 18: partition values stay the texts that they are, and numbers that a double would round are refused', async () => {
  await using server = await scriptedServer();
  const partitionValues = { p: '', q: 'null', r: '0.10', s: '9007199254740993' };
  server.on(CHANGES, lines([PROTOCOL, metaData(0), file('add', 1, 'a', { partitionValues, size: '4' }), END], PARQUET));
  const [listed] = (await changes(server)).versions[0]?.files ?? [];
  expect([listed?.partitionValues, listed?.size]).toEqual([{ ...partitionValues, p: null }, 4]);
  for (const rounded of ['"size":9007199254740993', '"size":4,"timestamp":9007199254740993', '"size":1.5']) {
    server.on(CHANGES, lines([PROTOCOL, metaData(0), `{"add":{"url":"https://x/y","id":"a","version":1,${rounded}}}`, END], PARQUET));
    await expect(changes(server)).rejects.toMatchObject({ code: 'provider.malformed' });
  }
});

it('trap 20: every version has the schema in force at it, and a comment alone is no other schema to who compares types', async () => {
  await using server = await scriptedServer();
  const commented = schemaString(['id', 'long']).replace('"metadata":{}', '"metadata":{"comment":"why"}');
  server.on(
    CHANGES,
    lines(
      [
        PROTOCOL,
        metaData(0),
        file('add', 1, 'a'),
        metaData(2, { schemaString: commented }),
        file('add', 2, 'b'),
        metaData(3, { schemaString: schemaString(['id', 'long'], ['x', 'string']) }),
        file('add', 4, 'c'),
        END,
      ],
      PARQUET,
    ),
  );
  const columns = (await changes(server)).versions.map((listed) => listed.schema.columns.map(({ name, comment }) => [name, comment]));
  expect(columns).toEqual([
    [['id', null]],
    [['id', 'why']],
    [
      ['id', null],
      ['x', null],
    ],
    [
      ['id', null],
      ['x', null],
    ],
  ]);
});

it('trap 21: an answer of status 200 may fail in its last line, by a status of its own, and one without the line it promised was cut', async () => {
  const failing = (httpStatusErrorCode: number | undefined): object => ({ endStreamAction: { errorMessage: 'no', httpStatusErrorCode } });
  for (const [last, code] of [
    [failing(429), 'provider.throttled'],
    [failing(503), 'provider.unavailable'],
    [failing(undefined), 'provider.unavailable'],
    [failing(403), 'provider.forbidden'],
    [file('add', 1, 'b'), 'provider.truncated'],
  ] as const) {
    await using server = await scriptedServer();
    server.on(CHANGES, lines([PROTOCOL, metaData(0), file('add', 1, 'a'), last], PARQUET));
    await expect(changes(server)).rejects.toMatchObject({ code });
  }
});

it('trap 22: what was asked for is not what was granted: only the header of the answer counts', async () => {
  await using server = await scriptedServer();
  server.on(CHANGES, lines([PROTOCOL, metaData(0), file('add', 1, 'a')], {}));
  expect((await changes(server)).responseFormat).toBe('parquet');
  server.on(CHANGES, lines([PROTOCOL, metaData(0), END], { 'delta-sharing-capabilities': 'responseformat=iceberg' }));
  await expect(changes(server)).rejects.toMatchObject({
    code: 'provider.malformed',
    message: 'asking acme for the changes 0..9 of s.d.t: the answer is in format "iceberg", which was not asked for',
  });
});

it('trap 23: what is announced is read, and what is not read is refused by its name', async () => {
  await using server = await scriptedServer();
  const needing = (...readerFeatures: readonly string[]): Scripted =>
    lines([deltaProtocol({ minReaderVersion: 3, readerFeatures }), deltaMetaData(0), deltaFile('add', 1, 'a'), END], DELTA);
  server.on(CHANGES, needing(...FEATURES_ASKED));
  expect(told(await changes(server))).toEqual(['1: add a']);
  expect(String(server.asked[0]?.headers['delta-sharing-capabilities']).split(';')[1]).toBe(`readerfeatures=${FEATURES_ASKED.join(',')}`);
  for (const feature of ['variantShredding', 'geospatial', 'somethingNew']) {
    server.on(CHANGES, needing('deletionVectors', feature));
    await expect(changes(server)).rejects.toMatchObject({
      code: 'table.feature',
      message: `asking acme for the changes 0..9 of s.d.t: the table uses ${feature}`,
    });
  }
});

it('times of partitions without a zone are those of the zone that the config says, and only of timestamps', async () => {
  await using server = await scriptedServer();
  const columns = schemaString(['at', 'timestamp'], ['wall', 'timestamp_ntz'], ['label', 'string']);
  const partitionValues = { at: '2026-07-01 12:00:00.25', wall: '2026-07-01 12:00:00', label: '2026-07-01 12:00:00' };
  const files = [
    deltaFile('add', 0, 'a', { partitionValues }),
    deltaFile('add', 0, 'b', { partitionValues: { ...partitionValues, at: '2026-07-01T12:00:00.000000Z' } }),
  ];
  const head = deltaMetaData(0, { schemaString: columns, partitionColumns: ['at', 'wall', 'label'] });
  server.on(CHANGES, lines([deltaProtocol({}, 0), head, ...files, END], DELTA));
  const source = sourceOver(server, { partitionTimeZone: 'Europe/Stockholm' });
  const { versions } = await source.changes(TABLE, { from: 0, to: 0, listedAs: null }, NEVER);
  expect(versions[0]?.files.map((file) => file.partitionValues)).toEqual([
    { ...partitionValues, at: '2026-07-01T10:00:00.25Z' },
    { ...partitionValues, at: '2026-07-01T12:00:00.000000Z' },
  ]);
});

it('trap 22: a server that does not take the better format alone is asked for either', async () => {
  await using server = await scriptedServer();
  const refused = json(400, { errorCode: 'INVALID_PARAMETER_VALUE', message: 'responseformat=delta is not supported for table changes' });
  server.on(CHANGES, refused, lines([PROTOCOL, metaData(0), END], PARQUET));
  const source = sourceOver(server);
  const request = { from: 0, to: 0, listedAs: null };
  expect((await source.changes(TABLE, request, NEVER)).responseFormat).toBe('parquet');
  server.on(CHANGES, lines([PROTOCOL, metaData(0), END], PARQUET));
  await source.changes(TABLE, request, NEVER);
  expect(server.asked.map(({ headers }) => String(headers['delta-sharing-capabilities']).split(';')[0])).toEqual([
    'responseformat=delta',
    'responseformat=delta,parquet',
    // Once that was the way, it is the way.
    'responseformat=delta,parquet',
  ]);
});

it('trap 27: a refusal is asked again in the other way and then no more, and a range at which the server breaks for good is told from an outage', async () => {
  await using server = await scriptedServer();
  server.on(CHANGES, json(400, { errorCode: 'INVALID_PARAMETER_VALUE', message: 'no' }));
  const source = sourceOver(server, { retryTimeoutMs: 60_000 });
  await expect(source.changes(TABLE, { from: 0, to: 0, listedAs: null }, NEVER)).rejects.toMatchObject({ code: 'provider.refused' });
  expect(server.asked).toHaveLength(2);
  server.on(CHANGES, text(500, '{"errorCode":"INTERNAL_ERROR","message":""}'));
  server.on(VERSION, version(9));
  await expect(source.changes(TABLE, { from: 0, to: 0, listedAs: null }, NEVER)).rejects.toMatchObject({
    code: 'gap.unanswered',
    version: 0,
  });
});

it('trap 28: an error is read in every dress', async () => {
  const details = [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', metadata: { dsError: 'DS_RESOURCE_LIMIT_EXCEEDED' } }];
  const cases = [
    [json(400, { errorCode: 'RESOURCE_LIMIT_EXCEEDED', message: 'm' }), 'provider.too_large', '400 RESOURCE_LIMIT_EXCEEDED: "m"'],
    [
      json(400, { error_code: 'INVALID_PARAMETER_VALUE', message: 'm', details }),
      'provider.too_large',
      '400 DS_RESOURCE_LIMIT_EXCEEDED: "m"',
    ],
    [json(429, { error_code: 'RESOURCE_EXHAUSTED', message: 'slow down' }), 'provider.throttled', '429 RESOURCE_EXHAUSTED: "slow down"'],
    [
      text(500, '{"errorCode":"INTERNAL_ERROR","message":""}', { 'content-type': 'text/plain' }),
      'provider.unavailable',
      '500 INTERNAL_ERROR',
    ],
    [text(401, '401 Unauthorized', { 'content-type': 'text/plain' }), 'provider.unauthorized', '401: "401 Unauthorized"'],
    [text(502, '<html><title>Bad Gateway</title></html>'), 'provider.unavailable', '502: "an HTML page \\"Bad Gateway\\""'],
    [text(504, ''), 'provider.unavailable', '504'],
  ] as const;
  for (const [answer, code, words] of cases) {
    await using server = await scriptedServer();
    server.on(CHANGES, answer);
    const message = `asking acme for the changes 0..9 of s.d.t: the provider answers ${words}`;
    await expect(changes(server)).rejects.toMatchObject({ code, message });
  }
});

it('trap 28: an answer without a body has a version in its header, and no changes', async () => {
  await using server = await scriptedServer();
  const empty: Scripted = (response) => {
    response.writeHead(204, { 'delta-table-version': '8' }).end();
  };
  server.on(VERSION, empty);
  server.on(CHANGES, empty);
  expect(await sourceOver(server).latestVersion(TABLE, NEVER)).toBe(8);
  await expect(changes(server)).rejects.toMatchObject({ code: 'provider.truncated' });
});

it('trap 29: a page is asked for by every parameter of the first and its token, encoded, and never of a size together with historical metadata', async () => {
  await using server = await scriptedServer();
  const more = { endStreamAction: { nextPageToken: 'a+b/c=&d' } };
  server.on(CHANGES, lines([PROTOCOL, metaData(0), more], PARQUET), lines([PROTOCOL, metaData(0), file('add', 1, 'a'), END], PARQUET));
  expect(told(await changes(server))).toEqual(['1: add a']);
  const [first, second] = server.asked.map(({ query }) => query);
  expect(first).toEqual({ startingVersion: '0', endingVersion: '9', includeHistoricalMetadata: 'true', includeHistoricalProtocol: 'true' });
  expect(second).toEqual({ ...first, pageToken: 'a+b/c=&d' });
});

it.each([
  ['table', [PROTOCOL, metaData(0, { id: 'table-2' })], PARQUET, 'of another table or format'],
  ['format', [deltaProtocol(), deltaMetaData(0)], DELTA, 'of another table or format'],
  ['version', [PROTOCOL, metaData(0)], { ...PARQUET, 'delta-table-version': '1' }, 'of another version'],
  ['schema', [PROTOCOL, metaData(0, { schemaString: schemaString(['x', 'long']) })], PARQUET, 'of another protocol or metadata'],
])('trap 29: pages of which one is of another %s are no answer', async (_, head, headers, difference) => {
  await using server = await scriptedServer();
  const first = lines([PROTOCOL, metaData(0), { endStreamAction: { nextPageToken: 'more' } }], PARQUET);
  server.on(CHANGES, first, lines([...head, END], headers));
  await expect(changes(server)).rejects.toMatchObject({
    code: 'provider.malformed',
    message: `asking acme for the changes 0..9 of s.d.t: page 2 of the answer is ${difference} than the first`,
  });
});

it('trap 30: a question for the table is never without a body', async () => {
  await using server = await scriptedServer();
  server.on(QUERY, lines([PROTOCOL, metaData(null), END], { ...PARQUET, 'delta-table-version': '3' }));
  await sourceOver(server).snapshot(TABLE, { version: null, listedAs: null }, NEVER);
  expect(server.asked.map(({ method, body }) => [method, body])).toEqual([['POST', '{}']]);
});

it('trap 31: a snapshot is of the version that was asked for, or none', async () => {
  await using server = await scriptedServer();
  const snapshot = async (at: number): Promise<ChangeListing> => sourceOver(server).snapshot(TABLE, { version: at, listedAs: null }, NEVER);
  server.on(QUERY, (response, asked) => {
    const body: { readonly version?: number } = JSON.parse(asked.body);
    const at = Math.max(body.version ?? 0, 3);
    lines([PROTOCOL, metaData(null), snapshotFile(`f${at}`), END], { ...PARQUET, 'delta-table-version': String(at) })(response, asked);
  });
  expect(told(await snapshot(4))).toEqual(['4: add f4']);
  await expect(snapshot(2)).rejects.toMatchObject({ code: 'snapshot.moved' });
});

it('trap 32: versions are in order of their numbers, whatever their times, and a time that is not told is none', async () => {
  await using server = await scriptedServer();
  const at = (number: number, timestamp: number | undefined): object => file('add', number, 'a', { timestamp });
  server.on(CHANGES, lines([PROTOCOL, metaData(0), at(3, 10), at(1, 30), at(2, 20), at(4, 20), at(5, undefined), END], PARQUET));
  expect((await changes(server)).versions.map((listed) => [listed.version, listed.timestamp])).toEqual([
    [1, 30],
    [2, 20],
    [3, 10],
    [4, 20],
    [5, null],
  ]);
  server.on(CHANGES, lines([PROTOCOL, metaData(0), at(3, 10), file('add', 3, 'b', { timestamp: 11 }), END], PARQUET));
  await expect(changes(server)).rejects.toMatchObject({ code: 'provider.malformed' });
});

it('traps 33 and 34: every answer says which table it is of, and a lower version is told as it is', async () => {
  await using server = await scriptedServer();
  server.on(VERSION, version(9), version(0));
  server.on(METADATA, lines([PROTOCOL, metaData(null, { id: 'table-2' })], { 'delta-table-version': '0' }));
  server.on(
    CHANGES,
    lines([PROTOCOL, metaData(0), file('add', 0, 'a'), metaData(1, { id: 'table-2' }), file('add', 1, 'b'), END], PARQUET),
  );
  const source = sourceOver(server);
  expect([await source.latestVersion(TABLE, NEVER), await source.latestVersion(TABLE, NEVER)]).toEqual([9, 0]);
  expect((await source.metadata(TABLE, null, NEVER)).tableId).toBe('table-2');
  expect((await changes(server)).versions.map(({ tableId }) => tableId)).toEqual(['table-1', 'table-2']);
});

it('trap 38: versions that recorded nothing are a gap with a version, and never an empty range', async () => {
  await using server = await scriptedServer();
  server.on(CHANGES, json(400, { message: 'Error getting change data for range [0, 9] as change data was not recorded for version [3]' }));
  await expect(changes(server)).rejects.toMatchObject({ code: 'gap.feed_off', version: 3 });
});

it('trap 44: an answer in parquet format for a table that needs more is refused at every request', async () => {
  await using server = await scriptedServer();
  const needing = (protocol: object): Scripted => lines([{ protocol }, metaData(0), file('add', 1, 'a'), END], PARQUET);
  server.on(
    CHANGES,
    needing({ minReaderVersion: 1 }),
    needing({ minReaderVersion: 3 }),
    needing({ minReaderVersion: 1, readerFeatures: ['deletionVectors'] }),
  );
  const source = sourceOver(server);
  const ask = async (): Promise<ChangeListing> => source.changes(TABLE, { from: 0, to: 9, listedAs: null }, NEVER);
  expect(told(await ask())).toEqual(['1: add a']);
  await expect(ask()).rejects.toMatchObject({ code: 'table.feature', message: expect.stringContaining('needs reader version 3') });
  await expect(ask()).rejects.toMatchObject({ code: 'table.feature', message: expect.stringContaining('uses deletionVectors') });
});

it('trap 44: a protocol that comes within the range is refused with the version that it comes with', async () => {
  await using server = await scriptedServer();
  const later = deltaProtocol({ minReaderVersion: 3, readerFeatures: ['geospatial'] }, 4);
  // What comes after it may look like no protocol at all.
  const odd = { file: { id: 'g', version: 5, deltaSingleAction: { add: { path: 7 } } } };
  for (const objects of [
    [deltaProtocol({}, 0), deltaMetaData(0), deltaFile('add', 1, 'a'), later, END],
    [later, deltaMetaData(0), deltaFile('add', 1, 'a'), deltaProtocol({}, 0), END],
  ]) {
    server.on(CHANGES, lines(objects, DELTA));
    await expect(changes(server)).rejects.toMatchObject({
      code: 'table.feature',
      version: 4,
      message: 'asking acme for the changes 0..9 of s.d.t: the table uses geospatial from version 4 on',
    });
  }
  server.on(CHANGES, lines([deltaProtocol({}, 0), deltaMetaData(0), later, odd, END], DELTA));
  await expect(changes(server)).rejects.toMatchObject({ code: 'table.feature' });
});

it('trap 45: what the configuration says of the feed is told, and keeps nobody from asking for changes', async () => {
  await using server = await scriptedServer();
  for (const [configuration, changeFeed] of [
    [{ enableChangeDataFeed: 'true' }, true],
    [{ 'delta.enableChangeDataFeed': 'false' }, false],
    [{}, null],
  ] as const) {
    server.on(METADATA, lines([PROTOCOL, metaData(0, { configuration })]));
    server.on(CHANGES, lines([PROTOCOL, metaData(0, { configuration }), file('cdf', 1, 'c'), END], PARQUET));
    expect((await sourceOver(server).metadata(TABLE, null, NEVER)).changeFeed).toBe(changeFeed);
    expect(told(await changes(server))).toEqual(['1: cdf c']);
  }
});
