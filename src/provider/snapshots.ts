/**
 * `GET …/version`, `GET …/metadata` and `POST …/query`: the table as it is, or was.
 */
import { must } from '../lib/assert.ts';
import { tableText } from '../model/version.ts';
import type { EpochMs, Version } from '../model/version.ts';
import { parseFilesMax } from './changes.ts';
import { takePage, withoutLastFiles } from './file-pages.ts';
import type { PagedLine } from './file-pages.ts';
import { answerHistory, lineSettings, linesAnswer } from './history.ts';
import { isoText, parseInstant } from './instants.ts';
import type { AddAction } from './log-actions.ts';
import { decodePage, decodePin, encodePage, encodePin } from './page-tokens.ts';
import type { Page } from './page-tokens.ts';
import { invalid, malformed } from './refusal.ts';
import { formatOf } from './response-format.ts';
import { metadataLine, protocolLine, snapshotLine } from './response-lines.ts';
import { metadataAt, protocolAt, timeSpan } from './log-state.ts';
import { requireHistory, requireShared, requireWhole } from './shared-history.ts';
import { pageContext } from './table-request.ts';
import type { Answer, TableRequest } from './table-request.ts';
import { asInteger, asText, parseJson, isRecord } from './unknown-data.ts';
import type { UnknownRecord } from './unknown-data.ts';

/** A body that is no JSON: the reference server fails on it as on a fault of its own. */
export class UnreadableBody extends Error {
  override readonly name = 'UnreadableBody';
}

/** With `startingTimestamp`, the first version at or after it. */
export function answerVersion(request: TableRequest): Answer {
  const { state, query, faults } = request;
  const text = query.get('startingTimestamp');
  if (text === null) return versionAnswer(state.latest);
  requireHistory(request);
  // The reference server says that a time cannot be parsed with a full stop here, and without one on /changes.
  const at = parseInstant('startingTimestamp', text, '.');
  const found = state.heads.find((head) => head.timestamp >= at);
  if (found === undefined) throw afterLatest(request, at);
  if (faults.has('exact-instant') && found.timestamp === at) return versionAnswer(existing(request, String(found.version + 1)));
  return versionAnswer(found.version);
}

export function answerMetadata(request: TableRequest): Answer {
  const { state, query } = request;
  const version = versionAsked(request, query.get('version'), query.get('timestamp'), 'version,timestamp') ?? state.latest;
  const { capabilities, faults } = request;
  // The closing line is for answers that list files.
  const asked: TableRequest = { ...request, capabilities: { ...capabilities, includeEndStreamAction: false } };
  const [unknown] = capabilities.formats.filter((format) => format !== 'parquet' && format !== 'delta');
  if (unknown !== undefined && capabilities.formats.length === 1 && faults.has('unknown-format')) {
    return linesAnswer(asked, version, { format: unknown }, { ...NO_END, lines: headLines(request, version, 'parquet') });
  }
  const format = formatOf(request, version);
  return linesAnswer(asked, version, { format }, { ...NO_END, lines: headLines(request, version, format) });
}

/** Throws a `Refusal` or `UnreadableBody`. */
export async function answerQuery(request: TableRequest): Promise<Answer> {
  const { state } = request;
  if (request.body.trim() === '') throw malformed('No content to map due to end-of-input\n at [Source: ; line: 1, column: 1]');
  const body = parseJson(request.body);
  if (!isRecord(body)) throw new UnreadableBody('the body of a query is not a JSON object');
  if (request.capabilities.asyncQuery && asText(body['idempotency_key'] ?? body['idempotencyKey']) === null) {
    throw invalid('idempotency_key is required for async query.');
  }
  const filesMax = parseFilesMax(body['maxFiles'] ?? null);
  const startingVersion = versionField(body, 'startingVersion');
  const given = [body['version'], body['timestamp'], body['startingVersion']].filter((value) => value !== undefined && value !== null);
  if (given.length > 1) throw invalid('Please only provide one of: version,timestamp,startingVersion');
  const token = asText(body['pageToken']);
  const asked = JSON.stringify([body['version'], body['timestamp'], body['startingVersion'], body['endingVersion'], body['refreshToken']]);
  if (startingVersion !== null) {
    const page =
      token === null
        ? historyPage(request, startingVersion, versionField(body, 'endingVersion'), asked)
        : decodePage(token, pageContext(request, asked));
    return answerHistory(request, {
      page,
      format: formatOf(request, state.latest),
      filesMax,
      historicalMetadata: true,
      historicalProtocol: body['includeHistoricalProtocol'] === true,
      select: (files) => files.filter((file) => file.kind !== 'cdc' && file.dataChange),
    });
  }

  const pinned = asText(body['refreshToken']);
  if (pinned !== null && given.length > 0) throw invalid('refreshToken cannot be used when querying a specific version.');
  const versionText = body['version'] === undefined || body['version'] === null ? null : String(versionField(body, 'version'));
  const dated = versionAsked(request, versionText, asText(body['timestamp']), 'version,timestamp,startingVersion');
  if (dated !== null) requireShared(request, dated, 'data');
  const version = pinned === null ? (dated ?? state.latest) : decodePin(pinned, pageContext(request, asked)).version;
  const first: Page = { tableId: request.id, from: version, to: version, latest: state.latest, asked, offset: 0, place: null };
  const page = token === null ? first : decodePage(token, pageContext(request, asked));
  const format = formatOf(request, page.to);
  const settings = lineSettings(request, format);
  const live = await request.log.snapshot(state, page.to);
  const listing = pagedSnapshot(live, (file) => snapshotLine(file, dated, settings));
  const source = withoutLastFiles(listing, request.faults.find('other-files')?.files ?? 0);
  const taken = await takePage(source, page.offset, filesMax ?? request.faults.find('pages')?.files ?? null);
  return linesAnswer(request, page.to, settings, {
    lines: [...headLines(request, page.to, format), ...taken.lines],
    isPage: filesMax !== null,
    nextPageToken: taken.next === null ? null : encodePage({ ...page, offset: taken.next }),
    refreshToken: body['includeRefreshToken'] === true && taken.next === null ? encodePin({ tableId: request.id, version: page.to }) : null,
    minUrlExpirationTimestamp: taken.files > 0 ? settings.expires : null,
  });
}

