/**
 * A provider's refusal → a failure. Texts differ between servers, so patterns look for a few words and never for a whole sentence
 * (notes/protocol.md §4; notes/sharing-server.md §4).
 */
import type { FailureCode, FailureDetails } from '../../../src/model/failure.ts';
import { Failure } from '../../../src/model/failure.ts';
import type { EpochMs, Version } from '../../../src/model/version.ts';
import type { ProviderError } from './provider-error.ts';
import { errorText } from './provider-error.ts';

/** A failure that the provider itself told of, and not one that its answer or the network is. */
export class RefusedByProvider extends Failure {
  readonly status: number;

  constructor(code: FailureCode, message: string, status: number, details: FailureDetails) {
    super(code, message, details);
    this.status = status;
  }
}

/** What a refusal of any request means. `doing` begins the message. */
export function refusal(error: ProviderError, doing: string, profileExpiry: EpochMs | null, now: EpochMs): Failure {
  const code = codeOf(error);
  const expired =
    code === 'provider.unauthorized' && profileExpiry !== null && profileExpiry < now
      ? `; the profile expired on ${new Date(profileExpiry).toISOString()}`
      : '';
  return failed(code, error, doing, expired);
}

/** What a refusal of a request for the changes `from..to` means; null where it means nothing special to changes. */
export function changesRefusal(error: ProviderError, doing: string, from: Version, to: Version): Failure | null {
  if (!isAboutVersions(error)) return null;
  const said = `${error.code} ${error.message}`;
  const within = (version: Version | null): FailureDetails => {
    if (version !== null && version >= from && version <= to) return { version };
    return from === to ? { version: from } : {};
  };

  if (FEED_OFF.test(said)) return failed('gap.feed_off', error, doing, '', within(numberIn(said, /not recorded for version\D{0,5}(\d+)/i)));
  if (BEYOND.test(said)) return failed('start.beyond', error, doing);
  const travel = /available versions:?\s*\[\s*(\d+)\s*,\s*(\d+)\s*\]/i.exec(said);
  if (travel !== null && from > Number(travel[2])) return failed('start.beyond', error, doing);
  const first = travel === null ? numberIn(said, FIRST_READABLE) : Number(travel[1]);
  if (first !== null && first > from) return failed('gap.history_gone', error, doing, '', { version: first });
  if (GONE.test(said)) return failed('gap.history_gone', error, doing);
  if (NO_HISTORY.test(said)) return failed('table.no_history', error, doing);
  return null;
}

/** What a refusal of a request for the table at `version` means; null where it means nothing special to a snapshot. */
export function snapshotRefusal(error: ProviderError, doing: string, version: Version): Failure | null {
  if (!isAboutVersions(error)) return null;
  const said = `${error.code} ${error.message}`;
  const latest = numberIn(said, LATEST_AVAILABLE);
  if (BEYOND.test(said) || (latest !== null && latest < version)) return failed('start.beyond', error, doing);
  const first = numberIn(said, FIRST_READABLE);
  if (first !== null && first > version) return failed('gap.history_gone', error, doing, '', { version: first });
  if (GONE.test(said)) return failed('gap.history_gone', error, doing);
  return NO_HISTORY.test(said) ? failed('table.no_history', error, doing) : null;
}

/** What a refusal of a request for the version at an instant means; null where it means nothing special to that. */
export function versionAtRefusal(error: ProviderError, doing: string): Failure | null {
  if (!isAboutVersions(error)) return null;
  const said = `${error.code} ${error.message}`;
  // The newest reference server looks for the version behind the latest, for an instant that is just the time of the latest.
  if (AFTER_LATEST.test(said) || BEYOND.test(said) || LATEST_AVAILABLE.test(said)) return failed('start.beyond', error, doing);
  if (BEFORE_FIRST.test(said)) return failed('gap.history_gone', error, doing);
  return NO_HISTORY.test(said) ? failed('table.no_history', error, doing) : null;
}

function isAboutVersions(error: ProviderError): boolean {
  return error.status >= 400 && error.status <= 499 && !NEVER_ABOUT_VERSIONS.has(error.status);
}

const NEVER_ABOUT_VERSIONS = new Set([401, 403, 408, 413, 425, 429]);

const FEED_OFF = /not recorded for version|change data was not recorded|DELTA_MISSING_CHANGE_DATA/i;
const BEYOND = /greater than the latest version|after the latest version|VERSION_AFTER_LATEST/i;
const AFTER_LATEST = /timestamp.{0,120}(?:is after|later than|greater than) the latest|TIMESTAMP_GREATER_THAN|TIMESTAMP_LATER_THAN/is;
const BEFORE_FIRST = /timestamp.{0,120}is before the earliest/is;
const LATEST_AVAILABLE = /latest (?:available )?version is (\d+)/i;
const FIRST_READABLE = /(?:changes|data) since version\D{0,5}(\d+)|earliest (?:available )?version\D{0,20}(\d+)/i;
const GONE = /table files missing|BEFORE_START_VERSION|DELTA_MISSING_FILES|log files? .{0,40}(?:deleted|cleaned)/i;
const NO_HISTORY =
  /cdf is not enabled|change data feed is not enabled|history sharing is not enabled|CDF_NOT_(?:ENABLED|SHARED)|history is not shared|without history|TIME_TRAVEL_NOT_PERMITTED/i;
const FEATURE =
  /DS_UNSUPPORTED_DELTA|too new for this version|unsupported delta table (?:properties|features?)|unsupported reader features?/i;
const TOO_LARGE = /RESOURCE_LIMIT_EXCEEDED|RESOURCE_EXHAUSTED|QUERY_TIMEOUT_ON_SERVER/i;

function codeOf(error: ProviderError): FailureCode {
  // A 429 may well be called RESOURCE_EXHAUSTED, and is of too many requests, not of a request for too much.
  if (error.status === 413 || (error.status !== 429 && TOO_LARGE.test(`${error.code} ${error.message}`))) return 'provider.too_large';
  if (error.status >= 500) return 'provider.unavailable';
  switch (error.status) {
    case 400:
    case 422:
      return FEATURE.test(`${error.code} ${error.message}`) ? 'table.feature' : 'provider.refused';
    case 401:
      return 'provider.unauthorized';
    case 403:
      return 'provider.forbidden';
    case 404:
      return 'table.unknown';
    case 408:
    case 425:
      return 'provider.unavailable';
    case 429:
      return 'provider.throttled';
    default:
      return error.status >= 400 ? 'provider.refused' : 'provider.malformed';
  }
}

function failed(code: FailureCode, error: ProviderError, doing: string, addition = '', details: FailureDetails = {}): Failure {
  return new RefusedByProvider(code, `${doing}: the provider answers ${errorText(error)}${addition}`, error.status, {
    retryAfterMs: error.retryAfterMs,
    ...details,
  });
}

function numberIn(text: string, pattern: RegExp): number | null {
  const digits = pattern
    .exec(text)
    ?.slice(1)
    .find((group) => group !== undefined);
  const value = Number(digits ?? Number.NaN);
  return Number.isSafeInteger(value) ? value : null;
}
