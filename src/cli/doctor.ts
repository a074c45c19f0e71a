/**
 * `doctor`: what would keep the relay, or a feed, from running, before it does. Each probe is the relay's own question; none of them changes anything.
 *
 *   config ─► machine ─► Kafka ─► registry ─► by source: profile, endpoint, clock, listing ─► by feed: table, start, file, topic, schemas
 */
import type { Profile } from '../../connectors/sources/delta-sharing/profile.ts';
import type { Config, SourceConfig } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { Failure } from '../model/failure.ts';
import type { FeedId } from '../model/feed.ts';
import type { Checkpoint } from '../model/position.ts';
import { openTelemetry } from '../ops/telemetry.ts';
import type { Publisher } from '../ports/publisher.ts';
import type { Source } from '../ports/source.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { parseArguments } from './arguments.ts';
import { assembleKafka, assembleRegistry, assembleSource, checkSchedules, readSourceProfile } from './assemble.ts';
import { readCheckpoints } from './checkpoints.ts';
import { checkCluster, checkTopics } from './doctor-kafka.ts';
import { checkMemory, checkPort } from './doctor-machine.ts';
import { checkRegistry, checkSchemas, ledgerRequest } from './doctor-registry.ts';
import { checkClock, checkEndpoint, checkFeed, checkPolling, checkProfile } from './doctor-source.ts';
import { begun, feedsOfSource, narrowed, outlooks } from './outlook.ts';
import type { Begun, FeedOutlook, Narrowing } from './outlook.ts';
import { print, tell } from './output.ts';
import { VERSION } from './product.ts';
import { checkLines, checked, failed, pass, warn, worst } from './report.ts';
import type { Check, Look } from './report.ts';
import { counted } from './words.ts';

/** How long is waited for what does not answer: a person sits before it. */
export interface Patience {
  readonly brokersMs: number;
  readonly providerMs: number;
}

const PATIENCE: Patience = { brokersMs: 15_000, providerMs: 10_000 };

export async function run(argv: readonly string[], signal: AbortSignal): Promise<number> {
  const options = parseArguments('doctor', argv);
  const config = loadConfig(options.required('config'));
  const narrowing = narrowed('doctor', config, options);
  const isJson = options.isSet('json');
  const look: Look = process.stdout.isTTY
    ? { columns: process.stdout.columns, isColoured: process.stdout.hasColors() }
    : { columns: null, isColoured: false };
  const checks: Check[] = [];
  for await (const check of examine(config, narrowing, PATIENCE, signal)) {
    checks.push(check);
    if (!isJson) for (const line of checkLines(check, look)) await print(line, signal);
  }
  const exit = worst(checks);
  if (isJson) await print(JSON.stringify({ exit, checks: checks.map(told) }, null, 2), signal);
  else tell(summary(checks));
  return exit;
}

/** In the order in which they are found. Rejects with `signal.reason`. */
export async function* examine(config: Config, narrowing: Narrowing, patience: Patience, signal: AbortSignal): AsyncGenerator<Check, void> {
  await using opened = new AsyncDisposableStack();
  const telemetry = openTelemetry({ version: VERSION, log: { level: 'error', format: 'pretty' } });
  opened.defer(() => telemetry.close());
  yield* checkConfig(config);
  yield checkMemory(config);
  yield await checkPort(config, signal);

  const publisher = opened.use(assembleKafka(config, telemetry, { reachTimeoutMs: patience.brokersMs }));
  const registry = assembleRegistry(config, publisher, telemetry);
  const kafka = await checked('kafka', async () => {
    await publisher.admin.reach(signal);
    return checkCluster(config, publisher, signal);
  });
  yield* kafka;
  const isReached = kafka.some(({ verdict, about }) => about === 'kafka' && verdict === 'pass');
  const checkpoints = isReached ? await readPositions(config, publisher, signal) : { known: new Map<FeedId, Checkpoint>(), checks: [] };
  yield* checkpoints.checks;
  const ofRegistry = await checked('registry', () => checkRegistry(config, registry, signal));
  yield* ofRegistry;
  const isRegistered = ofRegistry.every(({ verdict }) => verdict !== 'fail');

  const all = begun(config, checkpoints.known);
  const found: FeedOutlook[] = [];
  const lines: { readonly outlook: FeedOutlook; readonly schemas: readonly Check[] }[] = [];
  for (const source of asked(config, narrowing)) {
    const looked = await openChecked(config, source, patience, telemetry);
    yield* looked.checks;
    if (looked.source === null) continue;
    for await (const step of examineSource(config, source, opened.use(looked.source), { narrowing, all }, signal)) {
      if (step.kind === 'check') yield step.check;
      else {
        found.push(step.outlook);
        const schemas = isRegistered ? await checkSchemas(config, registry, step.outlook, signal) : [];
        // Without Kafka there is nothing to be said of topics, and what is known is told at once.
        if (isReached) lines.push({ outlook: step.outlook, schemas });
        else yield* [...checkFeed(step.outlook, null), ...schemas];
      }
    }
  }
  if (!isReached) return;
  if (config.registry !== null && isRegistered) {
    for (const recipient of new Set(found.map(({ spec }) => spec.recipient)))
      yield* await checked(`ledger of ${recipient}`, async () => {
        await registry.foresee(ledgerRequest(recipient), signal);
        return [];
      });
  }
  try {
    const topics = await checkTopics(config, publisher, registry, found, signal);
    yield* topics.shared;
    for (const { outlook, schemas } of lines) {
      const topic = topics.ofFeed.get(outlook.spec);
      yield* [...checkFeed(outlook, topic?.state ?? null), ...schemas, ...(topic?.checks ?? [])];
    }
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    yield failed('kafka', error);
    for (const { outlook, schemas } of lines) yield* [...checkFeed(outlook, null), ...schemas];
  }
}

