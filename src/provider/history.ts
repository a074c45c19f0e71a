/**
 * The lines of a range of versions, which `/changes` and `/query` with a starting version share: head lines, then version after version in the log's own order.
 */
import { must } from '../lib/assert.ts';
import type { Version } from '../model/version.ts';
import { chooseIdHash } from './capabilities.ts';
import type { ResponseFormat } from '../model/change-files.ts';
import { takePage, withoutLastFiles } from './file-pages.ts';
import type { FileAction } from './log-actions.ts';
import { takeBuggyPage } from './page-bug.ts';
import type { VersionLine } from './page-bug.ts';
import { encodePage } from './page-tokens.ts';
import type { Page } from './page-tokens.ts';
import { seeded } from './random.ts';
import { changeLine, endLine, metadataLine, protocolLine, withCompactSchema } from './response-lines.ts';
import type { LineSettings } from './response-lines.ts';
import { headOf, metadataAt, protocolAt } from './log-state.ts';
import type { Answer, Headers, TableRequest } from './table-request.ts';

export interface HistoryQuestion {
  readonly page: Page;
  readonly format: ResponseFormat;
  readonly filesMax: number | null;
  /** Metadata and protocol as they were, each before the files of the version that set it; else the latest metadata alone. */
  readonly historicalMetadata: boolean;
  readonly historicalProtocol: boolean;
  /** Which of a version's actions are told. */
  readonly select: (files: readonly FileAction[]) => readonly FileAction[];
}

export async function answerHistory(request: TableRequest, question: HistoryQuestion): Promise<Answer> {
  const { format, page } = question;
  const { from, latest } = page;
  const { state } = request;
  const settings = lineSettings(request, format);
  const isOld = request.faults.has('no-historical-metadata');
  const metadataVersion = question.historicalMetadata && !isOld ? from : latest;
  const tellsProtocol = question.historicalProtocol && format === 'delta';
  const protocol = must(protocolAt(state, tellsProtocol ? from : latest), 'protocol');
  const isBare = request.faults.find('dropped-features') !== null;
  const head = [
    protocolLine(isBare ? { ...protocol, readerFeatures: null, writerFeatures: null } : protocol, tellsProtocol ? from : null, format),
    metadataLine(must(metadataAt(state, metadataVersion), 'metadata'), isOld ? null : metadataVersion, format),
  ];
  const filesMax = question.filesMax ?? request.faults.find('pages')?.files ?? null;
  const taken = await takeNext(request, isOld ? { ...question, historicalMetadata: false } : question, settings, filesMax);
  const nextPageToken = taken.next === null ? null : encodePage(taken.next);
  return linesAnswer(request, from, settings, {
    lines: [...head, ...taken.lines],
    isPage: question.filesMax !== null,
    nextPageToken,
    refreshToken: null,
    minUrlExpirationTimestamp: taken.files > 0 ? settings.expires : null,
  });
}

export function lineSettings(request: TableRequest, format: ResponseFormat): LineSettings {
  const { faults, fileIdHash, sign, expires } = request;
  return {
    format,
    idHash: faults.has('md5-ids') ? 'md5' : chooseIdHash(fileIdHash, format),
    idSalt: faults.has('other-ids') ? 'other' : '',
    tellsVectorIds: !faults.has('no-vector-id'),
    sign,
    expires,
  };
}

export interface AnswerLines {
  readonly lines: readonly string[];
  /** Whether pages were asked for: the last one too is closed, asked or not. */
  readonly isPage: boolean;
  readonly nextPageToken: string | null;
  readonly refreshToken: string | null;
  readonly minUrlExpirationTimestamp: number | null;
}

/** Lines with the headers that belong to them, and the closing line where it is asked for or has something to say. */
export function linesAnswer(request: TableRequest, version: Version, settings: { readonly format: string }, content: AnswerLines): Answer {
  const { faults, capabilities } = request;
  const { lines: ordered, isPage, ...end } = content;
  const lines = shuffled(ordered, faults.find('shuffled')?.seed ?? null);
  const isOld = faults.find('no-capabilities') !== null;
  const promised = capabilities.includeEndStreamAction && !isOld;
  const headers: Headers = {
    'delta-table-version': String(version),
    'content-type': 'application/x-ndjson; charset=utf-8',
    ...(isOld
      ? {}
      : { 'delta-sharing-capabilities': `responseformat=${settings.format}${promised ? ';includeendstreamaction=true' : ''}` }),
    ...(request.fileIdHash === null || faults.has('md5-ids') ? {} : { fileidhash: request.fileIdHash.trim().toLowerCase() }),
  };
  const failure = faults.find('error-line');
  if (failure !== null) {
    const closing = endLine({ ...end, nextPageToken: null, errorMessage: failure.message, httpStatusErrorCode: failure.status ?? null });
    return { kind: 'lines', headers, lines: [...lines.slice(0, failure.lines), closing] };
  }
  const closes = promised || isPage || end.nextPageToken !== null || end.refreshToken !== null;
  if (!closes || faults.find('no-end') !== null) return { kind: 'lines', headers, lines };
  return { kind: 'lines', headers, lines: [...lines, endLine({ ...end, errorMessage: null, httpStatusErrorCode: null })] };
}

/** Protocol and metadata. */
const HEAD_LINES = 2;

/** Behind the head lines, in an order by chance; null leaves them as they are. */
function shuffled(lines: readonly string[], seed: number | null): readonly string[] {
  if (seed === null) return lines;
  const random = seeded(seed);
  const mixed = lines.slice(HEAD_LINES);
  for (let left = mixed.length; left > 1; left -= 1) mixed.push(...mixed.splice(Math.floor(random() * left), 1));
  return [...lines.slice(0, HEAD_LINES), ...mixed];
}

/** One page's lines, with what its successor's token holds. */
async function takeNext(
  request: TableRequest,
  question: HistoryQuestion,
  settings: LineSettings,
  filesMax: number | null,
): Promise<{ readonly lines: readonly string[]; readonly files: number; readonly next: Page | null }> {
  const { page } = question;
  if (request.faults.has('page-bug')) {
    const place = page.place ?? { version: page.from, index: 0 };
    const { next, ...taken } = await takeBuggyPage(historyLines(request, question, settings, place.version), place, filesMax);
    return { ...taken, next: next === null ? null : { ...page, place: next } };
  }
  const listing = withoutLastFiles(historyLines(request, question, settings, page.from), request.faults.find('other-files')?.files ?? 0);
  const { next, ...taken } = await takePage(listing, page.offset, filesMax);
  return { ...taken, next: next === null ? null : { ...page, offset: next } };
}

/** From a version on. Its own metadata and protocol stand in the head lines. */
async function* historyLines(
  request: TableRequest,
  question: HistoryQuestion,
  settings: LineSettings,
  from: Version,
): AsyncGenerator<VersionLine> {
  const { format, page } = question;
  for (let version = from; version <= page.to; version += 1) {
    const { protocol, metadata, timestamp } = headOf(request.state, version);
    if (version > from) {
      if (question.historicalProtocol && format === 'delta' && protocol !== null) {
        yield { version, isFile: false, text: () => protocolLine(protocol, version, format) };
      }
      if (question.historicalMetadata && metadata !== null) {
        yield { version, isFile: false, text: () => metadataLine(withCompactSchema(metadata), version, format) };
      }
    }
    for (const action of question.select(await request.log.filesOf(version))) {
      yield { version, isFile: true, text: () => changeLine(action, version, timestamp, settings) };
    }
  }
}
