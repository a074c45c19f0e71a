/**
 * What `run` shows of itself by HTTP, and the orders that it takes there: the server of src/ops, on what the relay tells while it starts and runs.
 */
import { hostname, networkInterfaces } from 'node:os';
import type { PoolUse } from '../codec/pool.ts';
import type { Config } from '../config/config.ts';
import { serveHttp } from '../ops/http-server.ts';
import type { HttpServer, Probes } from '../ops/http-server.ts';
import type { RegistryPages } from '../ops/registry-pages.ts';
import { statusApi } from '../ops/status-api.ts';
import type { OpenTelemetry } from '../ops/telemetry.ts';
import type { FeedControl } from '../ports/feed-control.ts';
import { VERSION } from './product.ts';

/** How far the relay is: `run` says it here, and whoever asks by HTTP is told. */
export interface Progress {
  /** What is waited for, to stand behind "until"; null once every partition was claimed, or tried to be. */
  waitsFor: string | null;
  control: FeedControl | null;
  workers: PoolUse | null;
}

export interface Front extends HttpServer {
  /** `http://address:port`, where the other replicas find this one. */
  readonly http: string;
}

/** Of this process, for people and for the other replicas. */
export const OWNER = `${hostname()}/${process.pid}`;

/** A worker that has not rested for so long goes in circles: no file takes it a tenth of this. */
const RESTLESS_MS = 300_000;

/** Opens the port. Rejects with `http.port`. */
export async function openFront(
  config: Config,
  parts: { readonly telemetry: OpenTelemetry; readonly registry: RegistryPages | null; readonly progress: Progress },
  stopping: AbortSignal,
): Promise<Front> {
  const { telemetry, registry, progress } = parts;
  const { host, port, adminToken } = config.http;
  const probes = probesOf(progress, stopping);
  const replica = { name: OWNER, http: addressOf(host, port), startedAt: Date.now() };
  const api = statusApi({
    relay: { name: config.relay.name, version: VERSION },
    replica,
    sources: config.sources.map(({ name }) => name),
    board: telemetry.board,
    now: Date.now,
    control: () => progress.control,
    notReady: () => probes.notReady(),
    adminToken,
    log: (level, message, fields) => telemetry.log(level, message, fields),
  });
  const server = await serveHttp({ host, port, metrics: telemetry, probes, api, registry }, stopping);
  // The port may have been any that is free.
  replica.http = addressOf(host, server.port);
  return { ...server, http: replica.http };
}

function probesOf(progress: Progress, stopping: AbortSignal): Probes {
  return {
    notStarted: () => (progress.waitsFor === null ? null : `The relay has not started until ${progress.waitsFor}.`),
    notLive: () => {
      const restlessMs = progress.workers?.restless() ?? 0;
      return restlessMs < RESTLESS_MS ? null : `A worker has been at one file for ${Math.round(restlessMs / 1000)} s: it goes in circles.`;
    },
    notReady: () => {
      if (progress.waitsFor !== null) return `The relay is not ready until ${progress.waitsFor}.`;
      if (stopping.aborted) return 'The relay stops.';
      return progress.control?.isConfirmed === true
        ? null
        : 'The relay is not ready until its group of replicas answers, which Kafka keeps.';
    },
  };
}

/** Where others reach a port that is open on `host`: with all of this machine's addresses, the first one that is not its own alone. */
function addressOf(host: string, port: number): string {
  const isAny = host === '0.0.0.0' || host === '::';
  const outer = Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .filter(({ internal }) => !internal);
  const found = outer.find(({ family }) => family === 'IPv4') ?? outer.find(({ scopeid }) => (scopeid ?? 0) === 0);
  const address = isAny ? (found?.address ?? '127.0.0.1') : host;
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}`;
}
