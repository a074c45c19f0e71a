/**
 * `run`: the daemon. It wires the parts, starts the relay, and stops it in time.
 */
import { createHash, randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { openPool } from '../codec/pool.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { systemClock } from '../lib/clock.ts';
import { Semaphore } from '../lib/semaphore.ts';
import { Failure } from '../model/failure.ts';
import type { FeedId } from '../model/feed.ts';
import { openTelemetry } from '../ops/telemetry.ts';
import type { OpenTelemetry } from '../ops/telemetry.ts';
import type { Source } from '../ports/source.ts';
import type { Works } from '../relay/line.ts';
import { runRelay } from '../relay/relay.ts';
import type { Outcome } from '../relay/supervisor.ts';
import {
  assembleKafka,
  assembleMembership,
  assembleRegistry,
  assembleRegistryPages,
  assembleSource,
  assembleWatch,
  checkSchedules,
  framingOf,
} from './assemble.ts';
import { OWNER, openFront } from './front.ts';
import type { Progress } from './front.ts';
import { linesOf } from './lines.ts';
import { RELAY, VERSION } from './product.ts';

/** After the signal to stop: what is not finished by then is left to the next run, which loses nothing by it. */
const STOP_MS = 27_000;

/** Runs until stopped, or with `--until-current` until every feed has an outcome. Resolves with the exit code. */
export async function run(argv: readonly string[], signal: AbortSignal): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: { config: { type: 'string', short: 'c' }, 'until-current': { type: 'boolean', default: false } },
  });
  if (values.config === undefined) throw new Failure('arguments.invalid', '`run` needs a config file: `run -c relay.yaml`');
  const config = loadConfig(values.config);
  checkSchedules(config);
  const telemetry = openTelemetry({ version: VERSION, log: config.log });
  config.files.reportTo(telemetry);
  for (const warning of config.warnings) telemetry.log('warn', warning);
  return runWith(config, telemetry, values['until-current'], signal);
}

async function runWith(config: Config, telemetry: OpenTelemetry, untilCurrent: boolean, stopping: AbortSignal): Promise<number> {
  const { limits } = config;
  await using opened = new AsyncDisposableStack();
  opened.defer(() => telemetry.close());
  const sources = new Map<string, Source>();
  for (const source of config.sources) sources.set(source.name, opened.use(await assembleSource(source, config, telemetry)));

  const hard = new AbortController();
  let stoppedAt = 0;
  let deadline: NodeJS.Timeout | null = null;
  stopping.addEventListener('abort', () => {
    stoppedAt = Date.now();
    telemetry.log('info', 'stopping');
    deadline = setTimeout(() => hard.abort(stopping.reason), STOP_MS);
  });
  opened.defer(() => clearTimeout(deadline ?? undefined));

  const progress: Progress = { waitsFor: 'Kafka answers', control: null, workers: null };
  const publisher = opened.use(assembleKafka(config, telemetry));
  const registry = assembleRegistryPages(config, publisher);
  const { http } = opened.use(await openFront(config, { telemetry, registry, progress }, stopping));
  telemetry.log('info', 'looking for Kafka', { brokers: config.kafka.brokers });
  const { brokers } = await publisher.admin.reach(stopping);
  progress.waitsFor = 'its partitions are claimed';
  telemetry.log('info', `${RELAY} starts`, {
    name: config.relay.name,
    brokers,
    http,
    feeds: config.feeds.length,
    ...(config.patterns.length > 0 ? { patterns: config.patterns.length } : {}),
    ...(untilCurrent ? { untilCurrent } : {}),
  });

  const encoder = opened.use(
    openPool({ workers: limits.workers, workerUrl: new URL('../worker.ts', import.meta.url), memoryBytes: limits.memoryBytes }),
  );
  progress.workers = encoder;
  const works: Works = {
    encoder,
    registry: assembleRegistry(config, publisher, telemetry),
    framing: framingOf(config),
    admin: publisher.admin,
    watch: assembleWatch(config, publisher, telemetry),
    topics: config.kafka.topics,
    chunk: { records: limits.chunkRecords, bytes: limits.chunkBytes, timeMs: limits.chunkTimeMs },
    workers: limits.workers,
    memoryBytes: limits.memoryBytes,
    // A feed at work holds the chunk that commits and the one that is prepared; all of them together a quarter of the memory.
    atWork: new Semaphore(Math.max(1, Math.floor(limits.memoryBytes / 4 / (2 * limits.chunkBytes)))),
    fetched: new Semaphore(Math.floor(limits.memoryBytes / 16)),
    telemetry,
    clock: systemClock,
    relay: RELAY,
    untilCurrent,
    stopping,
    stoppingSince: () => stoppedAt,
  };
  telemetry.reads({ of: 'memoryBytes' }, () => limits.memoryBytes);
  telemetry.reads({ of: 'fetchedBytes' }, () => works.fetched.used);
  telemetry.reads({ of: 'fetchedBytesMax' }, () => works.fetched.capacity);
  telemetry.reads({ of: 'feedsAtWork' }, () => works.atWork.used);
  telemetry.reads({ of: 'feedsAtWorkMax' }, () => works.atWork.capacity);
  telemetry.reads({ of: 'workers' }, () => limits.workers);
  telemetry.reads({ of: 'workersBusy' }, () => encoder.busy);
  telemetry.reads({ of: 'workerSeconds' }, () => encoder.busySeconds);
  const outcomes = await runRelay(
    {
      name: config.relay.name,
      checkpointPartitions: config.relay.checkpointPartitions,
      publisher,
      membership: assembleMembership(config, telemetry),
      recipients: config.recipients,
      ...linesOf(config, sources, works),
      works,
      retryTimeoutMs: limits.retryTimeoutMs,
      owner: OWNER,
      nonce: randomUUID,
      // What differs from one replica to the next, as ports do, makes no other deployment.
      configHash: createHash('sha256')
        .update(JSON.stringify([config.feeds, config.patterns]))
        .digest('hex'),
      http,
      onAttempted: () => {
        progress.waitsFor = null;
      },
      onControl: (control) => {
        progress.control = control;
      },
    },
    hard.signal,
  );
  return exitCode(outcomes, telemetry);
}

/** 1 if a feed is parked, else 3 if one was still failing, else 0. */
function exitCode(outcomes: ReadonlyMap<FeedId, Outcome>, telemetry: OpenTelemetry): number {
  const kinds = new Set([...outcomes.values()].map(({ kind }) => kind));
  for (const [feed, outcome] of outcomes) {
    if (outcome.kind === 'parked' || outcome.kind === 'failing') {
      const { code, message, remedy } = outcome.failure;
      telemetry.log('error', outcome.kind === 'parked' ? 'ended parked' : 'ended while still failing', {
        feed,
        code,
        error: message,
        remedy,
      });
    }
  }
  return kinds.has('parked') ? 1 : kinds.has('failing') ? 3 : 0;
}
