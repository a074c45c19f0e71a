import { describe, expect, it } from 'vitest';
import type { FailureCode } from '../../../../src/model/failure.ts';
import type { ChangeListing, SnapshotRequest } from '../../../../src/ports/source.ts';
import type { Asked, Scripted, ScriptedServer } from './scripted-server.ts';
import { json, lines, scriptedServer, text } from './scripted-server.ts';
import {
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
  snapshotFile,
  sourceOver,
  TABLE,
} from './wire-makers.ts';

const HEAD = [PROTOCOL, metaData(null)];

/** An answer for a version, in parquet format. */
function at(version: number, ...objects: readonly unknown[]): Scripted {
  return lines([...HEAD, ...objects, END], { ...PARQUET, 'delta-table-version': String(version) });
}

function snapshotFrom(server: ScriptedServer, request: Partial<SnapshotRequest> = {}): Promise<ChangeListing> {
  return sourceOver(server).snapshot(TABLE, { version: 7, listedAs: null, ...request }, NEVER);
}

function bodies(server: ScriptedServer): readonly unknown[] {
  return server.asked.filter(({ path }) => path === QUERY).map(({ body }): unknown => JSON.parse(body));
}

/** Of the storage: the scripted server itself. */
function stored(server: ScriptedServer, id: string, more: Readonly<Record<string, unknown>> = {}): object {
  return snapshotFile(id, { url: `${server.origin}/files/${id}?sig=SIGNATURE`, ...more });
}

const NO_HISTORY = json(400, {
  errorCode: 'INVALID_PARAMETER_VALUE',
  message: 'Reading table by version or timestamp is not supported because history sharing is not enabled on table: s.d.t',
});

