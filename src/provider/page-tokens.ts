/**
 * Tokens that carry a question over its pages: opaque to clients, and good for the table and the parameters of the first page alone.
 */
import type { Version } from '../model/version.ts';
import { invalid } from './refusal.ts';
import type { Refusal } from './refusal.ts';
import { asInteger, asRecord, asText, parseJson } from './unknown-data.ts';

export interface Page {
  readonly tableId: string;
  readonly from: Version;
  readonly to: Version;
  /** The table's latest version at the first page: head lines are the same on every page. */
  readonly latest: Version;
  /** The parameters of the first page that may not change. */
  readonly asked: string;
  /** Files on the pages before. */
  readonly offset: number;
  /** Where the reference server would go on, if ours is to page as it does; null on the first page, and elsewhere. */
  readonly place: Place | null;
}

/** The `index`-th line of a version. */
export interface Place {
  readonly version: Version;
  readonly index: number;
}

export interface Pin {
  readonly tableId: string;
  readonly version: Version;
}

export function encodePage(page: Page): string {
  return encode({ page });
}

export interface PageContext {
  readonly tableId: string;
  readonly asked: string;
  /** The versions that the table has. */
  readonly first: Version;
  readonly latest: Version;
}

/** Throws a `Refusal` for a token that is none, of another table, of other parameters, or of versions that are not there any more. */
export function decodePage(token: string, context: PageContext): Page {
  const { tableId, asked } = context;
  const page = asRecord(decode(token)?.['page']);
  const from = asInteger(page?.['from']);
  const to = asInteger(page?.['to']);
  const latest = asInteger(page?.['latest']);
  const offset = asInteger(page?.['offset']);
  if (page === null || from === null || to === null || latest === null || offset === null) throw undecodable(token);
  if (asText(page['tableId']) !== tableId) throw invalid('The table specified in the page token does not match the table being queried.');
  if (asText(page['asked']) !== asked) {
    throw invalid(
      'Query parameter mismatch detected for the next page query. The query parameter\ncannot change when querying the next page results.',
    );
  }
  const place = placeOf(page['place']);
  const isWithin = place === null || (from <= place.version && place.version <= to);
  const isThere = isWithin && context.first <= from && from <= to && to <= latest && latest <= context.latest;
  if (!isThere || offset < 0) throw undecodable(token);
  return { tableId, from, to, latest, asked, offset, place };
}

function placeOf(value: unknown): Place | null {
  const version = asInteger(asRecord(value)?.['version']);
  const index = asInteger(asRecord(value)?.['index']);
  return version === null || index === null ? null : { version, index };
}

/** A refresh token of `/query`: the snapshot's version. */
export function encodePin(pin: Pin): string {
  return encode({ pin });
}

/** Throws a `Refusal` for a token that is none, of another table, or of a version that is not there any more. */
export function decodePin(token: string, context: PageContext): Pin {
  const { tableId } = context;
  const pin = asRecord(decode(token)?.['pin']);
  const version = asInteger(pin?.['version']);
  if (pin === null || version === null) throw invalid(`Error decoding refresh token: ${token}.`);
  if (asText(pin['tableId']) !== tableId) throw invalid('The table specified in the refresh token does not match the table being queried.');
  if (version < context.first || version > context.latest) throw invalid(`Error decoding refresh token: ${token}.`);
  return { tableId, version };
}

function undecodable(token: string): Refusal {
  return invalid(`Error decoding the page token: ${token}.`);
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decode(token: string): Readonly<Record<string, unknown>> | null {
  return asRecord(parseJson(Buffer.from(token, 'base64url').toString('utf8')));
}
