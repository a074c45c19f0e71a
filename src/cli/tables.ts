/**
 * `tables`: what a profile gives: every table with its latest version, whether the provider says that it has a change feed, and its columns.
 */
import { readProfile } from '../../connectors/sources/delta-sharing/profile.ts';
import { openSource, SOURCE_DEFAULTS } from '../../connectors/sources/delta-sharing/source.ts';
import { systemClock } from '../lib/clock.ts';
import { prefetch } from '../lib/prefetch.ts';
import { Failure } from '../model/failure.ts';
import { typeText } from '../model/table-schema.ts';
import type { TableName, Version } from '../model/version.ts';
import { tableText } from '../model/version.ts';
import { EVERYTHING } from '../ports/source.ts';
import type { Source, TableMetadata } from '../ports/source.ts';
import { parseArguments } from './arguments.ts';
import { RELAY } from './product.ts';
import { openCommandTelemetry } from './kafka-session.ts';
import { print, tell } from './output.ts';

const RETRY_MS = 30_000;
/** Tables asked about at once. */
const WIDTH = 4;

export async function run(argv: readonly string[], signal: AbortSignal): Promise<number> {
  const options = parseArguments('tables', argv);
  const profile = await readProfile(options.positional(0));
  await using opened = new AsyncDisposableStack();
  const telemetry = openCommandTelemetry(opened);
  const source = opened.use(
    openSource({
      ...SOURCE_DEFAULTS,
      allowHosts: options.hosts('allow-host'),
      name: 'the provider',
      profile,
      retryTimeoutMs: RETRY_MS,
      telemetry,
      clock: systemClock,
      userAgent: RELAY,
    }),
  );
  let count = 0;
  for await (const row of prefetch(source.tables(EVERYTHING, signal), WIDTH, (table) => describe(source, table, signal))) {
    count++;
    if (options.isSet('json')) await print(JSON.stringify(row), signal);
    else for (const line of tableLines(row)) await print(line, signal);
  }
  tell(count === 0 ? 'The profile gives no table: ask the provider to share one.' : `${count} tables at ${source.endpoint}`);
  return 0;
}

export interface DescribedTable {
  readonly table: string;
  readonly version: Version | null;
  /** As the provider says; null where it does not. Only a request for changes proves it. */
  readonly changeFeed: boolean | null;
  readonly columns: readonly DescribedColumn[];
  /** Why the relay cannot read the table. */
  readonly problem: { readonly code: string; readonly message: string; readonly remedy: string } | null;
}

interface DescribedColumn {
  readonly name: string;
  readonly type: string;
  readonly nullable: boolean;
  readonly isPartition: boolean;
}

/** What a person sees of a table. */
export function tableLines({ table, version, changeFeed, columns, problem }: DescribedTable): readonly string[] {
  const at = version === null ? '' : `  version ${version}`;
  if (problem !== null) return [`${table}${at}`, ...failureLines(problem)];
  const width = Math.max(0, ...columns.map(({ name }) => name.length));
  return [
    `${table}${at}  ${feedText(changeFeed)}`,
    ...columns.map(({ name, type, nullable, isPartition }) => {
      const remarks = [...(isPartition ? ['partition'] : []), ...(nullable ? [] : ['not null'])];
      return `  ${name.padEnd(width)}  ${type}${remarks.length === 0 ? '' : `  (${remarks.join(', ')})`}`;
    }),
  ];
}

function feedText(changeFeed: boolean | null): string {
  switch (changeFeed) {
    case true:
      return 'change feed on, the provider says';
    case false:
      return 'change feed off, the provider says';
    case null:
      return 'change feed: the provider does not say';
  }
}

function failureLines({ message, remedy }: NonNullable<DescribedTable['problem']>): readonly string[] {
  return [`  ${message}`, `  → ${remedy}`];
}

async function describe(source: Source, table: TableName, signal: AbortSignal): Promise<DescribedTable> {
  const name = tableText(table);
  try {
    const metadata = await source.metadata(table, null, signal);
    const version = metadata.version ?? (await source.latestVersion(table, signal));
    return { table: name, version, changeFeed: metadata.changeFeed, columns: columnsOf(metadata), problem: null };
  } catch (error) {
    if (!(error instanceof Failure) || !isOfTheTable(error)) throw error;
    const { code, message, remedy } = error;
    return { table: name, version: null, changeFeed: null, columns: [], problem: { code, message, remedy } };
  }
}

/** Whether the other tables may be readable all the same. */
function isOfTheTable(failure: Failure): boolean {
  return failure.code !== 'provider.unreachable' && failure.code !== 'provider.unauthorized';
}

function columnsOf({ schema }: TableMetadata): readonly DescribedColumn[] {
  return schema.columns.map(({ name, type, nullable }) => ({
    name,
    type: typeText(type),
    nullable,
    isPartition: schema.partitionColumns.includes(name),
  }));
}
