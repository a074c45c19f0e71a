/**
 * `plan`: what `run` would do: topics, rights, schemas, where each feed begins, and what waits there. Nothing is changed by it.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { Failure } from '../model/failure.ts';
import type { FeedId, FeedSpec } from '../model/feed.ts';
import type { Checkpoint } from '../model/position.ts';
import type { Publisher } from '../ports/publisher.ts';
import type { Source } from '../ports/source.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { unseen } from '../relay/prospect.ts';
import { parseArguments, wrong } from './arguments.ts';
import type { Arguments } from './arguments.ts';
import { assembleKafka, assembleRegistry, assembleSource, checkSchedules, siteIn } from './assemble.ts';
import { readCheckpoints } from './checkpoints.ts';
import { answerTo, checkEndpoint } from './doctor-source.ts';
import { failureText } from './exit.ts';
import { openCommandTelemetry } from './kafka-session.ts';
import { begun, feedsOfSource, narrowed, outlooks } from './outlook.ts';
import type { FeedOutlook, Narrowing, SourceFeeds } from './outlook.ts';
import { plain, print, tell } from './output.ts';
import { kafkaCommands, strimziLines } from './plan-kafka.ts';
import { planOf } from './plan-of.ts';
import type { Plan, PlannedSchema } from './plan-of.ts';
import { planLines, planSummary } from './plan-text.ts';
import { fitted, parks, worst } from './report.ts';

const FORMATS = ['text', 'json', 'kafka-acls', 'strimzi'] as const;
type Format = (typeof FORMATS)[number];

/** A person sits before it. */
const PROVIDER_MS = 10_000;
const BROKERS_MS = 15_000;

export async function run(argv: readonly string[], signal: AbortSignal): Promise<number> {
  const options = parseArguments('plan', argv);
  const format = formatOf(options);
  const config = loadConfig(options.required('config'));
  checkSchedules(config);
  const narrowing = narrowed('plan', config, options);
  await using opened = new AsyncDisposableStack();
  const telemetry = openCommandTelemetry(opened);
  // Who makes topics for the relay may sit where its brokers cannot be reached.
  const { plan, failures } = await make(config, narrowing, format === 'kafka-acls' || format === 'strimzi', { opened, telemetry }, signal);
  // A plan for people tells of its feeds' failures itself.
  for (const failure of failures) if (format !== 'text' || !isTold(plan, failure)) tell(failureText(failure));

  const columns = format === 'text' && process.stdout.isTTY ? process.stdout.columns : null;
  for (const line of shown(plan, format, config)) for (const part of fitted(plain(line), columns)) await print(part, signal);
  if (format === 'text') tell(planSummary(plan));
  const folder = options.optional('schemas');
  if (folder !== null) writeSchemas(folder, plan);
  return worst(failures.map((failure) => parks('plan', failure)));
}

function isTold({ feeds }: Plan, { code, message }: Failure): boolean {
  return feeds.some(({ failures }) => failures.some((told) => told.code === code && told.message === message));
}

function formatOf(options: Arguments): Format {
  const asked = options.optional('output');
  const format = asked === null ? (options.isSet('json') ? 'json' : 'text') : (FORMATS.find((known) => known === asked) ?? null);
  if (format === null || (asked !== null && options.isSet('json')))
    throw wrong('plan', `-o is one of ${FORMATS.join(', ')}, and --json is short for -o json`);
  return format;
}

