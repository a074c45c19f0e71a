/**
 * The tables of a live provider: versions, metadata, changes, snapshots and the rows in their files, in the ways that the relay asks for them. A `Failure` that a test
 * ends with is what the relay itself meets there: it does not cope.
 */
import { afterAll, describe, expect, test } from 'vitest';
import { openDecoder } from '../../connectors/decoders/parquet.ts';
import { Failure } from '../../src/model/failure.ts';
import { tableText } from '../../src/model/version.ts';
import type { TableName, Version } from '../../src/model/version.ts';
import type { ChangeListing } from '../../src/ports/source.ts';
import { at } from '../provider/support.ts';
import { Differences } from './differences.ts';
import { openLiveProvider } from './live-provider.ts';
import { changedFiles, comparableFiles, endOf } from './raw-changes.ts';

/** Back from the latest. */
const VERSIONS_MAX = 6;
const FILES_READ_MAX = 3;
const FILE_BYTES_MAX = 64 * 2 ** 20;
const PAGES_MAX = 12;

const live = await openLiveProvider();
afterAll(() => live[Symbol.asyncDispose]());
const decoder = openDecoder();
const NO_FEED = 'the table has no changes that can be read';
/** By the table's name. */
const looked = new Map<string, Promise<Readable>>();

describe.each(live.tables.map((table) => [tableText(table), table] as const))('%s', (_, table) => {
  test('has a version, in the header', async () => {
    const differences = new Differences();
    const answer = await live.askTable(table, '/version');
    const latest = Number(answer.headers.get('delta-table-version') ?? Number.NaN);
    differences.look('GET /version', [answer.status, Number.isSafeInteger(latest)], [200, true], 'does not cope: it cannot poll the table');
    expect(await live.source.latestVersion(table, soon())).toBeGreaterThanOrEqual(latest);
    expect(differences.told).toEqual([]);
  });

  test('has metadata, in each format, or says that it has not', async () => {
    const differences = new Differences();
    const metadata = await live.source.metadata(table, null, soon());
    expect(metadata.schema.columns.length).toBeGreaterThan(0);
    for (const format of ['parquet', 'delta', 'delta,parquet']) {
      const { status, headers, lines } = await live.askTable(table, '/metadata', { format });
      if (status !== 200) {
        const isRight = status === 400 && format === 'parquet';
        differences.look(
          `metadata in ${format} is refused with ${status}`,
          isRight,
          true,
          'copes: it asks for both formats and takes either',
        );
        continue;
      }
      const said = /responseformat=(\w+)/.exec(headers.get('delta-sharing-capabilities') ?? '')?.[1] ?? 'parquet';
      differences.look(
        `an answer to ${format} is in one of those`,
        format.split(',').includes(said),
        true,
        'copes: it refuses a format that it did not ask for, and names it',
      );
      const id = said === 'delta' ? at(lines[1], 'metaData', 'deltaMetadata', 'id') : at(lines[1], 'metaData', 'id');
      differences.look(`the id of the table in ${format}`, id, metadata.tableId, 'does not cope: it takes another id for another table');
    }
    expect(differences.told).toEqual([]);
  });

  test('has changes, or none that it promises', async () => {
    const differences = new Differences();
    const { range, end } = await lookInto(table);
    const isGap = end === null || end.code.startsWith('gap.') || end.code === 'table.no_history';
    const { changeFeed } = await live.source.metadata(table, null, soon());
    differences.look(
      'the newest versions',
      isGap ? 'changes' : end.message,
      'changes',
      `does not cope: ${end?.code ?? ''}: ${end?.remedy ?? ''}`,
    );
    if (isGap && changeFeed === true) {
      differences.look(
        `the feed is on, and the latest version has ${end?.message ?? 'changes'}`,
        range !== null,
        true,
        'copes: it parks the feed and says why',
      );
    }
    expect(differences.told).toEqual([]);
  });

  test('has a history: a range is what its versions are one by one, and ends where it ends', async ({ skip }) => {
    const differences = new Differences();
    const range = await readable(table);
    if (range === null) return skip(NO_FEED);
    const { from, to } = range;
    const whole = await live.source.changes(table, { from, to, listedAs: null }, soon());
    const one = [];
    for (let version = from; version <= to; version += 1) {
      one.push(...told(await live.source.changes(table, { from: version, to: version, listedAs: null }, soon())));
    }
    differences.look(
      `versions ${from} to ${to} at once and one by one`,
      told(whole),
      one,
      'does not cope: what it publishes depends on how it asks',
    );

    const path = `/changes?startingVersion=${from}&endingVersion=${to}&includeHistoricalMetadata=true`;
    const raw = await live.askTable(table, path);
    const capabilities = raw.headers.get('delta-sharing-capabilities') ?? '';
    differences.look(
      'the version in the header is that of the start',
      raw.headers.get('delta-table-version'),
      String(from),
      'copes: it takes versions from the lines',
    );
    differences.look(
      'metadata says since when it is in force',
      at(raw.lines[1], 'metaData', 'version'),
      from,
      'copes: it asks for the metadata at each version',
    );
    differences.look(
      'an endStreamAction is there if it is promised',
      endOf(raw) !== undefined,
      capabilities.includes('includeendstreamaction=true'),
      'does not cope: an answer without its end counts as cut, and is asked for again until the time is up',
    );
    differences.look(
      'an endStreamAction is promised',
      capabilities.includes('includeendstreamaction=true'),
      true,
      'copes: it goes by the length of the body',
    );
    expect(differences.told).toEqual([]);
  });

  test('tells the same changes in both formats, and under the same ids where it is asked to', async ({ skip }) => {
    const differences = new Differences();
    const range = await readable(table);
    if (range === null) return skip(NO_FEED);
    const path = `/changes?startingVersion=${range.from}&endingVersion=${range.to}&includeHistoricalMetadata=true`;
    const delta = await live.askTable(table, path, { format: 'delta', headers: { fileidhash: 'parquet' } });
    const parquet = await live.askTable(table, path, { format: 'parquet', headers: { fileidhash: 'parquet' } });
    differences.look('changes in delta', delta.status, 200, 'copes: it asks for both formats and takes either');
    if (parquet.status !== 400) {
      const hasHash = [delta, parquet].every((answer) => answer.headers.get('fileidhash') === 'parquet');
      differences.look('fileidhash is echoed', hasHash, true, 'copes: a version that was begun in one format is ended in it');
      differences.look(
        'the files of both formats',
        comparableFiles(changedFiles(delta), hasHash),
        comparableFiles(changedFiles(parquet), hasHash),
        'does not cope: one of them is not what the table is',
      );
    }
    expect(differences.told).toEqual([]);
  });

  test('refuses what is beyond its latest version, and ranges that end before they begin', async () => {
    const differences = new Differences();
    const latest = await live.source.latestVersion(table, soon());
    const beyond = await live.askTable(table, `/changes?startingVersion=${latest + 1}`);
    differences.look('changes after the latest version', beyond.status, 400, 'copes: it asks only for versions that /version has told');
    const backwards = await live.askTable(table, `/changes?startingVersion=1&endingVersion=0`);
    differences.look('changes from 1 to 0', backwards.status, 400, 'copes: it does not ask so');
    const garbage = await live.askTable(table, '/changes?startingVersion=soon');
    differences.look('changes from a word', garbage.status, 400, 'copes: it does not ask so');
    const range = await readable(table);
    if (range !== null) {
      const over = await live.askTable(table, `/changes?startingVersion=${latest}&endingVersion=${latest + 5}`);
      const versions = changedFiles(over).map(({ version }) => version);
      const isCut = over.status === 200 && versions.every((version) => version <= latest);
      differences.look(
        'an end beyond the latest version is cut or refused',
        isCut || over.status === 400,
        true,
        'copes: it asks only for versions that /version has told',
      );
      await expect(live.source.changes(table, { from: latest + 1, to: latest + 1, listedAs: null }, soon())).rejects.toMatchObject({
        code: 'start.beyond',
      });
    }
    expect(differences.told).toEqual([]);
  });

  test('gives pages that hold every file once', async ({ skip }) => {
    const differences = new Differences();
    const range = await readable(table);
    if (range === null) return skip(NO_FEED);
    const path = `/changes?startingVersion=${range.to}&endingVersion=${range.to}`;
    const whole = changedFiles(await live.askTable(table, path));
    if (whole.length > PAGES_MAX) return skip(`over ${PAGES_MAX} files`);
    const paged = [];
    let page = `${path}&maxFiles=1`;
    for (let read = 0; read <= whole.length; read += 1) {
      const answer = await live.askTable(table, page);
      paged.push(...changedFiles(answer));
      const token = at(endOf(answer), 'nextPageToken');
      if (typeof token !== 'string' || token === '') break;
      page = `${path}&maxFiles=1&pageToken=${encodeURIComponent(token)}`;
    }
    differences.look(
      'files in pages',
      comparableFiles(paged, true),
      comparableFiles(whole, true),
      'copes: it asks for changes without pages',
    );
    expect(differences.told).toEqual([]);
  });

  test('finds versions by their times', async ({ skip }) => {
    const differences = new Differences();
    const range = await readable(table);
    if (range === null) return skip(NO_FEED);
    const listing = await live.source.changes(table, { ...range, listedAs: null }, soon());
    const timed = listing.versions.flatMap(({ version, timestamp }) => (timestamp === null ? [] : [{ version, timestamp }]));
    const isOrdered = timed.every(({ timestamp }, index) => timestamp > (timed[index - 1]?.timestamp ?? 0));
    const last = timed.at(-1);
    if (!isOrdered || last === undefined) return skip('commit times that do not tell versions apart');
    expect(await live.source.versionAt(table, last.timestamp, soon())).toBe(last.version);
    const raw = await live.askTable(table, `/version?startingTimestamp=${new Date(last.timestamp).toISOString()}`);
    differences.look(
      `the version at the very time of version ${last.version}`,
      raw.headers.get('delta-table-version'),
      String(last.version),
      'copes: it asks for the millisecond before as well',
    );
    expect(differences.told).toEqual([]);
  });

  test('has a snapshot, now and then, whose files hold rows', async () => {
    const differences = new Differences();
    const latest = await live.source.latestVersion(table, soon());
    const now = await live.source.snapshot(table, { version: null, listedAs: null }, soon());
    expect(now.from).toBeGreaterThanOrEqual(latest);
    expect(await emptyFiles(now)).toEqual([]);
    const range = await readable(table);
    if (range !== null) {
      const before = await live.source.snapshot(table, { version: range.from, listedAs: null }, soon()).catch((error: unknown) => error);
      const answered = before instanceof Failure ? before.code : 'a snapshot';
      differences.look(
        `the snapshot at version ${range.from}`,
        answered,
        'a snapshot',
        'copes: it takes the latest version, and begins anew where that has gone on before it is done',
      );
    }
    expect(differences.told).toEqual([]);
  });

  test('gives the files of its changes, with the rows that they should hold', async ({ skip }) => {
    const range = await readable(table);
    if (range === null) return skip(NO_FEED);
    expect(await emptyFiles(await live.source.changes(table, { ...range, listedAs: null }, soon()))).toEqual([]);
  });
});

