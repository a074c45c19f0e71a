/**
 * One bounded question for changes, all its pages, made into versions.
 *
 * An answer is a set of lines: their order carries no meaning, so everything is gathered before anything is told. Per version, change files tell the whole
 * story where there are any; else the data files that came and left do. Each version has the schema of the newest metadata at or below it. A server that
 * does not know `includeHistoricalMetadata` sends the newest schema of all instead (no metadata at or below the first version): then the schema at each
 * version is asked for by itself, and a server that cannot answer that either is refused, for its rows would be read under a schema that is not theirs.
 */
import { must } from '../../../src/lib/assert.ts';
import type { ChangeFile, ChangeRange, VersionChanges } from '../../../src/model/change-files.ts';
import { Failure } from '../../../src/model/failure.ts';
import type { EpochMs, TableName, Version } from '../../../src/model/version.ts';
import { tableText } from '../../../src/model/version.ts';
import type { ChangesRequest } from '../../../src/ports/source.ts';
import type { FileAction, MetaData } from './actions.ts';
import type { Answer } from './answer.ts';
import { ANSWER_LINES_MAX } from './answer.ts';
import type { Client } from './client.ts';
import { sameFile } from './differences.ts';
import { askFirstPage } from './first-page.ts';
import { askForMetadata } from './metadata.ts';
import { changesDoing, changesQuestion } from './questions.ts';
import type { Links } from './links.ts';
import { linksOf } from './links.ts';

export interface Changes {
  readonly range: ChangeRange;
  readonly links: Links;
}

const PAGES_MAX = 10_000;

/** Rejects as `Source.changes` says, but for an answer in another way than it was asked for: that is told by whoever knows what hangs on it. */
export async function askForChanges(client: Client, table: TableName, request: ChangesRequest, signal: AbortSignal): Promise<Changes> {
  const doing = changesDoing(client, table, request);
  const pages = await askPages(client, table, request, doing, signal);
  const [first] = pages;
  const byVersion = groupByVersion(pages, request, doing);
  const metaDataAt = await metaDataByVersion(client, table, request, pages, [...byVersion.keys()], signal);
  const versions: VersionChanges[] = [];
  for (const [version, actions] of [...byVersion].sort(([a], [b]) => a - b)) {
    const { tableId, schema } = metaDataAt(version);
    versions.push({ version, timestamp: timestampOf(actions, version, doing), tableId, schema, files: filesOf(actions, version, doing) });
  }
  const { tableId, schema } = metaDataAt(request.from);
  return {
    range: { from: request.from, to: request.to, versions, responseFormat: first.format, idHash: first.idHash, tableId, schema },
    links: linksOf(
      pages.flatMap((page) => page.files),
      pages.map((page) => page.end?.urlsExpireAt ?? null),
      client.retry.clock.now(),
    ),
  };
}

type Pages = readonly [Answer, ...Answer[]];

async function askPages(client: Client, table: TableName, request: ChangesRequest, doing: string, signal: AbortSignal): Promise<Pages> {
  const first = await askFirstPage(client, table, request, signal);
  const later: Answer[] = [];
  const tokens = new Set<string>();
  let files = first.files.length;
  for (let token = first.end?.nextPageToken ?? null; token !== null;) {
    if (tokens.has(token)) throw new Failure('provider.malformed', `${doing}: the answer's pages go round in a circle`);
    tokens.add(token);
    const page = await client.ask(changesQuestion(client, table, request, token), signal);
    if (page.format !== first.format || page.idHash !== first.idHash || page.metaData[0].tableId !== first.metaData[0].tableId) {
      throw new Failure(
        'provider.malformed',
        `${doing}: page ${later.length + 2} of the answer is of another table or format than the first`,
      );
    }
    later.push(page);
    files += page.files.length;
    if (later.length === PAGES_MAX || files > ANSWER_LINES_MAX) {
      throw new Failure('provider.too_large', `${doing}: the answer goes on after ${later.length + 1} pages and ${files} files`);
    }
    token = page.end?.nextPageToken ?? null;
  }
  return [first, ...later];
}

