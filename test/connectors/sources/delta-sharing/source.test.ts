import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe } from 'vitest';
import { openDecoder } from '../../../../connectors/decoders/parquet.ts';
import { parseProfile } from '../../../../connectors/sources/delta-sharing/profile.ts';
import { openSource, SOURCE_DEFAULTS } from '../../../../connectors/sources/delta-sharing/source.ts';
import type { FaultPlan } from '../../../../src/provider/faults.ts';
import { startProvider } from '../../../../src/provider/provider.ts';
import type { SourceSubject } from '../../../contracts/source.ts';
import { sourceExam } from '../../../contracts/source.ts';
import type { TablesFolder } from '../../../support/unread-table.ts';
import { UNREAD, withUnreadTable } from '../../../support/unread-table.ts';
import { knownTable, knownVectors, tableNamed, TABLES } from './known-tables.ts';
import { quiet } from '../../../support/quiet-telemetry.ts';

const PARQUET = [
  'basics',
  'merges',
  'overwrites',
  'partition_strings',
  'in_commit_timestamps',
  'clustered',
  'wide',
  'add_columns',
  'long_history',
];
/** Of timestamp_ntz, column mapping, wider types: they go in delta format. */
const DELTA = ['types_int64', 'column_mapping_name', 'column_mapping_id', 'odd_names', 'type_widening'];

/** What a network and a provider do in passing: none of it may change an answer. */
const PASSING: FaultPlan = {
  rules: [
    { match: { route: 'version', every: 3 }, do: { kind: 'status', status: 503 } },
    { match: { route: 'metadata', every: 4 }, do: { kind: 'status', status: 429, retryAfter: '1' } },
    { match: { route: 'metadata', every: 5 }, do: { kind: 'cut', fraction: 0.5 } },
    { match: { route: 'list', every: 2 }, do: { kind: 'cut', bytes: 0 } },
    { match: { route: 'changes', every: 3 }, do: { kind: 'cut', fraction: 0.7 } },
    { match: { route: 'changes', every: 4 }, do: { kind: 'no-end' } },
    { match: { route: 'changes', every: 5 }, do: { kind: 'expired-url' } },
    { match: { route: 'query', every: 3 }, do: { kind: 'cut', fraction: 0.7 } },
    { match: { route: 'query', every: 4 }, do: { kind: 'no-end' } },
    { match: { route: 'query', every: 5 }, do: { kind: 'expired-url' } },
    { match: { route: 'changes', every: 7 }, do: { kind: 'error-line', lines: 1, message: 'later', status: 500 } },
    { match: { route: 'file', every: 4, times: 2 }, do: { kind: 'short', fraction: 0.5 } },
    { match: { route: 'file', every: 5 }, do: { kind: 'cut', bytes: 10 } },
    { match: { route: 'file', every: 7 }, do: { kind: 'status', status: 503 } },
  ],
};

const UNSTEADY_CHANGES = { route: 'changes', table: 'local.default.partition_multi' } as const;

/** URLs that are refused, and a second answer that tells less than the first. */
const UNSTEADY: FaultPlan = {
  rules: [
    { match: UNSTEADY_CHANGES, do: { kind: 'expired-url' } },
    { match: { ...UNSTEADY_CHANGES, nth: 2 }, do: { kind: 'stale', versions: 1 } },
  ],
};

let served: TablesFolder;
beforeAll(() => {
  served = withUnreadTable(fileURLToPath(TABLES));
});
afterAll(() => served[Symbol.dispose]());

describe('over the provider of this house', () => {
  sourceExam(async () => ({
    ...(await subjectOver(UNSTEADY, [...PARQUET, ...DELTA])),
    unsteady: { table: tableNamed('partition_multi'), from: 0, to: 7 },
  }));
});

describe('over a provider with passing faults', () => {
  sourceExam(() => subjectOver(PASSING, [...PARQUET, ...DELTA]));
});

describe('over a provider that sends small pages', () => {
  sourceExam(() =>
    subjectOver(
      {
        rules: [
          { match: { route: 'changes' }, do: { kind: 'pages', files: 1 } },
          { match: { route: 'query' }, do: { kind: 'pages', files: 1 } },
        ],
      },
      [...PARQUET, ...DELTA],
    ),
  );
});

describe.each(['reference-1.4', 'reference-1.1', 'databricks'] as const)('over a provider like %s', (like) => {
  // The reference server gives no changes of tables that need a reader feature, and goes by their properties when it is asked for more.
  sourceExam(async () => ({
    ...(await subjectOver({ like, rules: [] }, PARQUET)),
    ...(like !== 'databricks' && { vectors: null, feature: null }),
  }));
});

describe('over an old provider that promises nothing', () => {
  sourceExam(async () => ({
    ...(await subjectOver({ rules: [{ match: {}, do: { kind: 'no-capabilities' } }] }, PARQUET, false)),
    vectors: null,
  }));
});

async function subjectOver(faults: FaultPlan | null, whole: readonly string[], saysFeatures = true): Promise<SourceSubject> {
  const { folder } = served;
  const provider = await startProvider({
    folder,
    port: 0,
    token: 'a-token',
    revealMs: null,
    faults,
    decoder: openDecoder(),
    urlLifetimeMs: 3_600_000,
    now: Date.now,
    log: () => {},
  });
  const source = openSource({
    ...SOURCE_DEFAULTS,
    name: 'house',
    profile: parseProfile(JSON.stringify(provider.profile), 'the profile'),
    retryTimeoutMs: 600_000,
    telemetry: quiet,
    clock: {
      now: Date.now,
      random: () => 0,
      sleep: async (_ms, signal) => {
        signal.throwIfAborted();
      },
    },
    userAgent: 'cdf-relay/test',
  });
  const names = readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
  return {
    source,
    tables: names.map((name) => `local.default.${name}`),
    whole: whole.map(knownTable),
    feedOff: { table: tableNamed('feed_toggled'), from: 3, to: 8, firstBad: 6 },
    fileGone: { table: tableNamed('vacuumed'), version: 2 },
    cleaned: { table: tableNamed('long_history'), first: 20 },
    unsteady: null,
    vectors: knownVectors(),
    feature: { table: tableNamed(UNREAD.table), name: saysFeatures ? UNREAD.feature : '' },
    [Symbol.asyncDispose]: async () => {
      await source[Symbol.asyncDispose]();
      await provider[Symbol.asyncDispose]();
    },
  };
}
