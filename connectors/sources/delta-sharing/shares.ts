/**
 * What a profile gives: shares, their schemas, their tables, over all pages. A page may have a token and no items; an absent or empty token is the end
 * (PROTOCOL.md, "Pagination").
 */
import { JsonMismatch, JsonObject } from '../../../src/lib/json.ts';
import { Failure } from '../../../src/model/failure.ts';
import type { TableName } from '../../../src/model/version.ts';
import type { ListingScope } from '../../../src/ports/source.ts';
import type { Client, Question } from './client.ts';
import { readJson } from './json-answer.ts';
import { pathPart } from './questions.ts';

const PAGES_MAX = 10_000;

interface Page {
  readonly names: readonly string[];
  readonly nextPageToken: string;
}

/**
 * Every table of the scope, in the provider's order. By schema and not by `all-tables`, which the reference server answers with 500 if one table has no id. Share and schema
 * are named as they were listed: what a table's own item says of them is an echo.
 */
export async function* allTables(client: Client, scope: ListingScope, signal: AbortSignal): AsyncGenerator<TableName, void> {
  for await (const share of names(client, '/shares', 'shares', signal)) {
    if (!scope.share(share)) continue;
    const inShare = `/shares/${pathPart(share, `listing the shares of ${client.source}`)}`;
    for await (const schema of names(client, `${inShare}/schemas`, `schemas of ${share}`, signal)) {
      if (!scope.schema(share, schema)) continue;
      const inSchema = `${inShare}/schemas/${pathPart(schema, `listing the schemas of ${share}`)}`;
      for await (const table of names(client, `${inSchema}/tables`, `tables of ${share}.${schema}`, signal)) yield { share, schema, table };
    }
  }
}

async function* names(client: Client, path: string, what: string, signal: AbortSignal): AsyncGenerator<string, void> {
  const doing = `asking ${client.source} for the ${what}`;
  const tokens = new Set<string>();
  for (let token = ''; ;) {
    const page = await client.ask(pageQuestion(doing, path, token), signal);
    yield* page.names;
    token = page.nextPageToken;
    if (token === '') return;
    if (tokens.has(token)) throw new Failure('provider.malformed', `${doing}: the pages go round in a circle`);
    if (tokens.size === PAGES_MAX) throw new Failure('provider.too_large', `${doing}: there are more than ${PAGES_MAX} pages`);
    tokens.add(token);
  }
}

function pageQuestion(doing: string, path: string, token: string): Question<Page> {
  return {
    doing,
    path,
    query: token === '' ? {} : { pageToken: token },
    headers: {},
    timeouts: 'others',
    refused: (error) =>
      error.status === 404 && path === '/shares'
        ? new Failure(
            'provider.refused',
            `${doing}: the provider answers 404: the endpoint in the profile is not one of a Delta Sharing server`,
          )
        : null,
    read: async (reply) => pageOf(await readJson(reply, doing), doing),
  };
}

function pageOf(json: unknown, doing: string): Page {
  try {
    const page = new JsonObject(json);
    const items: unknown = page.raw('items') ?? [];
    if (!Array.isArray(items)) throw new JsonMismatch('items is not a list');
    const token = page.raw('nextPageToken');
    return {
      names: items.map((item: unknown, at) => new JsonObject(item, `items[${at}]`).string('name')),
      nextPageToken: typeof token === 'string' ? token : '',
    };
  } catch (error) {
    if (error instanceof JsonMismatch) throw new Failure('provider.malformed', `${doing}: ${error.message}`);
    throw error;
  }
}
