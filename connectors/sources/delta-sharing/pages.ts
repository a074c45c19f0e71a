/**
 * An answer over all its pages. What an answer says is known only when its last page is there: a version may lie on two of them, in any order of lines.
 */
import { Failure } from '../../../src/model/failure.ts';
import type { Answer } from './answer.ts';
import { ANSWER_LINES_MAX } from './answer.ts';
import type { Client, Question } from './client.ts';
import type { TableLines } from './in-force.ts';
import type { Links } from './links.ts';
import { linksOf } from './links.ts';

export type Pages = readonly [Answer, ...Answer[]];

const PAGES_MAX = 10_000;

/** The first page and all that follow it. `next` asks for the page of a token, alike in all but that. Rejects with `provider.malformed` for pages of two answers. */
export async function followPages(
  client: Client,
  first: Answer,
  next: (token: string) => Question<Answer>,
  doing: string,
  signal: AbortSignal,
): Promise<Pages> {
  const later: Answer[] = [];
  const tokens = new Set<string>();
  let files = first.files.length;
  let bytesLeft = client.answerBytesMax - first.bytes;
  for (let token = first.end?.nextPageToken ?? null; token !== null;) {
    if (tokens.has(token)) throw new Failure('provider.malformed', `${doing}: the answer's pages go round in a circle`);
    tokens.add(token);
    const page = await client.ask({ ...next(token), bytesMax: bytesLeft }, signal);
    const difference = differenceInHead(first, page);
    if (difference !== null)
      throw new Failure('provider.malformed', `${doing}: page ${later.length + 2} of the answer is ${difference} than the first`);
    later.push(page);
    files += page.files.length;
    bytesLeft -= page.bytes;
    if (later.length === PAGES_MAX || files > ANSWER_LINES_MAX) {
      throw new Failure('provider.too_large', `${doing}: the answer goes on after ${later.length + 1} pages and ${files} files`);
    }
    token = page.end?.nextPageToken ?? null;
  }
  return [first, ...later];
}

/** What the pages say of the table. */
export function tableLinesOf([first, ...later]: Pages): TableLines {
  return {
    protocols: [...first.protocols, ...later.flatMap(({ protocols }) => protocols)],
    metaData: [...first.metaData, ...later.flatMap(({ metaData }) => metaData)],
  };
}

export function linksOfPages(client: Client, pages: Pages): Links {
  return linksOf(
    pages.flatMap((page) => page.files),
    pages.map((page) => page.end?.urlsExpireAt ?? null),
    client.retry.clock.now(),
  );
}

/** Every page repeats the head. */
function differenceInHead(first: Answer, page: Answer): string | null {
  if (page.format !== first.format || page.idHash !== first.idHash || page.metaData[0].tableId !== first.metaData[0].tableId)
    return 'of another table or format';
  if (page.version !== first.version) return 'of another version';
  const isSame = JSON.stringify([page.protocols[0], page.metaData[0]]) === JSON.stringify([first.protocols[0], first.metaData[0]]);
  return isSame ? null : 'of another protocol or metadata';
}
