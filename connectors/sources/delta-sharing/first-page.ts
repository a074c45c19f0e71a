/**
 * The first page of an answer about changes: the one that a provider refuses or fails to give.
 *
 * A 500 that stays for one range while the server answers otherwise is how the reference server says that the log of these versions is gone
 * (notes/sharing-server.md §2.8), and how any server says that its storage is down. Nothing in the answer tells the two apart, so time must.
 */
import { Failure } from '../../../src/model/failure.ts';
import type { TableName } from '../../../src/model/version.ts';
import type { ChangesRequest } from '../../../src/ports/source.ts';
import type { Answer } from './answer.ts';
import type { Client } from './client.ts';
import { withFeatureNames } from './features.ts';
import { changesDoing, changesQuestion, versionQuestion } from './questions.ts';
import { RefusedByProvider } from './refusal.ts';
import { retrying } from './retry.ts';

/** Fewer are an accident. */
const ERRORS_500_LEAST = 4;

/** Rejects as `Source.changes` says. */
export async function askFirstPage(client: Client, table: TableName, request: ChangesRequest, signal: AbortSignal): Promise<Answer> {
  const question = changesQuestion(client, table, request, null);
  let errors500 = 0;
  let isOther = false;
  try {
    return await retrying(
      client.retry,
      async () => {
        try {
          return await client.once(question, signal);
        } catch (error) {
          signal.throwIfAborted();
          errors500 = is500(error) ? errors500 + 1 : 0;
          isOther ||= errors500 === 0;
          if (request.patience === 'quick') await requireAnswered(client, table, request, errors500, signal);
          if (error instanceof RefusedByProvider && error.code === 'table.feature')
            throw await withFeatureNames(client, table, error, signal);
          throw error;
        }
      },
      signal,
    );
  } catch (error) {
    signal.throwIfAborted();
    // One that says when to come back is busy, and was left before the time was over.
    if (is500(error) && !isOther && error.retryAfterMs === 0) await requireAnswered(client, table, request, errors500, signal);
    throw error;
  }
}

function is500(error: unknown): error is RefusedByProvider {
  return error instanceof RefusedByProvider && error.status === 500;
}

/** Rejects with `gap.unanswered` after enough 500s in turn, if the server answers about the table and has these versions, so that it is the range alone that fails. */
async function requireAnswered(
  client: Client,
  table: TableName,
  request: ChangesRequest,
  errors500: number,
  signal: AbortSignal,
): Promise<void> {
  if (errors500 < ERRORS_500_LEAST) return;
  const latest = await client.once(versionQuestion(client, table), signal).catch((error: unknown) => {
    signal.throwIfAborted();
    if (error instanceof Failure) return null;
    throw error;
  });
  if (latest === null || latest < request.from) return;
  throw new Failure(
    'gap.unanswered',
    `${changesDoing(client, table, request)}: the provider answered 500 to these versions ${errors500} times in turn, while it answers that the latest ` +
      `version is ${latest}: it fails at them, part of the table's log is gone, or the table was made anew`,
    request.from === request.to ? { version: request.from } : {},
  );
}