/** Every version that has a line of its own, even one that tells of no change. */
function groupByVersion(pages: Pages, request: ChangesRequest, doing: string): Map<Version, FileAction[]> {
  const byVersion = new Map<Version, FileAction[]>();
  const at = (version: Version): FileAction[] => {
    if (version < request.from || version > request.to) {
      throw new Failure('provider.malformed', `${doing}: the answer holds version ${version}`);
    }
    const actions = byVersion.get(version) ?? [];
    byVersion.set(version, actions);
    return actions;
  };
  for (const page of pages) {
    for (const file of page.files) at(file.version).push(file);
    for (const { version } of inlineMetaData(page, request)) if (version !== null) at(version);
  }
  return byVersion;
}

/** Metadata that a commit within the range brought; the head's stands for what was before. */
function inlineMetaData(page: Answer, request: ChangesRequest): readonly MetaData[] {
  return isHistorical(page.metaData, request) ? page.metaData.filter(({ version }) => version !== null && version > request.from) : [];
}

function isHistorical(metaData: readonly MetaData[], request: ChangesRequest): boolean {
  return metaData.some(({ version }) => version !== null && version <= request.from);
}

async function metaDataByVersion(
  client: Client,
  table: TableName,
  request: ChangesRequest,
  pages: Pages,
  versions: readonly Version[],
  signal: AbortSignal,
): Promise<(version: Version) => MetaData> {
  const told = new Map<Version, MetaData>();
  if (isHistorical(pages[0].metaData, request)) {
    for (const metaData of pages.flatMap((page) => page.metaData)) tell(told, metaData, changesDoing(client, table, request));
  } else {
    for (const version of new Set([request.from, ...versions])) told.set(version, await metaDataExactlyAt(client, table, version, signal));
  }
  const ascending = [...told].sort(([a], [b]) => a - b);
  return (version) =>
    must(
      ascending.findLast(([from]) => from <= version),
      `metadata at or below version ${version}`,
    )[1];
}

/** Every page repeats the head, so the same metadata may come again, but not another for one version. */
function tell(told: Map<Version, MetaData>, metaData: MetaData, doing: string): void {
  if (metaData.version === null)
    throw new Failure('provider.malformed', `${doing}: the answer has metadata of a later version without saying of which`);
  const before = told.get(metaData.version);
  if (before !== undefined && JSON.stringify(before) !== JSON.stringify(metaData)) {
    throw new Failure('provider.malformed', `${doing}: the answer has two schemas for version ${metaData.version}`);
  }
  told.set(metaData.version, metaData);
}

async function metaDataExactlyAt(client: Client, table: TableName, version: Version, signal: AbortSignal): Promise<MetaData> {
  const answer = await askForMetadata(client, table, version, signal);
  if (answer.version !== version) {
    throw new Failure(
      'provider.malformed',
      `asking ${client.source} for the metadata of ${tableText(table)} at version ${version}: the provider answers with another version, and did not give the schema with the changes either`,
    );
  }
  return answer.metaData[0];
}

function timestampOf(actions: readonly FileAction[], version: Version, doing: string): EpochMs | null {
  const times = new Set(actions.flatMap(({ timestamp }) => (timestamp === null ? [] : [timestamp])));
  if (times.size > 1) throw new Failure('provider.malformed', `${doing}: the answer gives version ${version} more than one commit time`);
  const [time = null] = times;
  return time;
}

function filesOf(actions: readonly FileAction[], version: Version, doing: string): readonly ChangeFile[] {
  const telling = actions.some(({ kind }) => kind === 'cdf')
    ? actions.filter(({ kind }) => kind === 'cdf')
    : actions.filter(({ dataChange }) => dataChange);
  const files = new Map<string, ChangeFile>();
  for (const { kind, id, size, partitionValues } of telling) {
    const file: ChangeFile = { kind, id, size, partitionValues, rows: null };
    const before = files.get(`${kind} ${id}`);
    if (before !== undefined && !sameFile(before, file)) {
      throw new Failure('provider.malformed', `${doing}: the answer has two different files of id ${id} in version ${version}`);
    }
    if (kind !== 'cdf' && files.has(`${kind === 'add' ? 'remove' : 'add'} ${id}`)) {
      throw new Failure('provider.malformed', `${doing}: the answer adds and removes the same file ${id} in version ${version}`);
    }
    files.set(`${kind} ${id}`, file);
  }
  return [...files.values()];
}
