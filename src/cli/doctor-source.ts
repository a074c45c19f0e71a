/**
 * What `doctor` finds of a source and its feeds: the profile, the endpoint, the clock, and of each table what its feed would meet.
 */
import type { Profile } from '../../connectors/sources/delta-sharing/profile.ts';
import type { SourceConfig } from '../config/config.ts';
import { patternText } from '../model/feed-pattern.ts';
import type { FeedSpec } from '../model/feed.ts';
import type { Source } from '../ports/source.ts';
import { effectiveIntervalMs } from '../relay/poll.ts';
import { GAPS } from '../relay/prospect.ts';
import type { Beginning, Prospect, Waiting } from '../relay/prospect.ts';
import { pausedBy } from '../relay/supervisor.ts';
import { remedyOf } from './exit.ts';
import { pollOf } from './lines.ts';
import type { FeedOutlook, SourceFeeds } from './outlook.ts';
import { failed, met, parks, pass, warn } from './report.ts';
import type { Check } from './report.ts';
import { counted, sizeText, spanText, timeText } from './words.ts';

const DAY_MS = 24 * 3_600_000;
/** As the relay's log does, it tells a week before. */
const EXPIRES_SOON_MS = 7 * DAY_MS;
/** Signed assertions and expiry times bear more; a certificate's first minute does not. */
const CLOCK_APART_MS = 30_000;

const KINDS: Readonly<Record<Profile['credential']['kind'], string>> = {
  bearer: 'a bearer token',
  basic: 'a user name and a password',
  'client-secret': "OAuth with a client's secret",
  signed: 'OAuth with a signed assertion',
};

export function checkProfile(source: SourceConfig, { credential, expirationTime, endpoint }: Profile, now: number): Check {
  const about = `source ${source.name}`;
  const file = source.profilePath === null ? 'the profile' : `profile ${source.profilePath}`;
  const text = `${file} gives ${endpoint}, by ${KINDS[credential.kind]}`;
  if (expirationTime === null) return pass(about, `${text}; it does not say when that ends`);
  const leftMs = expirationTime - now;
  const remedy = 'Ask the provider for a new profile file and put it in the place of the old one.';
  if (leftMs <= 0) return { ...warn(about, `${text}, which ended on ${timeText(expirationTime)}`, remedy), verdict: 'fail', exit: 1 };
  const until = `${text}, until ${timeText(expirationTime)}, in ${spanText(leftMs)}`;
  return leftMs <= EXPIRES_SOON_MS ? warn(about, until, remedy) : pass(about, until);
}

/** Asks for no more than the first listing: whether the endpoint answers, and takes the credential. */
export async function checkEndpoint(source: Source, signal: AbortSignal): Promise<readonly Check[]> {
  const nothing = { share: () => false, schema: () => false };
  for await (const table of source.tables(nothing, signal)) void table;
  return [pass(`source ${source.name}`, `${source.endpoint} answers, and takes the credential`)];
}

export function checkClock(source: Source): readonly Check[] {
  const aheadMs = source.clockAheadMs();
  if (aheadMs === null) return [];
  const text = `its clock is ${spanText(Math.abs(aheadMs))} ${aheadMs < 0 ? 'behind' : 'ahead of'} ours`;
  const about = `source ${source.name}`;
  if (Math.abs(aheadMs) < CLOCK_APART_MS) return [pass(about, 'its clock and ours agree')];
  return [warn(about, text, 'Set the clock of this machine by NTP, or ask the provider to: tokens and signed URLs live by it.')];
}

export function checkPolling(config: SourceConfig, { count, empty, failure }: SourceFeeds): readonly Check[] {
  const about = `source ${config.name}`;
  return [
    ...(failure === null ? [] : [failed(about, failure)]),
    ...empty.map((pattern) => warn(about, `no table that the provider lists comes by the pattern ${patternText(pattern)}`)),
    failure === null || count > 0 ? pollingCheck(about, config, count) : warn(about, 'how often it would be polled is not known'),
  ];
}

