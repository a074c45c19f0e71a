/**
 * Why a table is refused that is there for others to ask for: OpenSharing's `GET …/tables/{table}` says in which ways a table is given (spec/protocols/TABLES.md,
 * "Get Table"); servers that do not have it refuse it.
 */
import { JsonMismatch, JsonObject } from '../../../src/lib/json.ts';
import type { FailureCode } from '../../../src/model/failure.ts';
import { Failure } from '../../../src/model/failure.ts';
import type { TableName } from '../../../src/model/version.ts';
import { tableText } from '../../../src/model/version.ts';
import type { Access } from './access.ts';
import { requireAccess } from './access.ts';
import type { Client, Question } from './client.ts';
import { readJson } from './json-answer.ts';
import { tablePath } from './questions.ts';
import { RefusedByProvider } from './refusal.ts';
import { texts } from './wire.ts';

/** Refusals that may be of a table that is there for others to ask for. */
const PERHAPS_ELSEWHERE: readonly FailureCode[] = ['provider.refused', 'table.unknown'];

/** What `ask` answers; where the table is refused, with the way in which it is given, if that is the reason. */
export async function unlessElsewhere<T>(client: Client, table: TableName, ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof RefusedByProvider) || !PERHAPS_ELSEWHERE.includes(error.code)) throw error;
    const question = accessQuestion(client, table);
    const access = await client.once(question, signal).catch((unknown: unknown) => {
      signal.throwIfAborted();
      if (unknown instanceof Failure) return null;
      throw unknown;
    });
    if (access !== null) requireAccess(access, question.doing);
    throw error;
  }
}

function accessQuestion(client: Client, table: TableName): Question<Access> {
  const doing = `asking ${client.source} how ${tableText(table)} is given`;
  return {
    doing,
    path: tablePath(table, doing),
    query: {},
    headers: {},
    timeouts: 'others',
    refused: () => null,
    read: async (reply) => {
      try {
        return accessOf(new JsonObject(await readJson(reply, doing)));
      } catch (error) {
        if (error instanceof JsonMismatch) throw new Failure('provider.malformed', `${doing}: ${error.message}`);
        throw error;
      }
    },
  };
}

function accessOf(table: JsonObject): Access {
  const format = table.raw('format');
  const formats = typeof format === 'string' ? format.toLowerCase().split(',') : [];
  return {
    formats: formats.map((name) => name.trim()).filter((name) => name !== ''),
    modes: table.raw('accessModes') === undefined ? null : texts(table, 'accessModes', 'the table'),
  };
}