async function make(
  config: Config,
  narrowing: Narrowing,
  mayBeBlind: boolean,
  { opened, telemetry }: { readonly opened: AsyncDisposableStack; readonly telemetry: Telemetry },
  signal: AbortSignal,
): Promise<{ readonly plan: Plan; readonly failures: readonly Failure[] }> {
  const publisher = opened.use(assembleKafka(config, telemetry, { reachTimeoutMs: BROKERS_MS }));
  const registry = assembleRegistry(config, publisher, telemetry);
  const { checkpoints, isReached } = await positions(config, publisher, mayBeBlind, signal);
  const all = begun(config, checkpoints);
  const found: FeedOutlook[] = [];
  const sources = new Map<string, SourceFeeds>();
  const failures: Failure[] = [];
  const names = new Set([...narrowing.feeds, ...narrowing.patterns].map(({ source }) => source));
  const patient = { ...config, limits: { ...config.limits, retryTimeoutMs: PROVIDER_MS } };
  for (const configured of config.sources.filter(({ name }) => names.has(name))) {
    const source = opened.use(await assembleSource(configured, patient, telemetry));
    const away = await refusalOf(source, signal);
    // The topics of feeds by name are known without their provider.
    const blind = { ...narrowing, patterns: away === null ? narrowing.patterns : [] };
    const feeds = await feedsOfSource(config, source, blind, signal);
    sources.set(source.name, feeds);
    const failure = away ?? feeds.failure;
    if (failure !== null) failures.push(failure);
    if (away !== null) found.push(...feeds.feeds.map((spec) => unseenFeed(spec, checkpoints.get(spec.id) ?? null)));
    else for await (const outlook of outlooks(config, source, feeds.feeds, all, signal)) found.push(outlook);
  }
  const plan = await planOf({ config, publisher, isReached, registry, checkpoints, outlooks: found, sources }, signal);
  return { plan, failures: [...failures, ...found.flatMap(stopping)] };
}

/** Without those that the config has an answer to. */
function stopping({ spec, prospect }: FeedOutlook): readonly Failure[] {
  return prospect.failures.filter(({ code }) => answerTo(spec, code) === null);
}

async function refusalOf(source: Source, signal: AbortSignal): Promise<Failure | null> {
  try {
    await checkEndpoint(source, signal);
    return null;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return error;
  }
}

function unseenFeed(spec: FeedSpec, last: Checkpoint | null): FeedOutlook {
  return { spec, last, prospect: unseen(spec, last) };
}

async function positions(
  config: Config,
  publisher: Publisher,
  mayBeBlind: boolean,
  signal: AbortSignal,
): Promise<{ readonly checkpoints: ReadonlyMap<FeedId, Checkpoint>; readonly isReached: boolean }> {
  try {
    await publisher.admin.reach(signal);
  } catch (error) {
    if (!mayBeBlind || !(error instanceof Failure)) throw error;
    tell(`${error.message}\nWhat is in Kafka is not known: this is for a cluster that has nothing of the relay yet.`);
    return { checkpoints: new Map(), isReached: false };
  }
  try {
    return { checkpoints: await readCheckpoints(config, publisher, signal), isReached: true };
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'kafka.unauthorized') throw error;
    tell(`${error.message}\nWhich feeds have begun is not known: this is for a relay that has none.`);
    return { checkpoints: new Map(), isReached: true };
  }
}

function shown(plan: Plan, format: Format, config: Config): readonly string[] {
  const topics = plan.topics.filter(({ exists }) => exists !== true);
  const needs = { topics, rights: plan.rights };
  switch (format) {
    case 'json':
      return [JSON.stringify({ ...plan, commands: kafkaCommands(needs, siteIn(config), config.kafka.topics.create) }, null, 2)];
    case 'kafka-acls':
      return kafkaCommands(needs, siteIn(config), config.kafka.topics.create);
    case 'strimzi':
      return strimziLines(needs, config);
    case 'text':
      return planLines(plan);
  }
}

/** A file for each: `<topic>-value.avsc`. Throws `arguments.invalid` where the folder cannot be written to. */
function writeSchemas(folder: string, { feeds, ledgers }: Plan): void {
  const schemas: readonly PlannedSchema[] = [...feeds.flatMap((feed) => feed.schemas), ...ledgers];
  try {
    mkdirSync(folder, { recursive: true });
    for (const { topic, part, text } of schemas) writeFileSync(join(folder, `${topic}-${part}.avsc`), `${text}\n`);
  } catch (error) {
    throw wrong('plan', `--schemas: the folder ${folder} cannot be written to (${error instanceof Error ? error.message : String(error)})`);
  }
  tell(`${schemas.length} schemas are in ${folder}`);
}
