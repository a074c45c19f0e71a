/**
 * The provider that this group of tests asks: the one of `DELTA_SHARING_PROFILE` (a path, or the profile's JSON), else our own over the fixture tables.
 *
 * `DELTA_SHARING_TABLES`: `share.schema.table`, with commas between; else what the profile lists, the first `TABLES_MAX` of it. `DELTA_SHARING_ALLOW_HOSTS`: hosts
 * in private networks that signed URLs may lead to, with commas between.
 */
import { CAPABILITIES_HEADER } from '../../connectors/sources/delta-sharing/capabilities.ts';
import { Credentials } from '../../connectors/sources/delta-sharing/credentials.ts';
import { openNetwork } from '../../connectors/sources/delta-sharing/network.ts';
import { readProfile } from '../../connectors/sources/delta-sharing/profile.ts';
import { FEATURES_ASKED } from '../../connectors/sources/delta-sharing/reader-features.ts';
import { openSource, SOURCE_DEFAULTS } from '../../connectors/sources/delta-sharing/source.ts';
import { TIMEOUTS } from '../../connectors/sources/delta-sharing/timeouts.ts';
import { must } from '../../src/lib/assert.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { parseTableName } from '../../src/model/version.ts';
import type { TableName } from '../../src/model/version.ts';
import { EVERYTHING } from '../../src/ports/source.ts';
import type { Source } from '../../src/ports/source.ts';
import { isRecord, parseJson } from '../../src/provider/unknown-data.ts';
import type { UnknownRecord } from '../../src/provider/unknown-data.ts';
import { quiet } from '../support/quiet-telemetry.ts';
import { shareTables } from '../support/shared-tables.ts';

export interface LiveProvider extends AsyncDisposable {
  /** Ours, over that provider. */
  readonly source: Source;
  readonly tables: readonly TableName[];
  /** `path` below the endpoint, with the credentials unless `headers` holds others. */
  ask(path: string, call?: RawCall): Promise<RawAnswer>;
  /** `path` below a table, in the formats and with the features that the relay asks for. */
  askTable(table: TableName, path: string, call?: RawCall): Promise<RawAnswer>;
}

export interface RawCall {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Of the capabilities that the relay asks for, another response format. */
  readonly format?: string;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Of a body of JSON lines, or one JSON document; what is none is left out. */
  readonly lines: readonly UnknownRecord[];
}

const TABLES_MAX = 20;
const ANSWER_MS = 60_000;
/** Well below the time of a test. */
const RETRY_MS = 10_000;
/** Enough for every feature that an answer shows, and few enough to be asked in seconds. */
const OWN_TABLES = [
  'basics',
  'add_columns',
  'column_mapping_name',
  'deletion_vectors',
  'feed_toggled',
  'long_history',
  'partition_strings',
];

export async function openLiveProvider(): Promise<LiveProvider> {
  const told = process.env['DELTA_SHARING_PROFILE'] ?? '';
  await using opened = new AsyncDisposableStack();
  const own = told === '' ? opened.use(await shareTables()) : null;
  const profile = await readProfile(own === null ? told : JSON.stringify(own.provider.profile));
  const network = opened.use(
    openNetwork({ endpoint: new URL(profile.endpoint), allowHosts: list('DELTA_SHARING_ALLOW_HOSTS'), tls: null, env: process.env }),
  );
  const closing = new AbortController();
  opened.defer(() => closing.abort());
  const common = { profile, telemetry: quiet, userAgent: 'cdf-relay/test' } as const;
  const source = opened.use(
    openSource({
      ...SOURCE_DEFAULTS,
      ...common,
      name: 'the provider',
      retryTimeoutMs: RETRY_MS,
      clock: systemClock,
      requestsPerSecond: own === null ? SOURCE_DEFAULTS.requestsPerSecond : 10_000,
      allowHosts: list('DELTA_SHARING_ALLOW_HOSTS'),
    }),
  );
  const credentials = new Credentials({
    ...common,
    source: 'the provider',
    retry: { timeoutMs: RETRY_MS, clock: systemClock },
    route: network.toTold,
    timeouts: TIMEOUTS.others,
    closing: closing.signal,
  });
  const ask = async (path: string, { method = 'GET', headers = {}, body }: RawCall = {}): Promise<RawAnswer> => {
    const signal = AbortSignal.timeout(ANSWER_MS);
    const sent = new Headers({ ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers });
    if (!sent.has('authorization')) {
      const { scheme, token } = await credentials.authorization(signal);
      sent.set('authorization', `${scheme} ${token.reveal()}`);
    }
    const asked = { method, headers: sent, redirect: 'manual', signal, ...(body === undefined ? {} : { body }) } as const;
    return read(await fetch(profile.endpoint + path, asked));
  };
  const tables = await chosenTables(source, own !== null);
  const held = opened.move();
  return {
    source,
    tables,
    ask,
    askTable: (table, path, { format = 'delta,parquet', ...call } = {}) => {
      const asked = `responseformat=${format};readerfeatures=${FEATURES_ASKED.join(',')};includeendstreamaction=true`;
      return ask(`${tablePath(table)}${path}`, { ...call, headers: { [CAPABILITIES_HEADER]: asked, ...call.headers } });
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

export function tablePath({ share, schema, table }: TableName): string {
  return `/shares/${encodeURIComponent(share)}/schemas/${encodeURIComponent(schema)}/tables/${encodeURIComponent(table)}`;
}

/** A signed URL as whoever holds it may ask it. */
export async function fetchFile(
  url: string,
  call: RawCall = {},
): Promise<{ readonly status: number; readonly headers: Headers; readonly bytes: Buffer }> {
  const reply = await fetch(url, { method: call.method ?? 'GET', headers: { ...call.headers }, signal: AbortSignal.timeout(ANSWER_MS) });
  return { status: reply.status, headers: reply.headers, bytes: Buffer.from(await reply.arrayBuffer()) };
}

async function chosenTables(source: Source, isOwn: boolean): Promise<readonly TableName[]> {
  const named = list('DELTA_SHARING_TABLES');
  if (isOwn) return OWN_TABLES.map((table) => ({ share: 'local', schema: 'default', table }));
  if (named.length > 0) return named.map((text) => must(parseTableName(text), `${text} as share.schema.table in DELTA_SHARING_TABLES`));
  const found: TableName[] = [];
  for await (const table of source.tables(EVERYTHING, AbortSignal.timeout(ANSWER_MS))) {
    if (found.push(table) === TABLES_MAX) break;
  }
  return found;
}

async function read(reply: Response): Promise<RawAnswer> {
  const text = await reply.text();
  const lines = text
    .split('\n')
    .map(parseJson)
    .filter((line) => isRecord(line));
  return { status: reply.status, headers: reply.headers, lines };
}

function list(variable: string): readonly string[] {
  return (process.env[variable] ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
