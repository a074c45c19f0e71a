/**
 * The questions about one table: its latest version, the version at an instant, its metadata, one page of its changes or of a snapshot.
 */
import type { ResponseFormat } from '../../../src/model/change-files.ts';
import { Failure } from '../../../src/model/failure.ts';
import type { EpochMs, TableName, Version } from '../../../src/model/version.ts';
import { tableText } from '../../../src/model/version.ts';
import type { ChangesRequest, ListedAs, SnapshotRequest } from '../../../src/ports/source.ts';
import type { Answer } from './answer.ts';
import { readAnswer, versionHeader } from './answer.ts';
import { CAPABILITIES_HEADER, capabilitiesAsked } from './capabilities.ts';
import type { Client, Question } from './client.ts';
import type { Reply } from './exchange.ts';
import type { ProviderError } from './provider-error.ts';
import type { MetaData } from './in-force.ts';
import { metaDataInForce } from './in-force.ts';
import { FEATURES_ASKED } from './reader-features.ts';
import { changesRefusal, snapshotRefusal, versionAtRefusal } from './refusal.ts';

const ANY_FORMAT: readonly ResponseFormat[] = ['delta', 'parquet'];
/**
 * Asked for first: it tells all that the table's log tells (what CHAR columns are declared as, comments at every depth), and a table keeps it when it gains a feature.
 * A server that does not know it answers in parquet format, or refuses, and is asked for either.
 */
const BEST_FORMAT: readonly ResponseFormat[] = ['delta'];

export function versionQuestion(client: Client, table: TableName): Question<Version> {
  const doing = `asking ${client.source} for the latest version of ${tableText(table)}`;
  return {
    doing,
    path: `${tablePath(table, doing)}/version`,
    query: {},
    headers: {},
    timeouts: 'others',
    refused: () => null,
    read: async (reply) => versionSaid(reply, doing),
  };
}

/** An instant before the first commit gives 0, one after the latest `start.beyond`. On just the time of a commit, servers differ (version-at.ts). */
export function versionAtQuestion(client: Client, table: TableName, at: EpochMs): Question<Version> {
  const startingTimestamp = new Date(at).toISOString().replace('.000Z', 'Z');
  const doing = `asking ${client.source} for the version of ${tableText(table)} at ${startingTimestamp}`;
  return {
    ...versionQuestion(client, table),
    doing,
    query: { startingTimestamp },
    refused: (error) => versionAtRefusal(error, doing),
    read: async (reply) => versionSaid(reply, doing),
  };
}

function versionSaid(reply: Reply, doing: string): Version {
  const version = versionHeader(reply);
  if (version === null) throw new Failure('provider.malformed', `${doing}: the answer has no header Delta-Table-Version that is a version`);
  return version;
}

export interface MetadataAnswer {
  /** The header `Delta-Table-Version`, or what the metadata says of itself. */
  readonly version: Version | null;
  readonly format: ResponseFormat;
  readonly metaData: MetaData;
}

export function metadataQuestion(
  client: Client,
  table: TableName,
  version: Version | null,
  features: readonly string[],
): Question<MetadataAnswer> {
  const doing = `asking ${client.source} for the metadata of ${tableText(table)}${version === null ? '' : ` at version ${version}`}`;
  const refused = (): null => null;
  return {
    doing,
    path: `${tablePath(table, doing)}/metadata`,
    query: version === null ? {} : { version: String(version) },
    headers: { [CAPABILITIES_HEADER]: capabilitiesAsked(BEST_FORMAT, features) },
    otherwise: { [CAPABILITIES_HEADER]: capabilitiesAsked(ANY_FORMAT, features) },
    timeouts: 'others',
    refused,
    read: async (reply, bytesMax) => {
      const answer = await readAnswer(reply, ANY_FORMAT, 'changes', doing, (error) => client.refuse({ doing, refused }, error), bytesMax);
      const [metaData] = metaDataInForce(answer, { from: version, format: answer.format, doing });
      return { version: answer.version ?? metaData.version, format: answer.format, metaData };
    },
  };
}