function* checkConfig(config: Config): Generator<Check, void> {
  const { path, feeds, patterns, recipients, sources, warnings } = config;
  try {
    checkSchedules(config);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    yield failed('config', error);
  }
  const entries = [
    ...(feeds.length > 0 ? [counted(feeds.length, 'feed')] : []),
    ...(patterns.length > 0 ? [counted(patterns.length, 'pattern')] : []),
  ];
  yield pass(
    'config',
    `${path} has ${entries.join(' and ')} for ${counted(recipients.length, 'recipient')} from ${counted(sources.length, 'source')}`,
  );
  for (const text of warnings) yield warn('config', text);
}

async function readPositions(
  config: Config,
  publisher: Publisher,
  signal: AbortSignal,
): Promise<{ readonly known: ReadonlyMap<FeedId, Checkpoint>; readonly checks: readonly Check[] }> {
  let known: ReadonlyMap<FeedId, Checkpoint> = new Map();
  const checks = await checked('checkpoints', async () => {
    known = await readCheckpoints(config, publisher, signal);
    return [pass('checkpoints', known.size === 0 ? 'no feed has begun' : `${counted(known.size, 'feed')} known by their checkpoints`)];
  });
  return { known, checks };
}

/** Sources with feeds that are asked about. */
function asked(config: Config, { feeds, patterns }: Narrowing): readonly SourceConfig[] {
  const names = new Set([...feeds, ...patterns].map(({ source }) => source));
  return config.sources.filter(({ name }) => names.has(name));
}

async function openChecked(
  config: Config,
  source: SourceConfig,
  patience: Patience,
  telemetry: Telemetry,
): Promise<{ readonly source: Source | null; readonly checks: readonly Check[] }> {
  let profile: Profile | null = null;
  const checks = await checked(`source ${source.name}`, async () => {
    profile = await readSourceProfile(source, config);
    return [checkProfile(source, profile, Date.now())];
  });
  if (profile === null) return { source: null, checks };
  const patient = { ...config, limits: { ...config.limits, retryTimeoutMs: patience.providerMs } };
  return { source: await assembleSource(source, patient, telemetry), checks };
}

type Step = { readonly kind: 'check'; readonly check: Check } | { readonly kind: 'feed'; readonly outlook: FeedOutlook };

async function* examineSource(
  config: Config,
  configured: SourceConfig,
  source: Source,
  { narrowing, all }: { readonly narrowing: Narrowing; readonly all: Begun },
  signal: AbortSignal,
): AsyncGenerator<Step, void> {
  const endpoint = await checked(`source ${source.name}`, () => checkEndpoint(source, signal));
  for (const check of [...endpoint, ...checkClock(source)]) yield { kind: 'check', check };
  if (endpoint.some(({ verdict }) => verdict === 'fail')) {
    const waiting = narrowing.feeds.filter(({ source: name }) => name === source.name);
    if (waiting.length === 0) return;
    const check = warn(`source ${source.name}`, `its ${counted(waiting.length, 'feed')} would wait for it, and were not looked at`);
    yield { kind: 'check', check };
    return;
  }
  const feeds = await feedsOfSource(config, source, narrowing, signal);
  for (const check of checkPolling(configured, feeds)) yield { kind: 'check', check };
  for await (const outlook of outlooks(config, source, feeds.feeds, all, signal)) yield { kind: 'feed', outlook };
}

/** What a program reads of a check. */
function told({ about, verdict, text, remedy, code }: Check): Omit<Check, 'exit'> {
  return { about, verdict, text, remedy, code };
}

function summary(checks: readonly Check[]): string {
  const count = (verdict: Check['verdict']): number => checks.filter((check) => check.verdict === verdict).length;
  const failures = count('fail');
  const warnings = count('warn');
  if (failures === 0 && warnings === 0) return `All ${counted(checks.length, 'probe')} passed.`;
  return `${counted(failures, 'failure')}, ${counted(warnings, 'warning')}, ${counted(count('pass'), 'probe')} passed.`;
}
