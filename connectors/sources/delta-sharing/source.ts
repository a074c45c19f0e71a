/**
 * A provider that speaks the open Delta Sharing protocol, as a `Source` (src/ports/source.ts). Everything that leaves this room is parsed and checked.
 */
import type { LookupFunction } from 'node:net';
import type { Clock } from '../../../src/lib/clock.ts';
import { Semaphore } from '../../../src/lib/semaphore.ts';
import type { Tls } from '../../../src/model/certificates.ts';
import { Failure } from '../../../src/model/failure.ts';
import type { TableName } from '../../../src/model/version.ts';
import { tableText } from '../../../src/model/version.ts';
import type { ChangeListing, ListedAs, Source } from '../../../src/ports/source.ts';
import type { Telemetry } from '../../../src/ports/telemetry.ts';
import type { Changes } from './changes.ts';
import { askForChanges } from './changes.ts';
import { Client } from './client.ts';
import { Credentials } from './credentials.ts';
import { differenceInWay } from './differences.ts';
import { unlessElsewhere } from './elsewhere.ts';
import { listingOf } from './listing.ts';
import { askForMetadata } from './metadata.ts';
import { openNetwork } from './network.ts';
import type { Profile } from './profile.ts';
import { changesDoing, snapshotDoing, versionQuestion } from './questions.ts';
import { allTables } from './shares.ts';
import { askForSnapshot } from './snapshot.ts';
import type { SourceTimeouts } from './timeouts.ts';
import { TIMEOUTS } from './timeouts.ts';
import { instantsIn } from './zoned.ts';
import { askForVersionAt } from './version-at.ts';

export interface SourceOptions {
  /** As the config names it. */
  readonly name: string;
  readonly profile: Profile;
  /** How long one call tries again what passes by itself. */
  readonly retryTimeoutMs: number;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly userAgent: string;
  /** What the process aims to stay under: one answer may take a quarter of it, and so may one file. */
  readonly memoryBytes: number;
  /** Questions to the provider's API, of all feeds together, on average; files are not counted. */
  readonly requestsPerSecond: number;
  /** Host names, addresses and blocks outside the open Internet that signed URLs and token endpoints may lead to. */
  readonly allowHosts: readonly string[];
  /** Certificates for the provider; null: as Node does it by itself. */
  readonly tls: Tls | null;
  /** IANA name: of timestamps of partitions that have no zone of their own. */
  readonly partitionTimeZone: string;
  /** How names are resolved; left out outside tests. */
  readonly lookup?: LookupFunction;
  /** How long a silent connection is waited for; left out outside tests. */
  readonly timeouts?: SourceTimeouts;
}

/** For whoever has no config: a person who asks by hand, and waits. */
export const SOURCE_DEFAULTS = {
  memoryBytes: 512 * 2 ** 20,
  requestsPerSecond: 20,
  allowHosts: [],
  tls: null,
  partitionTimeZone: 'UTC',
} as const satisfies Partial<SourceOptions>;

const FILES_AT_ONCE = 16;
/** Of what one answer may take, however little memory there is. */
const ANSWER_BYTES_LEAST = 33_554_432;

/** Opens without asking the provider anything. */
export function openSource(options: SourceOptions): Source {
  const { name, profile, telemetry, clock, userAgent } = options;
  const timeouts = options.timeouts ?? TIMEOUTS;
  const onRetry = (failure: Failure): void => telemetry.retried(name, failure);
  const retry = { timeoutMs: options.retryTimeoutMs, clock, onRetry };
  const slots = new Semaphore(FILES_AT_ONCE);
  const open = new AbortController();
  const network = openNetwork({
    endpoint: new URL(profile.endpoint),
    allowHosts: options.allowHosts,
    tls: options.tls,
    env: process.env,
    ...(options.lookup === undefined ? {} : { lookup: options.lookup }),
  });
  const credentials = new Credentials({
    source: name,
    profile,
    retry,
    route: network.toTold,
    timeouts: timeouts.others,
    userAgent,
    telemetry,
    closing: open.signal,
  });
  const client = new Client({
    source: name,
    credentials,
    route: network.toEndpoint,
    requestsPerSecond: options.requestsPerSecond,
    toInstant: instantsIn(options.partitionTimeZone),
    answerBytesMax: Math.max(ANSWER_BYTES_LEAST, options.memoryBytes / 4),
    retry,
    timeouts,
    telemetry,
    userAgent,
  });

  /** `askAgain` asks the same question in the way that it was answered in. */
  const listed = (
    table: TableName,
    listedAs: ListedAs | null,
    changes: Changes,
    doing: string,
    askAgain: (listedAs: ListedAs) => Promise<Changes>,
  ): ChangeListing => {
    const { responseFormat, idHash } = changes.range;
    const difference = listedAs === null ? null : differenceInWay(listedAs, changes.range);
    if (difference !== null) throw new Failure('plan.changed', `${doing}: ${difference}`);
    return listingOf({
      what: `${name}'s ${tableText(table)}`,
      changes,
      askAgain: async () => askAgain({ responseFormat, idHash }),
      storage: { route: network.toTold, bytesMax: options.memoryBytes / 4, timeouts: timeouts.files, clock, userAgent },
      retry,
      slots,
    });
  };

  return {
    name,
    endpoint: profile.endpoint,

    tables: (scope, signal) => allTables(client, scope, signal),

    latestVersion: async (table, signal) =>
      unlessElsewhere(client, table, async () => client.ask(versionQuestion(client, table), signal), signal),

    metadata: async (table, version, signal) => {
      const answer = await askForMetadata(client, table, version, signal);
      const { tableId, schema, changeFeed } = answer.metaData;
      return { tableId, version: answer.version, schema, responseFormat: answer.format, changeFeed };
    },

    versionAt: async (table, at, signal) => askForVersionAt(client, table, at, signal),

    snapshot: async (table, request, signal) => {
      const snapshot = await askForSnapshot(client, table, request, signal);
      const { from: version } = snapshot.range;
      return listed(table, request.listedAs, snapshot, snapshotDoing(client, table, version), async (listedAs) =>
        askForSnapshot(client, table, { version, listedAs }, open.signal),
      );
    },

    changes: async (table, request, signal) => {
      const changes = await askForChanges(client, table, request, signal);
      return listed(table, request.listedAs, changes, changesDoing(client, table, request), async (listedAs) =>
        askForChanges(client, table, { ...request, listedAs, patience: 'whole' }, open.signal),
      );
    },

    credentialRenewed: (signal) => credentials.changed(AbortSignal.any([signal, open.signal])),

    clockAheadMs: () => client.clockAheadMs,

    [Symbol.asyncDispose]: async () => {
      open.abort(new Error(`source ${name} is closed`));
      await network[Symbol.asyncDispose]();
    },
  };
}