describe('a snapshot', () => {
  it('is asked for by its version in a body of JSON, and is the one version of a listing whose files all came', async () => {
    await using server = await scriptedServer();
    server.on(QUERY, at(7, snapshotFile('b', { partitionValues: { p: '' } }), snapshotFile('a', { version: 7, timestamp: 5 })));
    const listing = await snapshotFrom(server);
    const schema = listing.schema;
    expect({ ...listing, read: null, prove: null }).toEqual({
      read: null,
      prove: null,
      from: 7,
      to: 7,
      responseFormat: 'parquet',
      idHash: null,
      tableId: 'table-1',
      schema,
      versions: [
        {
          version: 7,
          timestamp: null,
          tableId: 'table-1',
          schema,
          files: [
            { kind: 'add', id: 'b', size: 4, partitionValues: { p: null }, rows: null },
            { kind: 'add', id: 'a', size: 4, partitionValues: {}, rows: null },
          ],
        },
      ],
    });
    const [asked] = server.asked;
    expect([asked?.method, asked?.headers['content-type'], asked?.body, asked?.query]).toEqual([
      'POST',
      'application/json; charset=utf-8',
      '{"version":7}',
      {},
    ]);
    expect(asked?.headers['delta-sharing-capabilities']).toContain('responseformat=delta;');
  });

  it('of the latest version is asked for with a body that is not empty, and is of the version that the header says (trap 30)', async () => {
    await using server = await scriptedServer();
    server.on(QUERY, at(9, snapshotFile('a')));
    const listing = await snapshotFrom(server, { version: null });
    expect([listing.from, listing.to, listing.versions.map(({ version }) => version)]).toEqual([9, 9, [9]]);
    expect(server.asked[0]?.body).toBe('{}');
  });

  it('in delta format has every file that is live, whether or not its commit changed data, and the mapping of its schema', async () => {
    await using server = await scriptedServer();
    const mapped = JSON.stringify({
      type: 'struct',
      fields: [
        {
          name: 'p',
          type: 'string',
          nullable: true,
          metadata: { 'delta.columnMapping.physicalName': 'col-1', 'delta.columnMapping.id': 1 },
        },
      ],
    });
    const more = { schemaString: mapped, partitionColumns: ['p'], configuration: { 'delta.columnMapping.mode': 'name' } };
    server.on(
      QUERY,
      lines(
        [
          deltaMetaData(null, more),
          deltaFile('add', 3, 'a', { dataChange: false, partitionValues: { 'col-1': 'x' } }),
          deltaProtocol({ minReaderVersion: 2 }),
          END,
        ],
        { ...DELTA, 'delta-table-version': '7' },
      ),
    );
    const { versions } = await snapshotFrom(server);
    expect(versions.map(({ files, schema, timestamp }) => [files, schema.mapping, timestamp])).toEqual([
      [[{ kind: 'add', id: 'a', size: 4, partitionValues: { p: 'x' }, rows: null }], 'name', null],
    ]);
  });

  it('has a time where its files say one for its own version', async () => {
    await using server = await scriptedServer();
    server.on(QUERY, at(7, snapshotFile('a', { version: 7, timestamp: 5 }), snapshotFile('b', { version: 7, timestamp: 5 })));
    expect((await snapshotFrom(server)).versions[0]?.timestamp).toBe(5);
    server.on(QUERY, at(7, snapshotFile('a', { version: 7, timestamp: 5 }), snapshotFile('b', { version: 7, timestamp: 6 })));
    expect((await snapshotFrom(server)).versions[0]?.timestamp).toBeNull();
  });

  it('over pages is whole, and of one version', async () => {
    await using server = await scriptedServer();
    const next = { endStreamAction: { nextPageToken: 'x+/=' } };
    const first = lines([...HEAD, snapshotFile('a'), next], { ...PARQUET, 'delta-table-version': '7' });
    server.on(QUERY, first, at(7, snapshotFile('b')));
    const listing = await snapshotFrom(server);
    expect(listing.versions[0]?.files.map(({ id }) => id)).toEqual(['a', 'b']);
    expect(bodies(server)).toEqual([{ version: 7 }, { version: 7, pageToken: 'x+/=' }]);
    server.on(QUERY, first, at(8, snapshotFile('b')));
    await expect(snapshotFrom(server)).rejects.toMatchObject({
      code: 'provider.malformed',
      message: 'asking acme for the files of s.d.t at version 7: page 2 of the answer is of another version than the first',
    });
  });

  it('that is too large for one answer is asked for in pages', async () => {
    await using server = await scriptedServer();
    const tooLarge = json(400, { error_code: 'RESOURCE_LIMIT_EXCEEDED', message: 'too many files' });
    server.on(QUERY, tooLarge, at(7, snapshotFile('a')));
    expect((await snapshotFrom(server)).versions[0]?.files).toHaveLength(1);
    expect(bodies(server)).toEqual([{ version: 7 }, { version: 7, maxFiles: 10_000 }]);
    server.on(QUERY, tooLarge, json(400, { errorCode: 'INVALID_PARAMETER_VALUE', message: 'maxFiles is unknown' }));
    await expect(snapshotFrom(server)).rejects.toMatchObject({ code: 'provider.too_large' });
  });

  it('in the way that it was listed before is asked for in that way, and another is not taken', async () => {
    await using server = await scriptedServer();
    const request = { listedAs: { responseFormat: 'parquet', idHash: 'delta' } } as const;
    server.on(QUERY, at(7));
    await expect(snapshotFrom(server, request)).rejects.toMatchObject({
      code: 'plan.changed',
      message: 'asking acme for the files of s.d.t at version 7: file ids are made by a hash not named, and were by delta before',
    });
    expect(server.asked[0]?.headers).toMatchObject({
      'delta-sharing-capabilities': expect.stringMatching(/^responseformat=parquet;/),
      fileidhash: 'delta',
    });
  });
});

describe('a server that gives no old versions', () => {
  it('is asked for the latest, which serves as long as it is the one that is wanted', async () => {
    await using server = await scriptedServer();
    server.on(QUERY, NO_HISTORY, at(7, snapshotFile('a')));
    expect((await snapshotFrom(server)).from).toBe(7);
    expect(bodies(server)).toEqual([{ version: 7 }, {}]);
  });

  it.each<readonly [string, readonly Scripted[], string]>([
    ['refuses them', [NO_HISTORY, at(8)], 'the provider answers for version 8, and refuses others'],
    ['has never heard of versions', [at(8)], 'the provider answers for version 8'],
  ])('and %s answers for a version that is not wanted', async (_, answers, message) => {
    await using server = await scriptedServer();
    server.on(QUERY, ...answers);
    await expect(snapshotFrom(server)).rejects.toMatchObject({
      code: 'snapshot.moved',
      message: `asking acme for the files of s.d.t at version 7: ${message}`,
    });
  });

  it('and lags behind has no such version yet', async () => {
    await using server = await scriptedServer();
    server.on(QUERY, NO_HISTORY, at(6));
    await expect(snapshotFrom(server)).rejects.toMatchObject({ code: 'start.beyond' });
    server.on(QUERY, at(6));
    await expect(snapshotFrom(server)).rejects.toMatchObject({ code: 'start.beyond' });
  });

  it('and refuses the latest too says why', async () => {
    await using server = await scriptedServer();
    server.on(QUERY, NO_HISTORY, json(403, { errorCode: 'PERMISSION_DENIED', message: 'not yours' }));
    await expect(snapshotFrom(server)).rejects.toMatchObject({ code: 'provider.forbidden' });
  });
});

