/**
 * One fault at one request, for every fault and every request (provider-faults.ts): whatever goes wrong once while a history of fifty versions is relayed, afterwards the
 * topic holds just the rows that it must hold, in the order of a run in which nothing went wrong.
 *
 *   a run in which nothing fails ─► how often each route is asked ─► for each case, route and n: a relay of its own, of whose requests the n-th fails
 *
 * A case says by which reasons the feed may be parked; then the relay is started again, as a person would. Nothing else may hold it up, and no row may be lost, doubled or
 * out of its place.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDecoder } from '../../connectors/decoders/parquet.ts';
import { parseProfile } from '../../connectors/sources/delta-sharing/profile.ts';
import { SOURCE_DEFAULTS, openSource } from '../../connectors/sources/delta-sharing/source.ts';
import { must } from '../../src/lib/assert.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { Start } from '../../src/model/feed.ts';
import type { Source } from '../../src/ports/source.ts';
import type { FaultRule } from '../../src/provider/faults.ts';
import { startProvider } from '../../src/provider/provider.ts';
import type { Provider } from '../../src/provider/provider.ts';
import { checkpointTopic } from '../../src/relay/checkpoint-topic.ts';
import { lineOf } from '../demo/avro-row.ts';
import { quietKafka } from '../demo/consumer.ts';
import type { ReadChange } from '../demo/consumer.ts';
import { reconcile, versionOf } from '../demo/reconcile.ts';
import { InProcess } from '../relay/in-process.ts';
import type { FeedToRun, Relay } from '../relay/in-process.ts';
import { quiet } from '../support/quiet-telemetry.ts';
import { MixedTable } from './mixed-table.ts';
import { FAULT_CASES, rulesAt } from './provider-faults.ts';
import type { Asked, AskedRoute, FaultCase } from './provider-faults.ts';
import { fromSnapshot } from './snapshot-lines.ts';

export interface FaultRun {
  readonly journey: Journey;
  readonly fault: FaultCase;
  readonly route: AskedRoute;
  /** Of the requests of this route, from 1. */
  readonly nth: number;
  readonly asked: Asked;
}

export interface FaultReport {
  readonly runs: number;
  /** Those of which the fault never came. */
  readonly spared: readonly string[];
  /** Of how many the feed was parked, by the code. */
  readonly parked: Readonly<Record<string, number>>;
  readonly lost: number;
  readonly doubled: number;
  readonly disordered: number;
  /** Everything that is not as it must be, a sentence each with the run that it is of. */
  readonly problems: readonly string[];
}

export interface FaultRuns {
  readonly brokers: readonly string[];
  /** Those of all runs that are to be made. */
  readonly choose: (all: readonly FaultRun[]) => readonly FaultRun[];
  readonly say: (line: string) => void;
}

/** What a relay goes through. */
interface Journey {
  readonly name: string;
  readonly start: Start;
  /** The latest version until everything up to it is published; then the table has all of its versions. */
  readonly first: number;
  readonly key: readonly string[];
  /** In a transaction. */
  readonly records: number;
}

const VERSIONS = 50;
const TABLE = 'mixed';
const SEED = 11;
const JOURNEYS: readonly Journey[] = [
  { name: 'all of it from the earliest version', start: { kind: 'earliest' }, first: VERSIONS - 1, key: ['id'], records: 1_000 },
  { name: 'a snapshot of version 29, then the rest', start: { kind: 'snapshot' }, first: 29, key: [], records: 5 },
];
const AT_ONCE = 4;
/** So that answers have several pages. */
const FILES_PER_PAGE = 25;
/** Until a provider that hangs is given up. Whoever else is slow, on a machine that has much to do, is waited for: asked again, it would be told other requests. */
const SILENCE_MS = 700;
const PATIENCE_MS = 60_000;
/** Faults that pass or park for once leave no more to do for the runs after. */
const RUNS_MAX = 5;
/** Between two versions, by the clock of the provider, which is moved on to show them. */
const REVEAL_MS = 3_600_000_000;

