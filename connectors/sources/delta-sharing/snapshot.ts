/**
 * The table at one version: one question for its files, over all pages, made into a listing of one version whose files all came.
 *
 * The header `Delta-Table-Version` says which version the answer is of, and the files need not. A server that does not give old versions, because the table is shared
 * without history or because it never heard of `version`, answers for the latest alone: that serves as long as it is the one that is wanted.
 */
import { Failure } from '../../../src/model/failure.ts';
import type { TableName, Version } from '../../../src/model/version.ts';
import type { SnapshotRequest } from '../../../src/ports/source.ts';
import type { FileAction } from './actions.ts';
import type { Answer } from './answer.ts';
import type { Changes } from './changes.ts';
import type { Client } from './client.ts';
import { withFeatureNames } from './features.ts';
import { metaDataInForce } from './in-force.ts';
import type { Pages } from './pages.ts';
import { followPages, linksOfPages, tableLinesOf } from './pages.ts';
import type { SnapshotQuestion } from './questions.ts';
import { snapshotDoing, snapshotQuestion } from './questions.ts';
import { RefusedByProvider } from './refusal.ts';
import { versionOf } from './version-files.ts';

/** Files of a page, where one answer for all of them is refused as too large. The reference server takes up to 10 000. */
const PAGE_FILES = 10_000;

/** Rejects as `Source.snapshot` says, but for an answer in another way than it was asked for: that is told by whoever knows what hangs on it. */
export async function askForSnapshot(client: Client, table: TableName, request: SnapshotRequest, signal: AbortSignal): Promise<Changes> {
  const doing = snapshotDoing(client, table, request.version);
  const pages = await askPages(client, table, request, signal);
  const [first] = pages;
  const version = versionAnswered(first, doing);
  if (request.version !== null && version !== request.version) throw otherVersion(version, request.version, doing);
  const [metaData] = metaDataInForce(tableLinesOf(pages), { from: version, format: first.format, doing });
  const files = withOneTime(pages.flatMap((page) => page.files));
  const { tableId, schema } = metaData;
  return {
    range: {
      from: version,
      to: version,
      versions: [versionOf(version, files, metaData, client.toInstant, doing)],
      responseFormat: first.format,
      idHash: first.idHash,
      tableId,
      schema,
    },
    links: linksOfPages(client, pages),
  };
}

async function askPages(client: Client, table: TableName, request: SnapshotRequest, signal: AbortSignal): Promise<Pages> {
  const question = { ...request, maxFiles: null };
  if (request.version === null) return askInPagesIfTooLarge(client, table, question, signal);
  try {
    return await askInPagesIfTooLarge(client, table, question, signal);
  } catch (error) {
    if (!(error instanceof RefusedByProvider) || (error.code !== 'table.no_history' && error.code !== 'provider.refused')) throw error;
    const doing = snapshotDoing(client, table, request.version);
    const pages = await askInPagesIfTooLarge(client, table, { ...question, version: null }, signal);
    const latest = versionAnswered(pages[0], doing);
    if (latest !== request.version) throw otherVersion(latest, request.version, doing, error);
    return pages;
  }
}

/** Pages are the second choice: the reference server then reads with an engine that knows fewer features. */
async function askInPagesIfTooLarge(client: Client, table: TableName, question: SnapshotQuestion, signal: AbortSignal): Promise<Pages> {
  try {
    return await ask(client, table, question, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof RefusedByProvider) || error.code !== 'provider.too_large') throw error;
    try {
      return await ask(client, table, { ...question, maxFiles: PAGE_FILES }, signal);
    } catch (inPages) {
      signal.throwIfAborted();
      throw inPages instanceof Failure && inPages.disposition === 'retry' ? inPages : error;
    }
  }
}

async function ask(client: Client, table: TableName, question: SnapshotQuestion, signal: AbortSignal): Promise<Pages> {
  const doing = snapshotDoing(client, table, question.version);
  try {
    const first = await client.ask(snapshotQuestion(client, table, question, null), signal);
    return await followPages(client, first, (token) => snapshotQuestion(client, table, question, token), doing, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof RefusedByProvider && error.code === 'table.feature') throw await withFeatureNames(client, table, error, signal);
    throw error;
  }
}

function versionAnswered({ version }: Answer, doing: string): Version {
  if (version === null) throw new Failure('provider.malformed', `${doing}: the answer has no header Delta-Table-Version that is a version`);
  return version;
}

/** A lower version is that of a replica that lags; a higher one is where the table has moved to. */
function otherVersion(latest: Version, wanted: Version, doing: string, cause?: Failure): Failure {
  const because = cause === undefined ? '' : ', and refuses others';
  const message = `${doing}: the provider answers for version ${latest}${because}`;
  return new Failure(latest < wanted ? 'start.beyond' : 'snapshot.moved', message, cause === undefined ? {} : { cause });
}

/** The snapshot's time, where its files agree on one: what they say may be their own. */
function withOneTime(files: readonly FileAction[]): readonly FileAction[] {
  const times = new Set(files.map(({ timestamp }) => timestamp));
  return times.size === 1 ? files : files.map((file) => ({ ...file, timestamp: null }));
}
