/**
 * The lines of a range of versions, which `/changes` and `/query` with a starting version share: head lines, then version after version in the log's own order.
 */
import { must } from '../lib/assert.ts';
import type { Version } from '../model/version.ts';
import { chooseIdHash } from './capabilities.ts';
import type { ResponseFormat } from '../model/change-files.ts';
import { takePage } from './file-pages.ts';
import type { PagedLine } from './file-pages.ts';
import type { FileAction } from './log-actions.ts';
import { encodePage } from './page-tokens.ts';
import type { Page } from './page-tokens.ts';
import { changeLine, endLine, metadataLine, protocolLine } from './response-lines.ts';
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
  const metadataVersion = question.historicalMetadata ? from : latest;
  const tellsProtocol = question.historicalProtocol && format === 'delta';
  const protocol = must(protocolAt(state, tellsProtocol ? from : latest), 'protocol');
  const isBare = request.faults.find('dropped-features') !== null;
  const head = [
    protocolLine(isBare ? { ...protocol, readerFeatures: null, writerFeatures: null } : protocol, tellsProtocol ? from : null, format),
    metadataLine(must(metadataAt(state, metadataVersion), 'metadata'), metadataVersion, format),
  ];
  const filesMax = question.filesMax ?? request.faults.find('pages')?.files ?? null;
  const taken = await takePage(historyLines(request, question, settings), page.offset, filesMax);
  const nextPageToken = taken.next === null ? null : encodePage({ ...page, offset: taken.next });
  return linesAnswer(request, from, settings, {
    lines: [...head, ...taken.lines],
    nextPageToken,
    refreshToken: null,
    minUrlExpirationTimestamp: taken.files > 0 ? settings.expires : null,
  });
}

export function lineSettings(request: TableRequest, format: ResponseFormat): LineSettings {
  return { format, idHash: chooseIdHash(request.fileIdHash, format), sign: request.sign, expires: request.expires };
}

export interface AnswerLines {
  readonly lines: readonly string[];
  readonly nextPageToken: string | null;
  readonly refreshToken: string | null;
  readonly minUrlExpirationTimestamp: number | null;
}

/** Lines with the headers that belong to them, and the closing line where it is asked for or has something to say. */
export function linesAnswer(request: TableRequest, version: Version, settings: Pick<LineSettings, 'format'>, content: AnswerLines): Answer {
  const { faults, capabilities } = request;
  const { lines, ...end } = content;
  const isOld = faults.find('no-capabilities') !== null;
  const promised = capabilities.includeEndStreamAction && !isOld;
  const headers: Headers = {
    'delta-table-version': String(version),
    'content-type': 'application/x-ndjson; charset=utf-8',
    ...(isOld
      ? {}
      : { 'delta-sharing-capabilities': `responseformat=${settings.format}${promised ? ';includeendstreamaction=true' : ''}` }),
    ...(request.fileIdHash === null ? {} : { fileidhash: request.fileIdHash.trim().toLowerCase() }),
  };
  const failure = faults.find('error-line');
  if (failure !== null) {
    const closing = endLine({ ...end, nextPageToken: null, errorMessage: failure.message, httpStatusErrorCode: failure.status ?? null });
    return { kind: 'lines', headers, lines: [...lines.slice(0, failure.lines), closing] };
  }
  const closes = promised || end.nextPageToken !== null || end.refreshToken !== null;
  if (!closes || faults.find('no-end') !== null) return { kind: 'lines', headers, lines };
  return { kind: 'lines', headers, lines: [...lines, endLine({ ...end, errorMessage: null, httpStatusErrorCode: null })] };
}

async function* historyLines(request: TableRequest, question: HistoryQuestion, settings: LineSettings): AsyncGenerator<PagedLine> {
  const { format, page } = question;
  for (let version = page.from; version <= page.to; version += 1) {
    const { protocol, metadata, timestamp } = headOf(request.state, version);
    if (version > page.from) {
      if (question.historicalProtocol && format === 'delta' && protocol !== null) {
        yield { isFile: false, text: () => protocolLine(protocol, version, format) };
      }
      if (question.historicalMetadata && metadata !== null) yield { isFile: false, text: () => metadataLine(metadata, version, format) };
    }
    for (const action of question.select(await request.log.filesOf(version))) {
      yield { isFile: true, text: () => changeLine(action, version, timestamp, settings) };
    }
  }
}