it.each<readonly [Scripted, FailureCode, number | null]>([
  [json(400, { message: 'Cannot load table version 7 as it does not exist. The latest available version is 3.' }), 'start.beyond', null],
  [json(400, { message: 'Cannot load table version 7 as it does not exist. The earliest available version is 9.' }), 'gap.history_gone', 9],
  [json(400, { message: 'You can only query table data since version 8.' }), 'gap.history_gone', 8],
  [json(404, { errorCode: 'RESOURCE_DOES_NOT_EXIST', message: 'no such table' }), 'table.unknown', null],
  [text(500, ''), 'provider.unavailable', null],
  [lines([...HEAD, END], PARQUET), 'provider.malformed', null],
  [lines([...HEAD], { ...PARQUET, 'delta-table-version': '7' }), 'provider.truncated', null],
  [at(7, file('add', 7, 'a')), 'provider.malformed', null],
  [
    lines([deltaProtocol(), deltaMetaData(null), deltaFile('remove', 7, 'a'), END], { ...DELTA, 'delta-table-version': '7' }),
    'provider.malformed',
    null,
  ],
  [at(7, { endStreamAction: { errorMessage: 'too much', httpStatusErrorCode: 429 } }), 'provider.throttled', null],
])('the answer of case %# is %s', async (answer, code, version) => {
  await using server = await scriptedServer();
  server.on(QUERY, answer);
  await expect(snapshotFrom(server)).rejects.toMatchObject({ code, version });
});

it('a table that is refused for its features is told by their names', async () => {
  await using server = await scriptedServer();
  server.on(QUERY, json(400, { errorCode: 'UNSUPPORTED_OPERATION', message: 'Unsupported Delta Table Properties' }));
  server.on(METADATA, lines([deltaProtocol({ minReaderVersion: 3, readerFeatures: ['geospatial'] }), deltaMetaData(null)], DELTA));
  await expect(snapshotFrom(server)).rejects.toMatchObject({
    code: 'table.feature',
    message: 'asking acme for the metadata of s.d.t: the table uses geospatial',
  });
});

describe('URLs of a snapshot that are refused', () => {
  const refusedOnce = (): readonly Scripted[] => [text(403, 'AccessDenied: Request has expired'), text(200, 'PAR1')];

  it('are renewed by the same question about the very version (trap 25)', async () => {
    await using server = await scriptedServer();
    server.on(QUERY, at(7, stored(server, 'a')));
    server.on('/files/a', ...refusedOnce());
    const listing = await snapshotFrom(server, { version: null });
    const version = listing.versions[0];
    const [first] = version?.files ?? [];
    if (version === undefined || first === undefined) throw new Error('no file');
    expect(Buffer.from((await listing.read(version, first, NEVER)).bytes).toString()).toBe('PAR1');
    const asked = server.asked.filter(({ path }) => path === QUERY);
    const ways = asked.map(({ body, headers }: Asked) => [body, String(headers['delta-sharing-capabilities']).split(';')[0]]);
    expect(ways).toEqual([
      ['{}', 'responseformat=delta'],
      ['{"version":7}', 'responseformat=parquet'],
    ]);
  });

  it.each<readonly [string, (server: ScriptedServer) => readonly Scripted[], FailureCode]>([
    ['other files', (server) => [at(7, stored(server, 'b'))], 'listing.changed'],
    ['another version', (server) => [NO_HISTORY, at(8, stored(server, 'a'))], 'snapshot.moved'],
  ])('are not taken from an answer of %s', async (_, answers, code) => {
    await using server = await scriptedServer();
    server.on(QUERY, at(7, stored(server, 'a')), ...answers(server));
    server.on('/files/a', ...refusedOnce());
    const listing = await snapshotFrom(server);
    const version = listing.versions[0];
    const [first] = version?.files ?? [];
    if (version === undefined || first === undefined) throw new Error('no file');
    await expect(listing.read(version, first, NEVER)).rejects.toMatchObject({ code });
  });
});
