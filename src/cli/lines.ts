/**
 * From a config to what the relay runs: the lines of its feeds, and the rosters of the sources whose tables come by patterns.
 */
import type { Config, SourceConfig } from '../config/config.ts';
import { must } from '../lib/assert.ts';
import { Semaphore } from '../lib/semaphore.ts';
import type { FeedSpec } from '../model/feed.ts';
import type { Source } from '../ports/source.ts';
import type { Line, Works } from '../relay/line.ts';
import { effectiveIntervalMs, waitFor, waitForListing } from '../relay/poll.ts';
import type { Poll, Wait } from '../relay/poll.ts';
import type { RelayOptions } from '../relay/relay.ts';
import { Roster } from '../relay/roster.ts';

interface Paced {
  readonly poll: Poll;
  readonly source: Source;
  readonly wait: Wait;
  readonly share: Semaphore;
  /** How many feeds the source has now. */
  feeds: number;
}

/** `sources` has every source of the config by its name. */
export function linesOf(
  config: Config,
  sources: ReadonlyMap<string, Source>,
  works: Works,
): Pick<RelayOptions, 'lines' | 'lineOf' | 'rosters' | 'onFeeds'> {
  const places = works.atWork.capacity;
  const share = config.sources.length === 1 ? places : Math.ceil(places / 2);
  const paces = new Map(
    config.sources.map((configured): [string, Paced] => {
      const { name } = configured;
      const poll = pollOf(configured);
      const source = must(sources.get(name), `source ${name}`);
      const wait = waitFor(poll, () => paced.feeds, works.clock);
      const paced: Paced = { poll, source, wait, share: new Semaphore(share), feeds: 0 };
      return [name, paced];
    }),
  );
  const paceOf = (source: string): Paced => must(paces.get(source), `the pace of ${source}`);
  const onFeeds = (source: string, feeds: number): void => {
    const paced = paceOf(source);
    paced.feeds = feeds;
    works.telemetry.pollInterval(source, effectiveIntervalMs(paced.poll, feeds) / 1000);
  };
  for (const { name } of config.sources) onFeeds(name, 0);

  const lineOf = (spec: FeedSpec): Line => {
    const { source, wait, share: places } = paceOf(spec.source);
    return { spec, source, wait, share: places, works };
  };
  const exact = new Set(config.feeds.map(({ id }) => id));
  const rosters = [...Map.groupBy(config.patterns, (pattern) => pattern.source)].map(([name, patterns]) => {
    const paced = paceOf(name);
    const wait = waitForListing(paced.poll, () => paced.feeds, works.clock);
    return new Roster({ source: paced.source, patterns, exact, wait, works, retryTimeoutMs: config.limits.retryTimeoutMs });
  });
  return { lines: config.feeds.map(lineOf), lineOf, rosters, onFeeds };
}

/** How the feeds of a source are polled. */
export function pollOf({ poll, requestsPerSecond }: SourceConfig): Poll {
  return poll.kind === 'cron' ? poll : { ...poll, requestsPerSecond };
}