const NO_END = { isPage: false, nextPageToken: null, refreshToken: null, minUrlExpirationTimestamp: null } as const;

function versionAnswer(version: Version): Answer {
  return { kind: 'empty', headers: { 'delta-table-version': String(version) } };
}

function headLines(request: TableRequest, version: Version, format: 'parquet' | 'delta'): readonly string[] {
  const { state, faults } = request;
  const protocol = must(protocolAt(state, version), 'protocol');
  const metadata = must(metadataAt(state, version), 'metadata');
  // A parquet client is told of the feed only where it may read it.
  const told = format === 'parquet' && faults.has('no-history') ? { ...metadata, configuration: {} } : metadata;
  return [protocolLine(protocol, null, format), metadataLine(told, null, format)];
}

async function* pagedSnapshot(files: readonly AddAction[], line: (file: AddAction) => string): AsyncGenerator<PagedLine> {
  for (const file of files) yield { isFile: true, text: () => line(file) };
}

function historyPage(request: TableRequest, from: Version, ending: Version | null, asked: string): Page {
  const { first, latest } = request.state;
  requireHistory(request);
  if (from >= 0 && from <= latest) requireShared(request, from, 'data');
  if (from < first || from > latest)
    throw invalid(`Cannot time travel Delta table to version ${from}. Available versions: [${first}, ${latest}].`);
  if (ending !== null && ending > latest) {
    throw invalid(
      `Provided end version(${ending}) is invalid. End version cannot be greater than the latest version of the table(${latest}).`,
    );
  }
  if (ending !== null && ending < from)
    throw invalid(`CDF range from start ${from} to end ${ending} was invalid. End cannot be before start.`);
  requireWhole(request, from, ending ?? latest);
  return { tableId: request.id, from, to: ending ?? latest, latest, asked, offset: 0, place: null };
}

/** The version that a version or a time names; null where neither is given. Throws a `Refusal`. */
function versionAsked(request: TableRequest, version: string | null, timestamp: string | null, choices: string): Version | null {
  if (version !== null && timestamp !== null) throw invalid(`Please only provide one of: ${choices}`);
  if (version !== null || timestamp !== null) requireHistory(request);
  if (version !== null) return existing(request, version);
  return timestamp === null ? null : versionAt(request, parseInstant('timestamp', timestamp));
}

function existing(request: TableRequest, text: string): Version {
  const { first, latest } = request.state;
  const version = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(version)) throw invalid('version is not a valid number.');
  if (version < 0) throw invalid('table version cannot be negative.');
  if (version > latest)
    throw malformed(
      `${tableText(request.name)}: Cannot load table version ${version} as it does not exist. The latest available version is ${latest}.`,
    );
  if (version < first)
    throw malformed(
      `${tableText(request.name)}: Cannot load table version ${version} as it does not exist. The earliest available version is ${first}.`,
    );
  return version;
}

/** The last version at or before the time. */
function versionAt(request: TableRequest, at: EpochMs): Version {
  const { state } = request;
  const { earliest, latest } = timeSpan(state);
  if (at > latest) throw afterLatest(request, at);
  const found = state.heads.findLast((head) => head.timestamp <= at);
  if (found !== undefined) return found.version;
  const advice = `Please use a timestamp greater than or equal to ${earliest} ms (${isoText(earliest)}).`;
  throw malformed(
    `${tableText(request.name)}: The provided timestamp ${at} ms (${isoText(at)}) is before the earliest available version ${state.first}. ${advice}`,
  );
}

function afterLatest(request: TableRequest, at: EpochMs): Error {
  const { latest: bound } = timeSpan(request.state);
  const advice = `Please use a timestamp less than or equal to ${bound} ms (${isoText(bound)}).`;
  return malformed(
    `${tableText(request.name)}: The provided timestamp ${at} ms (${isoText(at)}) is after the latest available version ${request.state.latest}. ${advice}`,
  );
}

/** A version as a number or, as the reference server takes it too, as text. */
function versionField(body: UnknownRecord, field: string): Version | null {
  const value = body[field];
  if (value === undefined || value === null) return null;
  const version = asInteger(typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value);
  if (version === null) throw invalid(`${field} is not a valid number.`);
  return version;
}
