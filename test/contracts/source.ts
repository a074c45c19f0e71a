/**
 * The exam that every `Source` takes: what the relay relies on, asked of tables whose history is known.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { must } from '../../src/lib/assert.ts';
import type { FileContent, FileKind } from '../../src/model/change-files.ts';
import type { FailureCode } from '../../src/model/failure.ts';
import { typeText } from '../../src/model/table-schema.ts';
import type { EpochMs, TableName, Version } from '../../src/model/version.ts';
import { tableText } from '../../src/model/version.ts';
import { EVERYTHING } from '../../src/ports/source.ts';
import type { ChangeListing, ListedAs, Source } from '../../src/ports/source.ts';

/** What a table's log says of one version. */
export interface KnownVersion {
  readonly timestamp: EpochMs;
  /** Files that tell of changes: a version with change files has no others. */
  readonly files: Readonly<Record<FileKind, number>>;
  /** `id:long, name:string`. */
  readonly columns: string;
}

export interface KnownTable {
  readonly name: TableName;
  readonly tableId: string;
  readonly first: Version;
  readonly latest: Version;
  readonly versions: ReadonlyMap<Version, KnownVersion>;
}

export interface SourceSubject extends AsyncDisposable {
  readonly source: Source;
  /** Every table that it gives. */
  readonly tables: readonly string[];
  /** Tables that can be read from first to latest. */
  readonly whole: readonly KnownTable[];
  /** A range that reaches into versions that recorded no changes. */
  readonly feedOff: { readonly table: TableName; readonly from: Version; readonly to: Version; readonly firstBad: Version };
  /** A version that lists a file that the storage no longer has. */
  readonly fileGone: { readonly table: TableName; readonly version: Version };
  /** A table whose first versions are gone from its log. */
  readonly cleaned: { readonly table: TableName; readonly first: Version };
  /** A range whose first answer has URLs that are refused, and whose second lists other files; null where the provider cannot be made to. */
  readonly unsteady: { readonly table: TableName; readonly from: Version; readonly to: Version } | null;
  /** A table whose rows are deleted by deletion vectors; null where the provider gives no changes of such. */
  readonly vectors: KnownVectors | null;
  /** A table whose files cannot be read without a feature that is not there; null where the provider does not mind. */
  readonly feature: { readonly table: TableName; /** Empty where the provider is one that cannot say it. */ readonly name: string } | null;
}

export interface KnownVectors {
  readonly table: TableName;
  readonly from: Version;
  readonly to: Version;
  /** Of each version that has rows and no change files: those that came and those that left. */
  readonly rows: ReadonlyMap<Version, Readonly<Record<'add' | 'remove', number>>>;
  /** Of a file, deleted ones and all. */
  readonly rowsIn: (bytes: Uint8Array) => number;
}

const NEVER = new AbortController().signal;
const KINDS: readonly FileKind[] = ['add', 'cdf', 'remove'];
/** Of each table, from its first on. */
const VERSIONS_SOUGHT = 4;

