/**
 * The relay: runs the feeds of the config, each under the claim of the checkpoint partition that it hashes to.
 *
 *   entries that name their table ─► feeds ─┐
 *                                           ├─► which topic is whose ─► by checkpoint partition ─► held, while the group gives it to this replica (crew.ts)
 *   patterns ─► rosters ─► feeds that join ─┘
 *                       └► feeds that leave
 *
 * Every replica has all feeds; which of them it works on, the group says (src/ports/membership.ts). Which feeds there are follows from the config and the listings alone: nothing is kept of what joined.
 */
import { backoffMs } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { Failure } from '../model/failure.ts';
import { patternOf, patternText } from '../model/feed-pattern.ts';
import type { PatternFeed } from '../model/feed-pattern.ts';
import type { FeedId, FeedSpec } from '../model/feed.ts';
import { strangerOf } from '../model/topic-name.ts';
import type { Checkpoint } from '../model/position.ts';
import type { FeedControl } from '../ports/feed-control.ts';
import { checkpointPartition, parseCheckpoint, topicOf } from './checkpoint.ts';
import { checkpointTopic, ensureCheckpointTopic, readPartitions } from './checkpoint-topic.ts';
import { Control } from './control.ts';
import { Crew } from './crew.ts';
import type { CrewOptions } from './crew.ts';
import type { Line } from './line.ts';
import type { Ranks, Roster } from './roster.ts';
import type { Outcome } from './supervisor.ts';
import { Survey } from './survey.ts';
import { TopicContest } from './topic-contest.ts';
import { TopicLedger } from './topic-ledger.ts';

/** So long the feeds of patterns wait for the first listings of all sources: their order decides where two of them would have one topic. */
const FIRST_LISTINGS_MS = 60_000;
/** So long a Kafka that has answered once is asked again: a broker that dies is not the end of a relay that starts. */
const BROKERS_MOVE_MS = 60_000;
const BACKOFF = { firstMs: 200, maxMs: 2_000 };

export interface RelayOptions extends CrewOptions {
  /** Names of all recipients. */
  readonly recipients: readonly string[];
  /** Feeds of entries that name their table, in the order of the file. */
  readonly lines: readonly Line[];
  /** One for each source whose tables come by patterns. */
  readonly rosters: readonly Roster[];
  /** Of a feed that a roster gave. */
  readonly lineOf: (spec: FeedSpec) => Line;
  /** Called when the tables were listed and every partition claimed for the first time, or tried to be. */
  readonly onAttempted: () => void;
  /** Called once, before any partition is claimed. */
  readonly onControl: (control: FeedControl) => void;
}

/**
 * Runs all feeds until each has an outcome (`--until-current`), or the relay is stopped. A source whose tables cannot be listed has outcomes too, one for each of its patterns
 * under `patternText`. Rejects with `checkpoint.*` or `kafka.*` failures of disposition `environment` that no feed can work under, or with `signal.reason`.
 */
export async function runRelay(options: RelayOptions, signal: AbortSignal): Promise<ReadonlyMap<FeedId, Outcome>> {
  const { name, checkpointPartitions, publisher, works, lines, rosters } = options;
  const topic = checkpointTopic(name);
  const exact = new Set(lines.map(({ spec }) => spec.id));
  const patterns = rosters.flatMap((roster) => roster.patterns);
  const isKnown = (feed: FeedId): boolean => exact.has(feed) || patternOf(patterns, feed) !== null;
  const beginning = AbortSignal.any([signal, works.stopping]);
  const prepare = async (): Promise<Opened> => {
    await ensureCheckpointTopic(publisher.admin, topic, checkpointPartitions, works, beginning);
    await works.watch.begin(beginning);
    return openLedger(options, topic, isKnown, beginning);
  };
  const { ledger, orphans } = await whileBrokersMove(prepare, works.clock, beginning);
  const crew = new Crew(options, topic, isKnown, signal);
  const contest = ledger === null ? null : openContest(options, topic, isKnown, crew.scope);
  for (const line of lines) crew.enlist(contest === null ? line : { ...line, contest }, ledger?.admit(line.spec) ?? null);
  crew.join();
  options.onControl(new Control(crew, new Survey({ ...options, topic, clock: works.clock }), orphans, works.telemetry));
  const ended = new AbortController();
  const watching = works.watch.keep(AbortSignal.any([crew.scope, ended.signal])).catch((error: unknown) => {
    if (!ended.signal.aborted) crew.abandon(error);
  });

  const asking = AbortSignal.any([crew.scope, works.stopping]);
  const unlisted = new Map<FeedId, Outcome>();
  try {
    if (ledger !== null && contest !== null) await muster(options, { crew, ledger, contest }, unlisted, asking);
    else await crew.attempted().then(options.onAttempted);
  } catch (error) {
    if (!asking.aborted) crew.abandon(error);
  }
  await crew.ended();
  ended.abort();
  await watching;
  signal.throwIfAborted();
  crew.scope.throwIfAborted();
  return new Map([...crew.outcomes, ...unlisted]);
}

/**
 * Again, where Kafka was there a moment ago, or some brokers have not heard yet of the topic that others made: before the first claim nothing else asks again.
 */
async function whileBrokersMove<T>(prepare: () => Promise<T>, clock: Clock, signal: AbortSignal): Promise<T> {
  const until = clock.now() + BROKERS_MOVE_MS;
  for (let attempt = 0; ; attempt++) {
    try {
      return await prepare();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Failure) || clock.now() > until) throw error;
      if (error.disposition !== 'reclaim' && error.code !== 'topic.missing') throw error;
    }
    await clock.sleep(
      backoffMs(BACKOFF, attempt, BACKOFF.firstMs / 2, () => clock.random()),
      signal,
    );
  }
}

