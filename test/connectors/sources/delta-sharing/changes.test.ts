import { describe, expect, it } from 'vitest';
import { FEATURES_ASKED } from '../../../../connectors/sources/delta-sharing/reader-features.ts';
import { Failure } from '../../../../src/model/failure.ts';
import type { ChangeListing, ChangesRequest } from '../../../../src/ports/source.ts';
import type { Scripted } from './scripted-server.ts';
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
  schemaString,
  sourceOver,
  TABLE,
  TOKEN,
  VERSION,
} from './wire-makers.ts';

const LONG = {
  columns: [{ name: 'id', type: { kind: 'long' }, nullable: true, comment: null, physical: null }],
  partitionColumns: [],
  mapping: 'none',
};
const TWO_COLUMNS = schemaString(['id', 'long'], ['name', 'string']);

function change(kind: 'add' | 'cdf' | 'remove', id: string): object {
  return { kind, id, size: 4, partitionValues: {}, rows: null };
}

async function changesFrom(answers: readonly Scripted[], request: Partial<ChangesRequest> = {}): Promise<ChangeListing> {
  await using server = await scriptedServer();
  server.on(CHANGES, ...answers);
  return await sourceOver(server).changes(TABLE, { from: 0, to: 9, listedAs: null, ...request }, NEVER);
}

/** `version: kind id, kind id` for each version that the reply has lines for. */
function told(listing: ChangeListing): readonly string[] {
  return listing.versions.map(({ version, files }) => `${version}: ${files.map(({ kind, id }) => `${kind} ${id}`).join(', ')}`);
}

function columnsByVersion(listing: ChangeListing): readonly string[] {
  return listing.versions.map(({ version, schema }) => `${version}: ${schema.columns.map(({ name }) => name).join(', ')}`);
}

it('asks for both bounds, historical metadata and protocol, the format that tells most and the end action, and for no page size (traps 4, 20, 23, 29)', async () => {
  await using server = await scriptedServer();
  server.on(CHANGES, lines([PROTOCOL, metaData(3), END], PARQUET));
  await sourceOver(server).changes(TABLE, { from: 3, to: 7, listedAs: null }, NEVER);
  const [asked] = server.asked;
  expect(asked?.query).toEqual({
    startingVersion: '3',
    endingVersion: '7',
    includeHistoricalMetadata: 'true',
    includeHistoricalProtocol: 'true',
  });
  expect(asked?.headers).toMatchObject({
    authorization: `Bearer ${TOKEN}`,
    'user-agent': 'cdf-relay/test',
    'delta-sharing-capabilities': `responseformat=delta;readerfeatures=${FEATURES_ASKED.join(',')};includeendstreamaction=true`,
  });
  expect(asked?.headers['fileidhash']).toBeUndefined();
});

it('tells versions in order with their files, whatever the order of the lines (trap 5)', async () => {
  const answer = lines([PROTOCOL, metaData(0), file('add', 2, 'b'), file('remove', 2, 'a'), file('add', 0, 'a'), END], PARQUET);
  const listing = await changesFrom([answer], { to: 5 });
  expect({ ...listing, read: null, prove: null }).toEqual({
    read: null,
    prove: null,
    from: 0,
    to: 5,
    responseFormat: 'parquet',
    idHash: null,
    tableId: 'table-1',
    schema: LONG,
    versions: [
      { version: 0, timestamp: 1000, tableId: 'table-1', schema: LONG, files: [change('add', 'a')] },
      { version: 2, timestamp: 1002, tableId: 'table-1', schema: LONG, files: [change('add', 'b'), change('remove', 'a')] },
    ],
  });
});

it('an answer of head lines alone is a range without rows: nothing is read out of it but the schema (traps 2, 3)', async () => {
  const listing = await changesFrom([lines([PROTOCOL, metaData(2), END], { ...PARQUET, 'delta-table-version': '2' })], { from: 2, to: 3 });
  expect([listing.from, listing.to, listing.versions, listing.tableId]).toEqual([2, 3, [], 'table-1']);
});

it('a version with change files is told by them alone (trap 7)', async () => {
  const answer = lines(
    [PROTOCOL, metaData(0), file('add', 1, 'a'), file('cdf', 1, 'c'), file('remove', 1, 'b'), file('add', 2, 'd'), END],
    PARQUET,
  );
  expect(told(await changesFrom([answer]))).toEqual(['1: cdf c', '2: add d']);
});

