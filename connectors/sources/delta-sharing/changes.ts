/**
 * One bounded question for changes, all its pages, made into versions.
 *
 * An answer is a set of lines: their order carries no meaning, so everything is gathered before anything is told. Each version has the schema of the newest metadata at or below it. A server that
 * does not know `includeHistoricalMetadata` sends the newest schema of all instead (no metadata at or below the first version): then the schema at each
 * version is asked for by itself, and a server that cannot answer that either is refused, for its rows would be read under a schema that is not theirs.
 */
import { must } from '../../../src/lib/assert.ts';
import type { ChangeRange } from '../../../src/model/change-files.ts';
import { Failure } from '../../../src/model/failure.ts';
import type { TableName, Version } from '../../../src/model/version.ts';
import { tableText } from '../../../src/model/version.ts';
import type { ChangesRequest } from '../../../src/ports/source.ts';
import type { FileAction, MetaDataLine } from './actions.ts';
import type { Client } from './client.ts';
import { askFirstPage } from './first-page.ts';
import type { MetaData } from './in-force.ts';
import { metaDataInForce } from './in-force.ts';
import type { Links } from './links.ts';
import { askForMetadata } from './metadata.ts';
import type { Pages } from './pages.ts';
import { followPages, linksOfPages, tableLinesOf } from './pages.ts';
import { changesDoing, changesQuestion } from './questions.ts';
import { versionOf } from './version-files.ts';

export interface Changes {
  readonly range: ChangeRange;
  readonly links: Links;
}

/** Rejects as `Source.changes` says, but for an answer in another way than it was asked for: that is told by whoever knows what hangs on it. */
export async function askForChanges(client: Client, table: TableName, request: ChangesRequest, signal: AbortSignal): Promise<Changes> {
  const doing = changesDoing(client, table, request);
  const first = await askFirstPage(client, table, request, signal);
  const pages = await followPages(client, first, (token) => changesQuestion(client, table, request, token), doing, signal);
  const byVersion = groupByVersion(pages, request, doing);
  const metaDataAt = await metaDataByVersion(client, table, request, pages, [...byVersion.keys()], signal);
  const versions = [...byVersion]
    .sort(([a], [b]) => a - b)
    .map(([version, actions]) => versionOf(version, actions, metaDataAt(version), client.toInstant, doing));
  const { tableId, schema, retentionMs } = metaDataAt(request.from);
  return {
    range: {
      from: request.from,
      to: request.to,
      versions,
      responseFormat: first.format,
      idHash: first.idHash,
      tableId,
      schema,
      ...(retentionMs === null ? {} : { retentionMs }),
    },
    links: linksOfPages(client, pages),
  };
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
    for (const { version } of inlineMetaData(page.metaData, request)) if (version !== null) at(version);
  }
  return byVersion;
}

/** Metadata that a commit within the range brought; the head's stands for what was before. */
function inlineMetaData(metaData: readonly MetaDataLine[], request: ChangesRequest): readonly MetaDataLine[] {
  return isHistorical(metaData, request) ? metaData.filter(({ version }) => version !== null && version > request.from) : [];
}

function isHistorical(metaData: readonly MetaDataLine[], request: ChangesRequest): boolean {
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
  const doing = changesDoing(client, table, request);
  const { format, metaData } = pages[0];
  const isTold = isHistorical(metaData, request);
  // Where the head is of the latest version, what it needs of a reader says nothing of where that began.
  const inForce = metaDataInForce(tableLinesOf(pages), { from: isTold ? request.from : null, format, doing });
  if (isTold) {
    for (const each of inForce) tell(told, each, doing);
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
  return answer.metaData;
}