interface Opened {
  /** Null without patterns: the config has seen to it which topic is whose. */
  readonly ledger: TopicLedger | null;
  /** Checkpoints of feeds that the config does not know, without those that only a later relay can read. */
  readonly orphans: readonly Checkpoint[];
}

/** Looks at the partitions that are not claimed at once. With patterns it reads them all: which topic is whose. */
async function openLedger(options: RelayOptions, topic: string, isKnown: (feed: FeedId) => boolean, signal: AbortSignal): Promise<Opened> {
  const { name, publisher, checkpointPartitions, lines, rosters, recipients } = options;
  const claimed = new Set(lines.map(({ spec }) => checkpointPartition(spec.id, checkpointPartitions)));
  const partitions = Array.from({ length: checkpointPartitions }, (_, partition) => partition);
  const wanted = rosters.length > 0 ? partitions : partitions.filter((partition) => !claimed.has(partition));
  const texts = await readPartitions(publisher, topic, wanted, checkpointPartitions, signal);
  const orphans = [...texts].filter(([feed]) => !isKnown(feed)).flatMap(([feed, text]) => readable(feed, text));
  if (rosters.length === 0) return { ledger: null, orphans };
  const checkpoints = new Map([...texts].filter(([feed]) => isKnown(feed)).map(([feed, text]) => [feed, parseCheckpoint(feed, text)]));
  const exact = lines.map(({ spec }) => spec);
  return { ledger: new TopicLedger({ relayName: name, recipients }, checkpoints, exact), orphans };
}

function readable(feed: FeedId, text: string): readonly Checkpoint[] {
  try {
    return [parseCheckpoint(feed, text)];
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return [];
  }
}

function openContest(options: RelayOptions, topic: string, isKnown: (feed: FeedId) => boolean, signal: AbortSignal): TopicContest {
  const exact = new Map(options.lines.map(({ spec }) => [spec.id, spec]));
  const holds = ({ feed, topic: held, generation }: Checkpoint): boolean => {
    const spec = exact.get(feed);
    return isKnown(feed) && (spec === undefined || topicOf(spec.topic, generation) === held);
  };
  return new TopicContest({ ...options, clock: options.works.clock, topic, holds, isExact: (feed) => exact.has(feed), signal });
}

/** Lets the feeds of the first listings join, and then those that come later; with `--until-current` the first listing is all. */
async function muster(
  options: RelayOptions,
  { crew, ledger, contest }: { readonly crew: Crew; readonly ledger: TopicLedger; readonly contest: TopicContest },
  unlisted: Map<FeedId, Outcome>,
  signal: AbortSignal,
): Promise<void> {
  const { rosters, works, onAttempted } = options;
  const ranks = ranksOf(options, crew, ledger, contest);
  const early: { readonly roster: Roster; readonly feed: PatternFeed }[] = [];
  const firsts = rosters.map(async (roster) => {
    const listed = await firstOf(roster, unlisted, signal);
    early.push(...listed.map((feed) => ({ roster, feed })));
    return listed;
  });
  await allOrSoLong(firsts, works.untilCurrent ? Infinity : FIRST_LISTINGS_MS, works, signal);
  for (const { roster, feed } of early.toSorted((a, b) => (a.feed.spec.id < b.feed.spec.id ? -1 : 1))) roster.admit([feed], ranks);
  await Promise.all([
    crew.attempted().then(onAttempted),
    ...rosters.map(async (roster, i) => {
      roster.admit((await firsts[i]) ?? [], ranks);
      if (!works.untilCurrent) await roster.follow(ranks, signal);
    }),
  ]);
}

async function firstOf(roster: Roster, unlisted: Map<FeedId, Outcome>, signal: AbortSignal): Promise<readonly PatternFeed[]> {
  try {
    return (await roster.first(signal)) ?? [];
  } catch (failure) {
    if (!(failure instanceof Failure)) throw failure;
    const kind = failure.disposition === 'retry' ? 'failing' : 'parked';
    for (const pattern of roster.patterns) unlisted.set(patternText(pattern), { kind, failure });
    return [];
  }
}

async function allOrSoLong(all: readonly Promise<unknown>[], ms: number, { clock }: Line['works'], signal: AbortSignal): Promise<void> {
  const settled = new AbortController();
  const wait = clock.sleep(ms, AbortSignal.any([signal, settled.signal])).catch(() => {});
  await Promise.race([Promise.allSettled(all), wait]);
  settled.abort();
  signal.throwIfAborted();
}

function ranksOf({ name, recipients, lineOf, works }: RelayOptions, crew: Crew, ledger: TopicLedger, contest: TopicContest): Ranks {
  const { telemetry } = works;
  return {
    join({ spec: listed, pattern, others }) {
      const spec = ledger.asBegun(listed);
      const { id: feed, topic, recipient } = spec;
      telemetry.log('info', 'table joins', { feed, topic, pattern: patternText(pattern) });
      if (others.length > 0)
        telemetry.log('warn', 'several patterns match the table: the first in the file has it', {
          feed,
          pattern: patternText(pattern),
          others: others.map(patternText),
        });
      const stranger = strangerOf(topic, recipient, { relayName: name, recipients });
      if (stranger !== null) telemetry.log('warn', `another recipient may read the topic by its prefix \`${stranger}.\``, { feed, topic });
      crew.enlist({ ...lineOf(spec), contest, isListed: true }, ledger.admit(spec));
    },
    async leave(spec) {
      telemetry.log('info', 'table vanishes: it is listed no more and unknown to the provider; its checkpoint stays', { feed: spec.id });
      await crew.dismiss(spec);
    },
  };
}
