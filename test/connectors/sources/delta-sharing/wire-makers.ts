/**
 * Lines as the reference server writes them, and a source that asks the scripted server.
 */
import type { LookupFunction } from 'node:net';
import { quiet } from '../../../support/quiet-telemetry.ts';
import type { Profile } from '../../../../connectors/sources/delta-sharing/profile.ts';
import { parseProfile } from '../../../../connectors/sources/delta-sharing/profile.ts';
import { openSource } from '../../../../connectors/sources/delta-sharing/source.ts';
import type { SourceTimeouts } from '../../../../connectors/sources/delta-sharing/timeouts.ts';
import { TIMEOUTS } from '../../../../connectors/sources/delta-sharing/timeouts.ts';
import type { TableName } from '../../../../src/model/version.ts';
import type { Source } from '../../../../src/ports/source.ts';
import type { ScriptedServer } from './scripted-server.ts';

export const TOKEN = 'tOkEn-that-nobody-sees';
export const TABLE: TableName = { share: 's', schema: 'd', table: 't' };
const TABLE_PATH = '/api/shares/s/schemas/d/tables/t';
export const CHANGES = `${TABLE_PATH}/changes`;
export const METADATA = `${TABLE_PATH}/metadata`;
export const VERSION = `${TABLE_PATH}/version`;
export const QUERY = `${TABLE_PATH}/query`;

export const NEVER = new AbortController().signal;

export const PARQUET = { 'delta-sharing-capabilities': 'responseformat=parquet;includeendstreamaction=true' };
export const DELTA = { 'delta-sharing-capabilities': 'responseformat=delta;includeendstreamaction=true' };

export function schemaString(...columns: readonly (readonly [string, unknown])[]): string {
  return JSON.stringify({ type: 'struct', fields: columns.map(([name, type]) => ({ name, type, nullable: true, metadata: {} })) });
}

const ID_LONG = schemaString(['id', 'long']);

export const PROTOCOL = { protocol: { minReaderVersion: 1 } };
export const END = { endStreamAction: {} };

export function metaData(version: number | null, more: Readonly<Record<string, unknown>> = {}): object {
  return {
    metaData: {
      id: 'table-1',
      format: { provider: 'parquet' },
      schemaString: ID_LONG,
      configuration: { enableChangeDataFeed: 'true' },
      partitionColumns: [],
      ...(version === null ? {} : { version }),
      ...more,
    },
  };
}

/** A parquet-format file action. Its URL carries a signature that must appear nowhere. */
export function file(kind: 'add' | 'cdf' | 'remove', version: number, id: string, more: Readonly<Record<string, unknown>> = {}): object {
  return {
    [kind]: {
      url: `http://127.0.0.1:9/${id}?sig=SIGNATURE`,
      id,
      partitionValues: {},
      size: 4,
      version,
      timestamp: 1000 + version,
      ...more,
    },
  };
}

/** A parquet-format file of a snapshot. */
export function snapshotFile(id: string, more: Readonly<Record<string, unknown>> = {}): object {
  return { file: { url: `http://127.0.0.1:9/${id}?sig=SIGNATURE`, id, partitionValues: {}, size: 4, ...more } };
}

export function deltaProtocol(protocol: Readonly<Record<string, unknown>> = {}, version?: number): object {
  return {
    protocol: { ...(version === undefined ? {} : { version }), deltaProtocol: { minReaderVersion: 1, minWriterVersion: 7, ...protocol } },
  };
}

export function deltaMetaData(version: number | null, more: Readonly<Record<string, unknown>> = {}): object {
  const deltaMetadata = {
    id: 'table-1',
    format: { provider: 'parquet', options: {} },
    schemaString: ID_LONG,
    partitionColumns: [],
    configuration: { 'delta.enableChangeDataFeed': 'true' },
    createdTime: 1,
    ...more,
  };
  return { metaData: { deltaMetadata, ...(version === null ? {} : { version }) } };
}

