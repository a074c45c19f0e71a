/**
 * A provider of tables in memory, behind a network. It takes the exam of a source.
 */
import { orAbort, sleep } from '../../src/lib/abort.ts';
import { assert, must } from '../../src/lib/assert.ts';
import type { ChangeFile, VersionChanges } from '../../src/model/change-files.ts';
import { Failure } from '../../src/model/failure.ts';
import { tableText } from '../../src/model/version.ts';
import type { EpochMs, TableName, Version } from '../../src/model/version.ts';
import type {
  ChangeListing,
  ChangesRequest,
  ListedAs,
  ListingScope,
  SnapshotRequest,
  Source,
  TableMetadata,
} from '../../src/ports/source.ts';
import { SCHEMA, commitTime, liveFiles, parquetOf, toldFiles } from './memory-table.ts';
import type { MemoryTable, ToldFile } from './memory-table.ts';
import { Disconnected } from './network.ts';
import type { Network } from './network.ts';

const LISTED_AS: ListedAs = { responseFormat: 'parquet', idHash: 'parquet' };

export class MemorySource implements Source {
  readonly name = 'acme';
  readonly endpoint = 'https://acme.example/';
  readonly #tables: readonly MemoryTable[];
  readonly #network: Network;
  /** How many versions of a table are there to be seen. */
  readonly #revealed: (table: MemoryTable) => number;

  constructor(
    tables: readonly MemoryTable[],
    network: Network,
    revealed: (table: MemoryTable) => number = ({ versions }) => versions.length,
  ) {
    this.#tables = tables;
    this.#network = network;
    this.#revealed = revealed;
  }

  async *tables(scope: ListingScope, signal: AbortSignal): AsyncGenerator<TableName> {
    signal.throwIfAborted();
    for (const { name } of this.#tables) if (scope.share(name.share) && scope.schema(name.share, name.schema)) yield name;
  }

  async latestVersion(table: TableName, signal: AbortSignal): Promise<Version> {
    return this.#ask('latestVersion', () => this.#latest(this.#table(table)), signal);
  }

  async versionAt(table: TableName, at: EpochMs, signal: AbortSignal): Promise<Version> {
    const find = (): Version => {
      const there = this.#table(table);
      for (let version = there.first ?? 0; version <= this.#latest(there); version++) if (commitTime(version) >= at) return version;
      throw new Failure('start.beyond', `${tableText(table)} has no version at ${at}`);
    };
    return this.#ask('versionAt', find, signal);
  }

  async metadata(table: TableName, version: Version | null, signal: AbortSignal): Promise<TableMetadata> {
    const tell = (): TableMetadata => {
      const there = this.#table(table);
      const { responseFormat } = LISTED_AS;
      return { tableId: there.tableId, version: version ?? this.#latest(there), schema: SCHEMA, responseFormat, changeFeed: true };
    };
    return this.#ask('metadata', tell, signal);
  }

  async changes(table: TableName, { from, to, listedAs }: ChangesRequest, signal: AbortSignal): Promise<ChangeListing> {
    const list = (): readonly (readonly [Version, readonly ToldFile[]])[] => {
      const there = this.#table(table);
      checkListedAs(listedAs);
      if (to > this.#latest(there)) throw beyond(table, to);
      if (from < (there.first ?? 0))
        throw new Failure('gap.history_gone', `${tableText(table)} begins later`, { version: there.first ?? 0 });
      const off = (there.feedOff ?? []).find((version) => version >= from && version <= to);
      if (off !== undefined) throw new Failure('gap.feed_off', `no changes at ${off}`, { version: off });
      const versions = there.versions.slice(from, to + 1).map((version, i) => [from + i, toldFiles(version)] as const);
      return versions.filter(([, files]) => files.length > 0);
    };
    return this.#listing(table, { from, to }, await this.#ask('changes', list, signal));
  }

  async snapshot(table: TableName, { version: asked, listedAs }: SnapshotRequest, signal: AbortSignal): Promise<ChangeListing> {
    const list = (): readonly [Version, readonly ToldFile[]] => {
      const there = this.#table(table);
      checkListedAs(listedAs);
      const version = asked ?? this.#latest(there);
      if (version > this.#latest(there)) throw beyond(table, version);
      return [version, liveFiles(there, version)];
    };
    const [version, files] = await this.#ask('snapshot', list, signal);
    return this.#listing(table, { from: version, to: version }, [[version, files]]);
  }

  async credentialRenewed(signal: AbortSignal): Promise<void> {
    await sleep(Infinity, signal);
  }

  clockAheadMs(): number | null {
    return null;
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #listing(
    name: TableName,
    range: { readonly from: Version; readonly to: Version },
    told: readonly (readonly [Version, readonly ToldFile[]])[],
  ): ChangeListing {
    const { tableId } = this.#table(name);
    const versions = told.map(([version, files]): VersionChanges => ({
      version,
      timestamp: commitTime(version),
      tableId,
      schema: SCHEMA,
      files: files.map(changeFile),
    }));
    const read: ChangeListing['read'] = (version, file, signal) => {
      const files = must(
        told.find(([number]) => number === version.version),
        'a listed version',
      )[1];
      const found = must(
        files.find(({ id, kind }) => id === file.id && kind === file.kind),
        'a listed file',
      );
      return this.#ask('read', () => ({ bytes: this.#bytes(name, version.version, found), rows: null }), signal);
    };
    const prove: ChangeListing['prove'] = async ({ version }, signal) => {
      const files = told.find(([number]) => number === version)?.[1] ?? [];
      await this.#ask('prove', () => files.forEach((file) => this.#bytes(name, version, file)), signal);
    };
    return { ...range, ...LISTED_AS, tableId, schema: SCHEMA, versions, read, prove };
  }

  #bytes(table: TableName, version: Version, file: ToldFile): Uint8Array<ArrayBuffer> {
    if (this.#table(table).gone?.includes(file.id) === true) throw new Failure('gap.file_gone', `file ${file.id} is gone`, { version });
    return parquetOf(file).slice();
  }

  async #ask<T>(what: string, work: () => T, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    try {
      return await orAbort(this.#network.call(what, work), signal);
    } catch (error) {
      if (error instanceof Disconnected) throw new Failure('provider.unreachable', `${what}: ${error.message}`);
      throw error;
    }
  }

  #table({ share, schema, table }: TableName): MemoryTable {
    const wanted = tableText({ share, schema, table }).toLowerCase();
    const there = this.#tables.find(({ name }) => tableText(name).toLowerCase() === wanted);
    if (there === undefined) throw new Failure('table.unknown', `there is no table ${wanted}`);
    return there;
  }

  #latest(table: MemoryTable): Version {
    const revealed = this.#revealed(table);
    assert(revealed > 0, 'a table without a version');
    return revealed - 1;
  }
}

function changeFile(file: ToldFile): ChangeFile {
  return { kind: file.kind, id: file.id, size: parquetOf(file).length, partitionValues: {}, rows: null };
}

function beyond(table: TableName, version: Version): Failure {
  return new Failure('start.beyond', `${tableText(table)} does not have version ${version} yet`);
}

function checkListedAs(asked: ListedAs | null): void {
  if (asked === null || (asked.responseFormat === LISTED_AS.responseFormat && asked.idHash === LISTED_AS.idHash)) return;
  throw new Failure('plan.changed', 'the answer is in another format');
}
