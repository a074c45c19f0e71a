/**
 * A provider for a test, with a clock that the test moves, and requests as they are on the wire.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDecoder } from '../../connectors/decoders/parquet.ts';
import type { FaultPlan } from '../../src/provider/faults.ts';
import { startProvider } from '../../src/provider/provider.ts';
import type { Provider } from '../../src/provider/provider.ts';
import { isRecord } from '../../src/provider/unknown-data.ts';
import type { UnknownRecord } from '../../src/provider/unknown-data.ts';

export const TABLES = new URL('../fixtures/tables/', import.meta.url).pathname;
export const TOKEN = 'a-token';
/** All that the provider can serve. */
export const EVERYTHING =
  'responseformat=delta;readerfeatures=deletionvectors,columnmapping,timestampntz,typewidening,v2checkpoint;includeendstreamaction=true';

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  /** Whether the connection broke before the answer was whole. */
  readonly isBroken: boolean;
}

export interface Call {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface TestProvider extends AsyncDisposable {
  readonly provider: Provider;
  readonly clock: { ms: number };
  readonly logged: readonly string[];
  /** `path` below the endpoint, with the token. */
  ask(path: string, call?: Call): Promise<Reply>;
  /** `path` below the table `name` of the share `local`. */
  askTable(name: string, path: string, capabilities?: string): Promise<Reply>;
}

export interface TestOptions {
  readonly folder?: string;
  readonly revealMs?: number;
  readonly faults?: FaultPlan;
  readonly urlLifetimeMs?: number;
}

export async function open(options: TestOptions = {}): Promise<TestProvider> {
  const clock = { ms: Date.UTC(2026, 10, 21) };
  const logged: string[] = [];
  const provider = await startProvider({
    folder: options.folder ?? TABLES,
    port: 0,
    token: TOKEN,
    revealMs: options.revealMs ?? null,
    faults: options.faults ?? null,
    decoder: openDecoder(),
    urlLifetimeMs: options.urlLifetimeMs ?? 3_600_000,
    now: () => clock.ms,
    log: (line) => logged.push(line),
  });
  const ask = (path: string, call: Call = {}): Promise<Reply> =>
    exchange(provider.endpoint + path, { ...call, headers: { authorization: `Bearer ${TOKEN}`, ...call.headers } });
  return {
    provider,
    clock,
    logged,
    ask,
    askTable: (name, path, capabilities = EVERYTHING) =>
      ask(`/shares/local/schemas/default/tables/${name}/${path}`, { headers: { 'delta-sharing-capabilities': capabilities } }),
    [Symbol.asyncDispose]: () => provider[Symbol.asyncDispose](),
  };
}

/** One request exactly as given: no redirect, no decoding, no normalised path. */
export function exchange(url: string, call: Call = {}): Promise<Reply> {
  const [, origin = '', path = ''] = /^(http:\/\/[^/]+)(.*)$/.exec(url) ?? [];
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ hostname, port, path, method: call.method ?? 'GET', headers: { ...call.headers } }, (response) => {
      const parts: Buffer[] = [];
      const done = (isBroken: boolean): void =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, bytes: Buffer.concat(parts), isBroken });
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => done(!response.complete));
      response.on('error', () => done(true));
    });
    sent.on('error', reject);
    sent.end(call.body);
  });
}

export function text(reply: Reply): string {
  return reply.bytes.toString('utf8');
}

/** The lines of an answer, parsed. */
export function lines(reply: Reply): readonly UnknownRecord[] {
  return text(reply)
    .split('\n')
    .filter((line) => line !== '')
    .map(json);
}

export function json(content: string): UnknownRecord {
  const value: unknown = JSON.parse(content);
  if (!isRecord(value)) throw new Error('not a JSON object');
  return value;
}

/** A field of a field of a field; undefined where one is missing. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce((inner: unknown, key) => (isRecord(inner) ? inner[key] : undefined), value);
}

/** The text that stands there, or an empty one. */
export function textAt(value: unknown, ...path: readonly string[]): string {
  const found = at(value, ...path);
  return typeof found === 'string' ? found : '';
}

export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string;
}

export async function temporaryFolder(): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), 'provider-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

export const PROTOCOL = { protocol: { minReaderVersion: 1, minWriterVersion: 4 } } as const;

export function metadata(
  id = 'table-1',
  configuration: Readonly<Record<string, string>> = { 'delta.enableChangeDataFeed': 'true' },
): unknown {
  const schemaString = '{"type":"struct","fields":[{"name":"id","type":"long","nullable":true,"metadata":{}}]}';
  return {
    metaData: {
      id,
      format: { provider: 'parquet', options: {} },
      schemaString,
      partitionColumns: [],
      configuration,
      createdTime: 1_700_000_000_000,
    },
  };
}

export function add(path: string): unknown {
  return { add: { path, partitionValues: {}, size: 100, modificationTime: 1_700_000_000_000, dataChange: true } };
}

/** Writes one commit of a table by hand. Its time is one minute per version, unless `actions` hold a commitInfo of their own. */
export async function commit(folder: string, version: number, actions: readonly unknown[]): Promise<void> {
  await mkdir(join(folder, '_delta_log'), { recursive: true });
  const info = { commitInfo: { timestamp: 1_700_000_000_000 + version * 60_000 } };
  const all = actions.some((action) => at(action, 'commitInfo') !== undefined) ? actions : [info, ...actions];
  await writeFile(
    join(folder, '_delta_log', `${String(version).padStart(20, '0')}.json`),
    all.map((action) => `${JSON.stringify(action)}\n`).join(''),
  );
}