export function deltaFile(
  kind: 'add' | 'cdc' | 'remove',
  version: number,
  id: string,
  action: Readonly<Record<string, unknown>> = {},
): object {
  const path = `http://127.0.0.1:9/${id}?sig=SIGNATURE`;
  return {
    file: {
      id,
      version,
      timestamp: 1000 + version,
      deltaSingleAction: { [kind]: { path, pathAsUri: path, partitionValues: {}, size: 4, dataChange: kind !== 'cdc', ...action } },
    },
  };
}

export interface Watched extends Source {
  /** `source status` of each request that was reported. */
  readonly requests: string[];
  /** Waits between tries, in milliseconds; none of them is spent. */
  readonly waits: number[];
  readonly expiries: number[];
  /** `source code` of the failures that were tried again in place. */
  readonly retries: string[];
  /** What may be asked at once. */
  readonly budget: () => number;
  /** `level sentence` of each line of the log. */
  readonly logs: string[];
}

export interface SourceSettings {
  readonly retryTimeoutMs?: number;
  readonly random?: () => number;
  readonly now?: () => number;
  readonly timeouts?: Partial<SourceTimeouts>;
  readonly expirationTime?: string;
  readonly memoryBytes?: number;
  readonly requestsPerSecond?: number;
  readonly allowHosts?: readonly string[];
  readonly partitionTimeZone?: string;
  readonly lookup?: LookupFunction;
  /** In place of one with the token that nobody sees. */
  readonly profile?: Profile;
}

export const NOW = Date.parse('2026-11-21T03:00:00Z');

/** A source named `acme` over the scripted server. The clock moves only by the waits between tries. */
export function sourceOver(server: Pick<ScriptedServer, 'origin'>, settings: SourceSettings = {}): Watched {
  const requests: string[] = [];
  const waits: number[] = [];
  const expiries: number[] = [];
  const retries: string[] = [];
  let budget = (): number => NaN;
  const logs: string[] = [];
  const { expirationTime } = settings;
  const profile =
    settings.profile ??
    parseProfile(
      JSON.stringify({
        shareCredentialsVersion: 1,
        endpoint: `${server.origin}/api/`,
        bearerToken: TOKEN,
        ...(expirationTime === undefined ? {} : { expirationTime }),
      }),
      'the profile',
    );
  const spent = (): number => waits.reduce((sum, ms) => sum + ms, 0);
  const source = openSource({
    memoryBytes: settings.memoryBytes ?? 512 * 2 ** 20,
    requestsPerSecond: settings.requestsPerSecond ?? 1000,
    allowHosts: settings.allowHosts ?? [],
    tls: null,
    partitionTimeZone: settings.partitionTimeZone ?? 'UTC',
    ...(settings.lookup === undefined ? {} : { lookup: settings.lookup }),
    name: 'acme',
    profile,
    retryTimeoutMs: settings.retryTimeoutMs ?? 0,
    telemetry: {
      ...quiet,
      providerRequest: (name, status) => {
        requests.push(`${name} ${status}`);
      },
      log: (level, message) => {
        logs.push(`${level} ${message}`);
      },
      credentialExpiry: (_name, at) => {
        if (at !== null) expiries.push(at);
      },
      retried: (name, { code }) => {
        retries.push(`${name} ${code}`);
      },
      reads: (reading, read) => {
        if (reading.of === 'requestBudget' && reading.source === 'acme') budget = read;
      },
    },
    clock: {
      random: settings.random ?? (() => 0.5),
      now: settings.now ?? (() => NOW + spent()),
      sleep: async (ms, signal) => {
        signal.throwIfAborted();
        waits.push(ms);
      },
    },
    userAgent: 'cdf-relay/test',
    timeouts: { ...TIMEOUTS, ...settings.timeouts },
  });
  return { ...source, requests, waits, expiries, retries, budget: () => budget(), logs };
}