interface Range {
  readonly from: Version;
  readonly to: Version;
}

/** The newest versions in a row that the table has changes of, and why there are no more of them; both null where the table cannot be looked into. */
interface Readable {
  readonly range: Range | null;
  readonly end: Failure | null;
}

async function readable(table: TableName): Promise<Range | null> {
  return (await lookInto(table)).range;
}

function lookInto(table: TableName): Promise<Readable> {
  const found = looked.get(tableText(table)) ?? findReadable(table);
  looked.set(tableText(table), found);
  return found;
}

async function findReadable(table: TableName): Promise<Readable> {
  const latest = await live.source.latestVersion(table, soon());
  let from: Version | null = null;
  for (let version = latest; version >= Math.max(0, latest - VERSIONS_MAX + 1); version -= 1) {
    const answer = await live.source
      .changes(table, { from: version, to: version, listedAs: null, patience: 'quick' }, soon())
      .catch(failure);
    if (answer instanceof Failure) return { range: from === null ? null : { from, to: latest }, end: answer };
    from = version;
  }
  return { range: from === null ? null : { from, to: latest }, end: null };
}

function failure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  throw error;
}

/** What the listing says of each version that has files. */
function told(listing: ChangeListing): readonly unknown[] {
  return listing.versions
    .filter(({ files }) => files.length > 0)
    .map(({ version, timestamp, tableId, schema, files }) => ({ version, timestamp, tableId, schema, files }));
}