export function sourceExam(open: () => Promise<SourceSubject>): void {
  let opened: SourceSubject | null = null;
  const subject = (): SourceSubject => must(opened, 'the subject');
  const ask = (table: TableName, from: Version, to: Version, listedAs: ListedAs | null = null): Promise<ChangeListing> =>
    subject().source.changes(table, { from, to, listedAs }, NEVER);

  beforeAll(async () => {
    opened = await open();
  });
  afterAll(async () => {
    await opened?.[Symbol.asyncDispose]();
  });

  it('gives every table once', async () => {
    const names: string[] = [];
    for await (const table of subject().source.tables(EVERYTHING, NEVER)) names.push(tableText(table));
    expect(names.toSorted()).toEqual(subject().tables.toSorted());
  });

  it('tells the latest version and the metadata, whatever the letter case of the name', async () => {
    for (const { name, latest, tableId, versions } of subject().whole) {
      const upper = { share: name.share.toUpperCase(), schema: name.schema.toUpperCase(), table: name.table.toUpperCase() };
      for (const asked of [name, upper]) {
        expect(await subject().source.latestVersion(asked, NEVER)).toBe(latest);
        const metadata = await subject().source.metadata(asked, null, NEVER);
        expect([metadata.tableId, metadata.version, columnsOf(metadata)]).toEqual([tableId, latest, versions.get(latest)?.columns]);
      }
    }
  });

  it('tells the metadata that was in force at a version', async () => {
    for (const { name, first, versions } of subject().whole) {
      const metadata = await subject().source.metadata(name, first, NEVER);
      expect([metadata.version, columnsOf(metadata)]).toEqual([first, versions.get(first)?.columns]);
    }
  });

  it('lists the whole history as the log has it: times, files, and the schema in force at each version', async () => {
    for (const table of subject().whole)
      expect(historyOf(await ask(table.name, table.first, table.latest))).toEqual(expectedHistory(table, table.first, table.latest));
  });

  it('lists the same, version by version', async () => {
    const [table] = subject().whole;
    const { name, first, latest } = must(table, 'a table');
    const whole = await ask(name, first, latest);
    for (let version = first; version <= latest; version++) {
      const alone = await ask(name, version, version);
      expect([alone.from, alone.to, alone.tableId]).toEqual([version, version, whole.tableId]);
      const among = whole.versions.filter((listed) => listed.version === version && listed.files.length > 0);
      expect(alone.versions.filter(({ files }) => files.length > 0)).toEqual(among);
    }
  });

  it('lists the same files when asked in the way they were listed', async () => {
    for (const { name, first, latest } of subject().whole) {
      const before = await ask(name, first, latest);
      const again = await ask(name, first, latest, before);
      expect({ ...again, read: null, prove: null }).toEqual({ ...before, read: null, prove: null });
    }
  });

  it('lists the table at a version, whichever is the latest: files that came, each once, under the schema of that version', async () => {
    for (const { name, first, latest, tableId, versions } of subject().whole) {
      for (const version of [null, first, latest]) {
        const listing = await subject().source.snapshot(name, { version, listedAs: null }, NEVER);
        const at = version ?? latest;
        expect([listing.from, listing.to, listing.tableId, columnsOf(listing)]).toEqual([at, at, tableId, versions.get(at)?.columns]);
        expect(listing.versions.map((listed) => [listed.version, columnsOf(listed)])).toEqual([[at, versions.get(at)?.columns]]);
        const files = listing.versions.flatMap((listed) => listed.files);
        expect(new Set(files.map(({ kind }) => kind))).toEqual(new Set(files.length === 0 ? [] : ['add']));
        expect(new Set(files.map(({ id }) => id)).size).toBe(files.length);
      }
    }
  });

  it('lists the same snapshot when asked in the way it was listed, and gives its bytes', async () => {
    const [table] = subject().whole;
    const { name, latest } = must(table, 'a table');
    const before = await subject().source.snapshot(name, { version: latest, listedAs: null }, NEVER);
    const again = await subject().source.snapshot(name, { version: latest, listedAs: before }, NEVER);
    expect({ ...again, read: null, prove: null }).toEqual({ ...before, read: null, prove: null });
    const listed = must(before.versions[0], 'the version');
    expect(listed.files.length).toBeGreaterThan(0);
    await before.prove(listed, NEVER);
    for (const file of listed.files) expect((await before.read(listed, file, NEVER)).bytes.byteLength).toBe(file.size);
  });

  it('finds the first version at or after an instant, on just the time of a commit and beside it', async () => {
    for (const { name, first, versions } of subject().whole) {
      const known = [...versions].map(([version, { timestamp, files }]) => ({ version, timestamp, files }));
      const instants = known.slice(0, VERSIONS_SOUGHT).flatMap(({ timestamp }) => [timestamp - 1, timestamp, timestamp + 1]);
      for (const at of instants) {
        const right = known.find(({ timestamp }) => timestamp >= at)?.version;
        const finding = subject().source.versionAt(name, at, NEVER);
        if (right === undefined) {
          await expect(finding).rejects.toMatchObject({ code: 'start.beyond' });
          continue;
        }
        const found = await finding;
        // Before the first commit may well be the first version that ever was; and no answer tells the time of a version without files.
        const skipped = known.filter(({ version }) => version >= found && version < right);
        expect([at, found <= right, right === first ? [] : skipped.filter(({ files }) => KINDS.some((kind) => files[kind] > 0))]).toEqual([
          at,
          true,
          [],
        ]);
      }
    }
  });

  it('has no version at an instant after the latest commit', async () => {
    for (const { name } of subject().whole)
      await expect(subject().source.versionAt(name, Date.parse('2200-01-01T00:00:00Z'), NEVER)).rejects.toMatchObject({
        code: 'start.beyond',
      });
  });

  it('gives the bytes of every file, of the length that was told', async () => {
    const [table] = subject().whole;
    const { name, first, latest } = must(table, 'a table');
    const listing = await ask(name, first, latest);
    const files = listing.versions.flatMap((version) => version.files.map((file) => ({ version, file })));
    const contents = await Promise.all(files.map(({ version, file }) => listing.read(version, file, NEVER)));
    for (const [i, { bytes }] of contents.entries()) {
      expect(bytes.byteLength).toBe(files[i]?.file.size);
      const text = Buffer.from(bytes).toString('latin1');
      expect([text.slice(0, 4), text.slice(-4)]).toEqual(['PAR1', 'PAR1']);
    }
    expect(contents.length).toBeGreaterThan(0);
  });

  it('says which rows of a file count: as many as came and left', async ({ skip }) => {
    const { vectors } = subject();
    if (vectors === null) return skip('the provider gives no changes of tables with deletion vectors');
    const { table, from, to, rows, rowsIn } = vectors;
    const listing = await ask(table, from, to);
    const counted = new Map<Version, Record<'add' | 'remove', number>>();
    let selections = 0;
    for (const version of listing.versions) {
      await listing.prove(version, NEVER);
      for (const file of version.files) {
        const content = await listing.read(version, file, NEVER);
        expect(content.rows === null).toBe(file.rows === null);
        if (file.kind === 'cdf') continue;
        const sum = counted.get(version.version) ?? { add: 0, remove: 0 };
        sum[file.kind] += rowsCounted(content, rowsIn(content.bytes));
        counted.set(version.version, sum);
        if (content.rows !== null) selections++;
      }
    }
    expect(counted).toEqual(rows);
    expect(selections).toBeGreaterThan(0);
  });

  it('finds every file of a version where it is listed', async () => {
    const [table] = subject().whole;
    const { name, first, latest } = must(table, 'a table');
    const listing = await ask(name, first, latest);
    for (const version of listing.versions) await expect(listing.prove(version, NEVER)).resolves.toBeUndefined();
    expect(listing.versions.some(({ files }) => files.length > 0)).toBe(true);
  });

  describe('refuses', () => {
    const expectRefused = (promise: Promise<unknown>, code: FailureCode, version: Version | null): Promise<void> =>
      expect(promise).rejects.toMatchObject({ name: 'Failure', code, version });

    it('a version that is not there yet', async () => {
      for (const { name, latest } of subject().whole) {
        await expectRefused(ask(name, latest + 1, latest + 1), 'start.beyond', null);
        await expectRefused(ask(name, latest + 2, latest + 9), 'start.beyond', null);
        await expectRefused(subject().source.snapshot(name, { version: latest + 1, listedAs: null }, NEVER), 'start.beyond', null);
      }
    });

    it('a table that is not there', async () => {
      const [table] = subject().whole;
      const name = { ...must(table, 'a table').name, table: 'no_such_table' };
      await expectRefused(ask(name, 0, 0), 'table.unknown', null);
      await expectRefused(subject().source.latestVersion(name, NEVER), 'table.unknown', null);
      await expectRefused(subject().source.metadata(name, null, NEVER), 'table.unknown', null);
      await expectRefused(subject().source.snapshot(name, { version: null, listedAs: null }, NEVER), 'table.unknown', null);
      await expectRefused(subject().source.versionAt(name, 0, NEVER), 'table.unknown', null);
    });

    it('a range that reaches into versions without a feed, by the first of them', async () => {
      const { table, from, to, firstBad } = subject().feedOff;
      await expectRefused(ask(table, from, to), 'gap.feed_off', firstBad);
      await expectRefused(ask(table, firstBad, firstBad), 'gap.feed_off', firstBad);
      expect((await ask(table, from, firstBad - 1)).to).toBe(firstBad - 1);
    });

    it('versions that are gone from the log, or breaks at them', async () => {
      const { table, first } = subject().cleaned;
      const asking = subject().source.changes(table, { from: first - 1, to: first - 1, listedAs: null, patience: 'quick' }, NEVER);
      await expect(asking).rejects.toMatchObject({ code: expect.stringMatching(/^gap\.(?:history_gone|unanswered)$/) });
      expect((await ask(table, first, first)).from).toBe(first);
    });

    it('a file that is gone from the storage, by its version', async () => {
      const { table, version } = subject().fileGone;
      const listing = await ask(table, version, version);
      const listed = must(listing.versions[0], 'the version');
      const reading = Promise.all(listed.files.map((file) => listing.read(listed, file, NEVER)));
      await expectRefused(reading, 'gap.file_gone', version);
      await expectRefused(listing.prove(listed, NEVER), 'gap.file_gone', version);
    });

    it('to read by a listing that is no longer what the provider lists', async ({ skip }) => {
      const { unsteady } = subject();
      if (unsteady === null) return skip('the provider is steady');
      const listing = await ask(unsteady.table, unsteady.from, unsteady.to);
      const listed = must(listing.versions[0], 'the version');
      await expectRefused(listing.read(listed, must(listed.files[0], 'the file'), NEVER), 'listing.changed', null);
    });

    it('a table that needs a feature it does not read, by the name of the feature', async ({ skip }) => {
      const { feature } = subject();
      if (feature === null) return skip('the provider gives such tables as if they were plain');
      const { table, name } = feature;
      const latest = await subject().source.latestVersion(table, NEVER);
      for (const begin of [
        () => ask(table, latest, latest),
        () => subject().source.metadata(table, null, NEVER),
        () => subject().source.snapshot(table, { version: latest, listedAs: null }, NEVER),
      ]) {
        const failure: unknown = await begin().catch((error: unknown) => error);
        expect(failure).toMatchObject({ code: 'table.feature' });
        expect(String(failure)).toContain(name);
      }
    });
  });

  it('ends whatever it does with the reason of the abort', async () => {
    const { name, latest } = must(subject().whole[0], 'a table');
    const reason = new Error('enough');
    const aborted = AbortSignal.abort(reason);
    const { source } = subject();
    const listing = await ask(name, latest, latest);
    const version = must(listing.versions[0], 'the version');
    const asked = [
      source.latestVersion(name, aborted),
      source.metadata(name, null, aborted),
      source.changes(name, { from: latest, to: latest, listedAs: null }, aborted),
      source.snapshot(name, { version: latest, listedAs: null }, aborted),
      source.versionAt(name, 0, aborted),
      source.tables(EVERYTHING, aborted)[Symbol.asyncIterator]().next(),
      listing.read(version, must(version.files[0], 'the file'), aborted),
      listing.prove(version, aborted),
    ];
    for (const promise of asked) await expect(promise).rejects.toBe(reason);
  });

  it('may be disposed of twice', async () => {
    const another = await open();
    await another.source[Symbol.asyncDispose]();
    await expect(another[Symbol.asyncDispose]()).resolves.toBeUndefined();
  });
}