it('the delta format says cdc, rides in files, and has commits that change no data (traps 8, 9)', async () => {
  const answer = lines(
    [
      deltaProtocol(),
      deltaMetaData(0),
      deltaFile('cdc', 1, 'c'),
      deltaFile('add', 1, 'a'),
      deltaFile('add', 2, 'd', { dataChange: false }),
      deltaFile('remove', 2, 'e', { dataChange: false }),
      deltaFile('remove', 3, 'f', { dataChange: undefined, size: undefined }),
      END,
    ],
    DELTA,
  );
  const listing = await changesFrom([answer]);
  expect(told(listing)).toEqual(['1: cdf c', '2: ', '3: remove f']);
  expect([listing.responseFormat, listing.schema, listing.versions[2]?.files[0]?.size]).toEqual(['delta', LONG, null]);
});

it('feature lists may be missing at reader version 1 and 2, and harmless features may be named', async () => {
  for (const protocol of [
    { minReaderVersion: 1 },
    { minReaderVersion: 2 },
    { minReaderVersion: 3, readerFeatures: ['timestampNtz', 'v2Checkpoint', 'vacuumProtocolCheck', 'catalogManaged'] },
  ]) {
    const answer = lines(
      [deltaProtocol(protocol), deltaMetaData(0, { configuration: { 'delta.columnMapping.mode': 'none' } }), END],
      DELTA,
    );
    expect((await changesFrom([answer])).responseFormat).toBe('delta');
  }
});

it('a file that is listed twice is one file, and ids recur across versions and kinds (trap 12)', async () => {
  const answer = lines(
    [PROTOCOL, metaData(0), file('add', 1, 'a'), file('add', 1, 'a'), file('remove', 2, 'a'), file('cdf', 3, 'a'), END],
    PARQUET,
  );
  expect(told(await changesFrom([answer]))).toEqual(['1: add a', '2: remove a', '3: cdf a']);
});

it('the empty partition value is null, the text null is a text, and texts stay as they are (trap 17)', async () => {
  const partitionValues = { p: '', q: null, r: 'null', s: '0.00004', ['__proto__']: 'x' };
  const answer = lines(
    [PROTOCOL, metaData(0), JSON.stringify(file('add', 1, 'a', { partitionValues: { ...partitionValues }, rows: null })), END],
    PARQUET,
  );
  const listing = await changesFrom([answer]);
  expect(listing.versions[0]?.files[0]?.partitionValues).toEqual({ ...partitionValues, p: null });
});

it('int64 may be a text (trap 18)', async () => {
  const answer = lines(
    [PROTOCOL, metaData(0, { version: '0' }), file('add', 1, 'a', { version: '1', size: '4', timestamp: '1001' }), END],
    PARQUET,
  );
  const listing = await changesFrom([answer]);
  expect(listing.versions).toEqual([{ version: 1, timestamp: 1001, tableId: 'table-1', schema: LONG, files: [change('add', 'a')] }]);
});

it('each version has the schema in force at it, and a version of metadata alone is a version (trap 20)', async () => {
  const answer = lines(
    [
      PROTOCOL,
      metaData(0),
      file('add', 1, 'a'),
      metaData(2, { schemaString: TWO_COLUMNS, id: 'table-2' }),
      file('add', 3, 'b'),
      metaData(4),
      file('add', 4, 'c'),
      END,
    ],
    PARQUET,
  );
  const listing = await changesFrom([answer]);
  expect(columnsByVersion(listing)).toEqual(['1: id', '2: id, name', '3: id, name', '4: id']);
  expect(listing.versions.map(({ tableId, timestamp }) => [tableId, timestamp])).toEqual([
    ['table-1', 1001],
    ['table-2', null],
    ['table-2', 1003],
    ['table-1', 1004],
  ]);
});