function pollingCheck(about: string, config: SourceConfig, feeds: number): Check {
  const poll = pollOf(config);
  if (poll.kind === 'cron') return pass(about, `${counted(feeds, 'feed')} polled by the cron pattern ${poll.pattern}, ${poll.timezone}`);
  const effectiveMs = effectiveIntervalMs(poll, feeds);
  const text = `${counted(feeds, 'feed')} polled every ${spanText(effectiveMs)}`;
  if (effectiveMs <= poll.intervalMs) return pass(about, text);
  return warn(
    about,
    `${text}, and not every ${spanText(poll.intervalMs)}: requestsPerSecond is ${poll.requestsPerSecond}`,
    'Raise `sources[].requestsPerSecond` if the provider bears it, or take it that changes come later.',
  );
}

/** The line of the feed, if it would run, and a line for each thing that is in its way. `topic` = the words for its topic. */
export function checkFeed({ spec, last, prospect }: FeedOutlook, topic: string | null): readonly Check[] {
  const checks = prospect.failures.map((failure) => {
    const answer = answerTo(spec, failure.code);
    return answer === null ? parks(spec.id, failure) : met(spec.id, failure, answer);
  });
  const paused = pausedBy(last);
  if (paused !== null) checks.push(warn(spec.id, `nothing is published: ${paused.message}`, remedyOf(paused.code)));
  if (checks.some(({ verdict }) => verdict === 'fail') || prospect.latest === null) return checks;
  return [pass(spec.id, feedText(spec, prospect, topic)), ...checks];
}

/** What the config says to do, where it is anything else than to wait. */
export function answerTo({ onGap, onRecreate }: FeedSpec, code: string): string | null {
  const isGap = GAPS.some((gap) => gap === code);
  if (isGap && onGap === 'skip') return 'by `onGap: skip` the feed goes on behind it';
  if (isGap && onGap === 'snapshot') return 'by `onGap: snapshot` the feed starts again in a new topic';
  if (code === 'table.recreated' && onRecreate === 'snapshot') return 'by `onRecreate: snapshot` the feed starts again in a new topic';
  return null;
}

function feedText(spec: FeedSpec, { latest, beginning, waiting, schemas, fetched, topic }: Prospect, topicState: string | null): string {
  return [
    `version ${latest?.version ?? '?'}${latest?.at === null || latest === null ? '' : ` of ${timeText(latest.at)}`} is the latest`,
    ...(beginning === null ? [] : [`it ${beginning.kind === 'starts' ? 'starts' : 'goes on'} ${beginningText(beginning)}`]),
    ...(waiting === null ? [] : [`${waitingText(waiting)} waiting`]),
    ...(schemas === null || spec.key.length === 0 ? [] : [`the key is ${schemas.key.join(', ')}`]),
    ...(fetched === null ? ['there is no file to be fetched yet'] : ['a file of it was fetched']),
    ...(topicState === null ? [] : [`topic ${topic} ${topicState}`]),
  ].join('; ');
}

/** `with a snapshot of version 12`, `at version 3 (earliest)`. */
export function beginningText({ kind, asked, position }: Beginning): string {
  const { version, records } = position;
  const what = position.kind === 'snapshot' ? `with a snapshot of version ${version}` : `at version ${version}`;
  if (kind === 'starts') return position.kind === asked ? what : `${what} (${asked})`;
  return `${what}, by its checkpoint${records === 0 ? '' : `, ${counted(records, 'record')} of which are out`}`;
}

/** `1,200 rows in 3 files, 4.5 MB, of 2 versions`. */
export function waitingText({ versions, files, bytes, rows, unlisted }: Waiting): string {
  if (versions === 0) return 'nothing';
  const rowsText = rows === null ? 'rows of unknown number' : counted(rows, 'row');
  const sizes = bytes === null ? 'of unknown size' : sizeText(bytes);
  const more = unlisted === 0 ? '' : ` (the last ${unlisted === 1 ? 'one' : unlisted} not looked at)`;
  return `${rowsText} in ${counted(files, 'file')}, ${sizes}, of ${counted(versions, 'version')}${more}`;
}