export async function failEveryRequest({ brokers, choose, say }: FaultRuns): Promise<FaultReport> {
  const folder = await mkdtemp(join(tmpdir(), 'cdf-relay-faults-'));
  const stage = new InProcess(brokers);
  const admin = quietKafka(brokers, 'sweeper').admin();
  await admin.connect();
  try {
    const table = new MixedTable(folder, TABLE, SEED);
    while (table.latest < VERSIONS - 1) await table.grow();
    const travel = async (journey: Journey, rules: readonly FaultRule[]): Promise<Travelled> => {
      const relay = stage.another();
      try {
        return await travelled(relay, folder, table, journey, rules);
      } finally {
        for (const topic of [relay.topic(TABLE), relay.schemasTopic, checkpointTopic(relay.name)])
          await admin.deleteTopics({ topics: [topic] }).catch(() => {});
      }
    };
    const calm = new Map<Journey, Travelled>();
    for (const journey of JOURNEYS) {
      const one = await travel(journey, []);
      if (one.problems.length > 0) throw new Error(`with no fault at all: ${one.problems.join('; ')}`);
      calm.set(journey, one);
      say(
        `${journey.name}: ${one.read.length} records, ${[...one.asked].map(([route, { requests }]) => `${requests} ${route}`).join(', ')}`,
      );
    }
    const all = [...calm].flatMap(([journey, { asked }]) => runsOf(journey, asked));
    const chosen = choose(all);
    say(`${chosen.length} of ${all.length} runs`);
    return await report(chosen, say, async ({ journey, fault, route, nth, asked }) => {
      const orderly = must(calm.get(journey), 'the run without a fault').read;
      const one = await travel(journey, rulesAt(fault, route, nth, asked));
      return { ...one, problems: [...one.problems, ...otherOrder(fault, orderly, one.read)] };
    });
  } finally {
    await admin.disconnect();
    await stage[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  }
}

export function runText({ journey, fault, route, nth }: FaultRun): string {
  return `${fault.name} at ${route} ${nth}, ${journey.name}`;
}

function runsOf(journey: Journey, asked: ReadonlyMap<AskedRoute, Asked>): readonly FaultRun[] {
  return FAULT_CASES.flatMap((fault) =>
    fault.routes.flatMap((route) => {
      const how = asked.get(route);
      if (how === undefined) return [];
      const length = fault.strikes === 'always' ? 1 : how.requests;
      return Array.from({ length }, (_, before): FaultRun => ({ journey, fault, route, nth: before + 1, asked: how }));
    }),
  );
}

interface Travelled {
  readonly read: readonly ReadChange[];
  /** Reasons for which the feed was parked on the way. */
  readonly parked: readonly string[];
  readonly lost: number;
  readonly doubled: number;
  readonly disordered: number;
  readonly struck: boolean;
  readonly asked: ReadonlyMap<AskedRoute, Asked>;
  readonly problems: readonly string[];
}

/** The journey to its end, with whatever restarts it takes. */
async function travelled(
  relay: Relay,
  folder: string,
  table: MixedTable,
  journey: Journey,
  rules: readonly FaultRule[],
): Promise<Travelled> {
  const shown = { ms: 0 };
  const now = (): number => Date.now() + shown.ms;
  await using provider = await provide(folder, now, rules);
  await using source = sourceOver(provider, now, rules.some((rule) => rule.do.kind === 'hang') ? SILENCE_MS : PATIENCE_MS);
  shown.ms = journey.first * REVEAL_MS;
  const { key, start, records } = journey;
  const feed: FeedToRun = { table: TABLE, key, start };
  const parked: string[] = [];
  let isWhole = false;
  for (let run = 0; run < RUNS_MAX && !isWhole; run++) {
    const { [TABLE]: outcome = 'none' } = await relay.outcomes({ source, feeds: [feed], chunk: { records } });
    if (outcome !== 'done') {
      parked.push(outcome);
    } else if ((await relay.checkpoint(TABLE)).position.version * REVEAL_MS > shown.ms) {
      isWhole = shown.ms === (VERSIONS - 1) * REVEAL_MS;
      shown.ms = (VERSIONS - 1) * REVEAL_MS;
    }
  }
  const read = await relay.changes(relay.topic(TABLE));
  const expected = expectedOf(table, journey, (await relay.checkpoint(TABLE)).start.version ?? 0);
  const { lost, doubled, disorder } = reconcile(expected, read);
  return {
    read,
    parked,
    lost: lost.length,
    doubled: doubled.length,
    disordered: disorder.length,
    struck: provider.requests.some(({ faults }) => faults.some((kind) => kind === rules.at(-1)?.do.kind)),
    asked: askedOf(provider),
    problems: [
      ...(isWhole ? [] : [`it does not come to its end: ${parked.join('; ')}`]),
      ...several('lost', lost),
      ...several('doubled', doubled),
      ...several('out of order:', disorder),
    ],
  };
}

function several(what: string, items: readonly string[]): readonly string[] {
  return items.length === 0 ? [] : [`${what} ${items[0] ?? ''}${items.length === 1 ? '' : `, and ${items.length - 1} more`}`];
}

async function provide(folder: string, now: () => number, rules: readonly FaultRule[]): Promise<Provider> {
  return startProvider({
    folder,
    port: 0,
    token: 'a-token',
    revealMs: REVEAL_MS,
    faults: { rules: [...rules, { match: { route: 'changes' }, do: { kind: 'pages', files: FILES_PER_PAGE } }] },
    decoder: openDecoder(),
    urlLifetimeMs: 600_000,
    now,
    log: () => {},
  });
}

function sourceOver(provider: Provider, now: () => number, silenceMs: number): Source {
  const silence = { headersMs: silenceMs, stallMs: silenceMs, graceMs: 10 * silenceMs };
  return openSource({
    ...SOURCE_DEFAULTS,
    name: 'acme',
    profile: parseProfile(JSON.stringify(provider.profile), 'the profile'),
    requestsPerSecond: 1_000,
    retryTimeoutMs: 20_000,
    telemetry: quiet,
    clock: { ...systemClock, now, sleep: () => Promise.resolve() },
    userAgent: 'cdf-relay/test',
    timeouts: { changes: silence, others: silence, files: silence },
  });
}

function askedOf({ requests }: Provider): Travelled['asked'] {
  const asked = new Map<AskedRoute, Asked>();
  for (const { route, path } of requests) {
    if (route === null || route === 'list') continue;
    const before = asked.get(route) ?? { requests: 0, pages: 1 };
    // One listing of a journey has pages at most.
    asked.set(route, { requests: before.requests + 1, pages: before.pages + (path.includes('pageToken=') ? 1 : 0) });
  }
  return asked;
}

function expectedOf(table: MixedTable, { start }: Journey, version: number): readonly string[] {
  if (start.kind !== 'snapshot') return table.lines;
  const timestamp = table.lines.some((line) => versionOf(line) === version) ? table.timestampAt(version) : null;
  return fromSnapshot(table.lines, { version, timestamp, columns: table.columnsAt(version) });
}

/** Which partition a feed without a key takes depends on its name. Another order is right only where the provider gives the files other ids, or the snapshot is of another version. */
function otherOrder(fault: FaultCase, orderly: readonly ReadChange[], read: readonly ReadChange[]): readonly string[] {
  if (REORDERING.includes(fault.do.kind)) return [];
  const byPartition = (changes: readonly ReadChange[]): readonly string[] =>
    changes.toSorted((a, b) => a.partition - b.partition).map(lineOf);
  const lines = byPartition(read);
  const at = byPartition(orderly).findIndex((line, index) => line !== lines[index]);
  return at === -1 ? [] : [`another order than without a fault, from record ${at} on`];
}

const REORDERING: readonly string[] = ['stale', 'md5-ids', 'no-capabilities'];

async function report(
  chosen: readonly FaultRun[],
  say: (line: string) => void,
  make: (run: FaultRun) => Promise<Travelled>,
): Promise<FaultReport> {
  const problems: string[] = [];
  const parked = new Map<string, number>();
  const spared: string[] = [];
  const sums = { lost: 0, doubled: 0, disordered: 0 };
  let made = 0;
  const waiting = chosen.values();
  const work = async (): Promise<void> => {
    for (const run of waiting) {
      try {
        const one = await make(run);
        problems.push(...[...one.problems, ...wrongParks(run.fault, one.parked)].map((problem) => `${runText(run)}: ${problem}`));
        for (const reason of one.parked.map(codeOf)) parked.set(reason, (parked.get(reason) ?? 0) + 1);
        if (!one.struck) spared.push(runText(run));
        sums.lost += one.lost;
        sums.doubled += one.doubled;
        sums.disordered += one.disordered;
      } catch (error) {
        problems.push(`${runText(run)}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      }
      if (++made % 100 === 0) say(`${made} of ${chosen.length} runs, ${problems.length} problems`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { runs: made, spared, ...sums, parked: Object.fromEntries(parked), problems };
}

function wrongParks({ parks }: FaultCase, parked: readonly string[]): readonly string[] {
  const isKnown = (reason: string): boolean => reason.startsWith('parked ') && parks.some((code) => code === codeOf(reason));
  return [...parked.filter((reason) => !isKnown(reason)), ...(parked.length > 1 ? [`held up ${parked.length} times`] : [])];
}

/** Of `parked provider.refused: …`. */
function codeOf(reason: string): string {
  return /^\w+ ([^:]+)/.exec(reason)?.[1] ?? reason;
}