it('where the head has the newest schema instead, the schema at each version is asked for by itself (trap 20)', async () => {
  for (const head of [9, null]) {
    await using server = await scriptedServer();
    server.on(
      CHANGES,
      lines([PROTOCOL, metaData(head, { schemaString: TWO_COLUMNS }), file('add', 2, 'a'), file('add', 4, 'b'), END], PARQUET),
    );
    server.on(METADATA, (response, asked) => {
      const version = asked.query['version'] ?? '';
      lines([PROTOCOL, metaData(null, Number(version) < 4 ? {} : { schemaString: TWO_COLUMNS })], { 'delta-table-version': version })(
        response,
        asked,
      );
    });
    const listing = await sourceOver(server).changes(TABLE, { from: 1, to: 9, listedAs: null }, NEVER);
    expect([listing.schema, columnsByVersion(listing)]).toEqual([LONG, ['2: id', '4: id, name']]);
    expect(server.asked.slice(1).map(({ query }) => query)).toEqual([{ version: '1' }, { version: '2' }, { version: '4' }]);
  }
});

it('pages are gathered before anything is told, with every parameter as before and the token encoded (traps 6, 29)', async () => {
  await using server = await scriptedServer();
  server.on(
    CHANGES,
    lines([PROTOCOL, metaData(0), file('add', 1, 'a'), { endStreamAction: { nextPageToken: 'a+b/c==' } }], PARQUET),
    lines([PROTOCOL, metaData(0), file('cdf', 1, 'c'), { endStreamAction: { nextPageToken: '' } }], PARQUET),
  );
  const listing = await sourceOver(server).changes(TABLE, { from: 0, to: 1, listedAs: null }, NEVER);
  expect(told(listing)).toEqual(['1: cdf c']);
  const [first, second] = server.asked;
  expect(second?.query).toEqual({ ...first?.query, pageToken: 'a+b/c==' });
  expect(second?.headers['delta-sharing-capabilities']).toBe(first?.headers['delta-sharing-capabilities']);
});

it('only the header of the response says what it is: without it, it is parquet and promises no end (traps 22, 43)', async () => {
  expect((await changesFrom([lines([PROTOCOL, metaData(0), file('add', 1, 'a')])])).responseFormat).toBe('parquet');
  const mixed = { 'Delta-Sharing-Capabilities': 'ResponseFormat=DELTA; includeEndStreamAction=TRUE', fileIdHash: 'DELTA' };
  const listing = await changesFrom([lines([deltaProtocol(), deltaMetaData(0), END], mixed)]);
  expect([listing.responseFormat, listing.idHash]).toEqual(['delta', 'delta']);
});

it('an answer is asked for as it was listed before, and one that differs is not taken (traps 13, 43)', async () => {
  await using server = await scriptedServer();
  const echo = { ...PARQUET, fileidhash: 'delta' };
  server.on(
    CHANGES,
    lines([PROTOCOL, metaData(0), END], echo),
    lines([PROTOCOL, metaData(0), END], PARQUET),
    lines([deltaProtocol(), deltaMetaData(0), END], DELTA),
  );
  const source = sourceOver(server);
  const request = { from: 0, to: 0, listedAs: { responseFormat: 'parquet', idHash: 'delta' } } as const;
  expect((await source.changes(TABLE, request, NEVER)).idHash).toBe('delta');
  expect(server.asked[0]?.headers).toMatchObject({
    'delta-sharing-capabilities': `responseformat=parquet;readerfeatures=${FEATURES_ASKED.join(',')};includeendstreamaction=true`,
    fileidhash: 'delta',
  });
  for (const difference of [
    'file ids are made by a hash not named, and were by delta before',
    'the answer is in format delta, and was in parquet before',
  ]) {
    await expect(source.changes(TABLE, request, NEVER)).rejects.toMatchObject({
      code: 'plan.changed',
      message: `asking acme for the changes 0..0 of s.d.t: ${difference}`,
    });
  }
});

it.each([
  ['was not recorded for version [3]', 'gap.feed_off', 3],
  ['was not recorded for version 3', 'gap.feed_off', 3],
  ['was not recorded for version [77]', 'gap.feed_off', null],
  ['change data was not recorded', 'gap.feed_off', null],
  ['You can only query table changes since version 4.', 'gap.history_gone', 4],
  ['The earliest available version is 5', 'gap.history_gone', 5],
  ['Cannot time travel Delta table to version 2. Available versions: [4, 9].', 'gap.history_gone', 4],
  ['Cannot time travel Delta table to version 2. Available versions: [0, 1].', 'start.beyond', null],
])('the refusal "%s" is %s with version %s (traps 27, 38)', async (message, code, version) => {
  await using server = await scriptedServer();
  server.on(CHANGES, json(400, { errorCode: 'INVALID_PARAMETER_VALUE', message }));
  const failure = await sourceOver(server)
    .changes(TABLE, { from: 2, to: 5, listedAs: null }, NEVER)
    .catch((error: unknown) => error);
  expect(failure).toMatchObject({ code, version });
});