function rowsCounted({ rows: selection }: FileContent, rows: number): number {
  if (selection === null) return rows;
  expect(selection.rows).toBeLessThanOrEqual(rows);
  let count = selection.beyond ? rows - selection.rows : 0;
  for (let row = 0; row < selection.rows; row++) count += ((selection.bits[row >>> 3] ?? 0) >>> (row & 7)) & 1;
  return count;
}

interface HistoryLine {
  readonly version: Version;
  readonly timestamp: EpochMs | null;
  readonly tableId: string;
  readonly columns: string;
  readonly files: Readonly<Record<FileKind, number>>;
}

/** Of versions with files; a version of metadata alone may have lines or not. */
function historyOf(listing: ChangeListing): readonly HistoryLine[] {
  return listing.versions
    .filter(({ files }) => files.length > 0)
    .map((listed) => ({
      version: listed.version,
      timestamp: listed.timestamp,
      tableId: listed.tableId,
      columns: columnsOf(listed),
      files: countFiles((kind) => listed.files.filter((file) => file.kind === kind).length),
    }));
}

function expectedHistory(table: KnownTable, from: Version, to: Version): readonly HistoryLine[] {
  return [...table.versions]
    .filter(([version, { files }]) => version >= from && version <= to && KINDS.some((kind) => files[kind] > 0))
    .map(([version, { timestamp, files, columns }]) => ({ version, timestamp, tableId: table.tableId, columns, files }));
}

function countFiles(count: (kind: FileKind) => number): Readonly<Record<FileKind, number>> {
  return { add: count('add'), cdf: count('cdf'), remove: count('remove') };
}

function columnsOf({ schema }: Pick<ChangeListing, 'schema'>): string {
  return schema.columns.map(({ name, type }) => `${name}:${typeText(type)}`).join(', ');
}