/**
 * Both bounds are always sent, so that the question means the same when it is asked again. `maxFiles` is not: together with historical metadata it makes
 * the reference server lose files (notes/protocol.md §2.11).
 */
export function changesQuestion(client: Client, table: TableName, request: ChangesRequest, pageToken: string | null): Question<Answer> {
  const { from, to, listedAs } = request;
  const doing = changesDoing(client, table, request);
  const refused = (error: ProviderError): Failure | null => changesRefusal(error, doing, from, to);
  return {
    doing,
    path: `${tablePath(table, doing)}/changes`,
    query: {
      startingVersion: String(from),
      endingVersion: String(to),
      includeHistoricalMetadata: 'true',
      includeHistoricalProtocol: 'true',
      ...(pageToken === null ? {} : { pageToken }),
    },
    ...inTheWay(listedAs),
    timeouts: 'changes',
    refused,
    // A pinned question may be answered in the other format: that is told by whoever compares, not as an illegal answer.
    read: async (reply, bytesMax) =>
      readAnswer(reply, ANY_FORMAT, 'changes', doing, (error) => client.refuse({ doing, refused }, error), bytesMax),
  };
}

export interface SnapshotQuestion extends SnapshotRequest {
  /** Of a page; null leaves it to the provider. */
  readonly maxFiles: number | null;
}

/** The body is never empty: the reference server refuses that. */
export function snapshotQuestion(
  client: Client,
  table: TableName,
  { version, listedAs, maxFiles }: SnapshotQuestion,
  pageToken: string | null,
): Question<Answer> {
  const doing = snapshotDoing(client, table, version);
  const refused = (error: ProviderError): Failure | null => (version === null ? null : snapshotRefusal(error, doing, version));
  return {
    doing,
    path: `${tablePath(table, doing)}/query`,
    query: {},
    body: {
      ...(version === null ? {} : { version }),
      ...(maxFiles === null ? {} : { maxFiles }),
      ...(pageToken === null ? {} : { pageToken }),
    },
    ...inTheWay(listedAs),
    timeouts: 'changes',
    refused,
    read: async (reply, bytesMax) =>
      readAnswer(reply, ANY_FORMAT, 'snapshot', doing, (error) => client.refuse({ doing, refused }, error), bytesMax),
  };
}

export function snapshotDoing(client: Client, table: TableName, version: Version | null): string {
  return `asking ${client.source} for the files of ${tableText(table)}${version === null ? '' : ` at version ${version}`}`;
}

export function changesDoing(client: Client, table: TableName, request: ChangesRequest): string {
  return `asking ${client.source} for the changes ${request.from}..${request.to} of ${tableText(table)}`;
}

/** In what way the files are to be listed. */
function inTheWay(listedAs: ListedAs | null): Pick<Question<unknown>, 'headers' | 'otherwise'> {
  if (listedAs === null) {
    return {
      headers: { [CAPABILITIES_HEADER]: capabilitiesAsked(BEST_FORMAT, FEATURES_ASKED) },
      otherwise: { [CAPABILITIES_HEADER]: capabilitiesAsked(ANY_FORMAT, FEATURES_ASKED) },
    };
  }
  return {
    headers: {
      [CAPABILITIES_HEADER]: capabilitiesAsked([listedAs.responseFormat], FEATURES_ASKED),
      ...(listedAs.idHash === null ? {} : { fileidhash: listedAs.idHash }),
    },
  };
}

/** Throws `table.unknown` for a name whose part would lead to another address. */
export function tablePath(table: TableName, doing: string): string {
  return `/shares/${pathPart(table.share, doing)}/schemas/${pathPart(table.schema, doing)}/tables/${pathPart(table.table, doing)}`;
}

export function pathPart(name: string, doing: string): string {
  if (name === '' || name === '.' || name === '..') throw new Failure('table.unknown', `${doing}: ${JSON.stringify(name)} is no name`);
  return encodeURIComponent(name);
}