it('a refusal of one version alone is about that version, whether or not it names it', async () => {
  await using server = await scriptedServer();
  server.on(CHANGES, json(400, { message: 'change data was not recorded' }));
  await expect(sourceOver(server).changes(TABLE, { from: 4, to: 4, listedAs: null }, NEVER)).rejects.toMatchObject({
    code: 'gap.feed_off',
    version: 4,
  });
});

const BROKEN = text(500, '{"errorCode":"INTERNAL_ERROR","message":""}');
const EMPTY = lines([PROTOCOL, metaData(0), END], PARQUET);
const MINUTE = 60_000;

it('a provider that breaks at these versions the whole time, and answers otherwise, has no answer to them (trap 27)', async () => {
  await using server = await scriptedServer();
  server.on(CHANGES, BROKEN);
  server.on(VERSION, text(200, '', { 'delta-table-version': '9' }));
  const source = sourceOver(server, { retryTimeoutMs: MINUTE });
  const failure = await source.changes(TABLE, { from: 2, to: 5, listedAs: null }, NEVER).catch((error: unknown) => error);
  expect(failure instanceof Failure ? [failure.code, failure.disposition, failure.version, failure.message] : failure).toEqual([
    'gap.unanswered',
    'probe',
    null,
    'asking acme for the changes 2..5 of s.d.t: the provider answered 500 to these versions 9 times in turn, while it answers that the latest version is 9: ' +
      "it fails at them, part of the table's log is gone, or the table was made anew",
  ]);
  expect(source.waits).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000, 14_500]);
  expect(server.asked.map(({ path }) => path)).toEqual([...Array.from({ length: 9 }, () => CHANGES), VERSION]);
});

it('who searches is told so after four tries, of one version with its number', async () => {
  await using server = await scriptedServer();
  server.on(CHANGES, BROKEN);
  server.on(VERSION, text(200, '', { 'delta-table-version': '9' }));
  const source = sourceOver(server, { retryTimeoutMs: MINUTE });
  const asking = source.changes(TABLE, { from: 2, to: 2, listedAs: null, patience: 'quick' }, NEVER);
  await expect(asking).rejects.toMatchObject({ code: 'gap.unanswered', version: 2 });
  expect(source.waits).toEqual([500, 1000, 2000]);
});

it('an outage that ends within the time is none', async () => {
  await using server = await scriptedServer();
  server.on(CHANGES, ...Array.from({ length: 8 }, () => BROKEN), EMPTY);
  server.on(VERSION, text(200, '', { 'delta-table-version': '9' }));
  const source = sourceOver(server, { retryTimeoutMs: MINUTE });
  expect((await source.changes(TABLE, { from: 0, to: 5, listedAs: null, patience: 'whole' }, NEVER)).versions).toEqual([]);
});

describe.each(['quick', 'whole'] as const)('of %s patience, a 500 that stays is a passing failure', (patience) => {
  const request = { from: 2, to: 5, listedAs: null, patience };

  it.each([
    ['/version fails too', text(500, '')],
    ['/version is behind, as of a lagging replica or a table made anew (trap 34)', text(200, '', { 'delta-table-version': '1' })],
  ])('while %s', async (_, version) => {
    await using server = await scriptedServer();
    server.on(CHANGES, BROKEN);
    server.on(VERSION, version);
    const asking = sourceOver(server, { retryTimeoutMs: MINUTE }).changes(TABLE, request, NEVER);
    await expect(asking).rejects.toMatchObject({ code: 'provider.unavailable' });
  });

  it('where it could be tried three times only', async () => {
    await using server = await scriptedServer();
    server.on(CHANGES, BROKEN);
    server.on(VERSION, text(200, '', { 'delta-table-version': '9' }));
    const asking = sourceOver(server, { retryTimeoutMs: 1000 }).changes(TABLE, request, NEVER);
    await expect(asking).rejects.toMatchObject({ code: 'provider.unavailable' });
    expect(server.asked).toHaveLength(3);
  });
});