/** Reads the first files of the listing, of the length that is told, decodes them by the schema in force, and gives those without a row. */
async function emptyFiles(listing: ChangeListing): Promise<readonly string[]> {
  const all = listing.versions.flatMap((version) => version.files.map((file) => ({ version, file })));
  const empty: string[] = [];
  for (const { version, file } of all.filter(({ file }) => (file.size ?? 0) <= FILE_BYTES_MAX).slice(0, FILES_READ_MAX)) {
    const content = await listing.read(version, file, soon()).catch(gone);
    if (content === null) continue;
    const columns = version.schema.columns.filter(({ name }) => !version.schema.partitionColumns.includes(name));
    const request = { bytes: content.bytes, columns, mapping: version.schema.mapping, changeTypes: file.kind === 'cdf' };
    let rows = 0;
    for (const batch of decoder.batches({ ...request, batchRows: 1024, fromRow: 0 })) rows += batch.rows;
    if (rows === 0) empty.push(`${file.kind} ${file.id} of version ${version.version}`);
  }
  return empty;
}

/** A file that was vacuumed is no fault of the server's. */
function gone(error: unknown): null {
  if (error instanceof Failure && error.code === 'gap.file_gone') return null;
  throw error;
}

function soon(): AbortSignal {
  return AbortSignal.timeout(240_000);
}