it('a provider that is busy in between, or says when to come back, fails by itself', async () => {
  const later = text(500, '', { 'retry-after': '3600' });
  for (const answers of [
    [text(503, ''), BROKEN],
    [BROKEN, BROKEN, BROKEN, BROKEN, later],
  ]) {
    await using server = await scriptedServer();
    server.on(CHANGES, ...answers);
    server.on(VERSION, text(200, '', { 'delta-table-version': '9' }));
    const asking = sourceOver(server, { retryTimeoutMs: MINUTE }).changes(TABLE, { from: 2, to: 5, listedAs: null }, NEVER);
    await expect(asking).rejects.toMatchObject({ code: 'provider.unavailable' });
  }
});

it('another failure in between begins the count of a quick verdict anew', async () => {
  await using server = await scriptedServer();
  server.on(CHANGES, BROKEN, BROKEN, BROKEN, text(503, ''), BROKEN, BROKEN, BROKEN, EMPTY);
  server.on(VERSION, text(200, '', { 'delta-table-version': '9' }));
  const source = sourceOver(server, { retryTimeoutMs: MINUTE });
  expect((await source.changes(TABLE, { from: 0, to: 5, listedAs: null, patience: 'quick' }, NEVER)).versions).toEqual([]);
});

it('metadata tells the id, the version of the header, and the feed as far as the configuration says (traps 33, 45)', async () => {
  await using server = await scriptedServer();
  const at9 = { 'delta-table-version': '9' };
  server.on(
    METADATA,
    lines([PROTOCOL, metaData(null)], at9),
    lines([deltaProtocol(), deltaMetaData(null, { configuration: { 'delta.enableChangeDataFeed': 'false' } })], {
      ...DELTA,
      ...at9,
      'delta-sharing-capabilities': 'responseformat=delta',
    }),
    lines([PROTOCOL, metaData(4, { configuration: undefined })]),
  );
  const source = sourceOver(server);
  expect(await source.metadata(TABLE, null, NEVER)).toEqual({
    tableId: 'table-1',
    version: 9,
    schema: LONG,
    responseFormat: 'parquet',
    changeFeed: true,
  });
  expect(await source.metadata(TABLE, 9, NEVER)).toEqual({
    tableId: 'table-1',
    version: 9,
    schema: LONG,
    responseFormat: 'delta',
    changeFeed: false,
  });
  expect(await source.metadata(TABLE, null, NEVER)).toEqual({
    tableId: 'table-1',
    version: 4,
    schema: LONG,
    responseFormat: 'parquet',
    changeFeed: null,
  });
  expect(server.asked.map(({ query }) => query)).toEqual([{}, { version: '9' }, {}]);
});

it('a table that is refused for its features is told by their names, which only its metadata says (trap 23)', async () => {
  await using server = await scriptedServer();
  const refused = json(400, { errorCode: 'UNSUPPORTED_OPERATION', message: 'Unsupported Delta Table Properties' });
  const named: readonly (readonly [Scripted, string])[] = [
    [
      lines([deltaProtocol({ minReaderVersion: 3, readerFeatures: ['geospatial'] })], DELTA),
      'asking acme for the metadata of s.d.t: the table uses geospatial',
    ],
    [
      refused,
      'asking acme for the changes 0..0 of s.d.t: the provider answers 400 UNSUPPORTED_OPERATION: "Unsupported Delta Table Properties"',
    ],
  ];
  server.on(CHANGES, refused);
  for (const [answer, message] of named) {
    server.on(METADATA, answer);
    await expect(sourceOver(server).changes(TABLE, { from: 0, to: 0, listedAs: null }, NEVER)).rejects.toMatchObject({
      code: 'table.feature',
      message,
    });
  }
  const claimed = server.asked.filter(({ path }) => path === CHANGES).map(({ headers }) => String(headers['delta-sharing-capabilities']));
  expect(claimed.join()).not.toContain('geospatial');
  server.on(METADATA, refused, named[0]?.[0] ?? refused);
  await expect(sourceOver(server).metadata(TABLE, null, NEVER)).rejects.toMatchObject({ message: named[0]?.[1] });
});
