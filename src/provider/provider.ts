/**
 * A small Delta Sharing server over local Delta tables: for trying things out, for tests, for the demo. It is no production provider: one token, no TLS, its
 * files served by itself, and it goes wrong on purpose if told to.
 *
 * A request passes these stations: token → route → fault plan → the table's log, as far as it is revealed → answer → bytes, with the faults that concern
 * those. What it answers, down to the order of keys, is what the open-source reference server answers. It differs on purpose where that one cannot be used:
 * times are not cut to seconds, feature lists are sent, versions below the history are refused with 400 and not 500, pages lose no file, and tables with
 * deletion vectors or column mapping have a change feed, in delta format.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { resolve } from 'node:path';
import { Failure } from '../model/failure.ts';
import type { TableName } from '../model/version.ts';
import { findTables } from './catalog.ts';
import type { FaultPlan } from './faults.ts';
import type { ProviderOptions } from './provider-options.ts';
import type { RequestRecord } from './request-record.ts';
import { Site } from './site.ts';

/** A profile file's content (Delta Sharing PROTOCOL.md §Profile File Format). */
export interface ProviderProfile {
  readonly shareCredentialsVersion: 1;
  readonly endpoint: string;
  readonly bearerToken: string;
}

export interface Provider extends AsyncDisposable {
  readonly endpoint: string;
  readonly profile: ProviderProfile;
  /** Every request since the start in the order of their answers; of many, the last ones. */
  readonly requests: readonly RequestRecord[];
  tables(): Promise<readonly TableName[]>;
  /** Another plan from the next request on; null is none. What the old one has counted is forgotten. */
  goWrong(plan: FaultPlan | null): void;
}

/** Longer than a client's usual pause between polls, so that it does not write into a connection that is being closed. */
const KEEP_ALIVE_MS = 60_000;

/** Listens on 127.0.0.1. Throws `Failure` `arguments.invalid` if the folder cannot be read or the port is taken. */
export async function startProvider(given: ProviderOptions): Promise<Provider> {
  const options = { ...given, folder: resolve(given.folder) };
  const tables = await findTables(options.folder, options.log).catch((error: unknown) => {
    throw new Failure('arguments.invalid', `cannot read the folder ${options.folder}`, { cause: error });
  });
  const stopping = new AbortController();
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS });
  server.listen(options.port, '127.0.0.1');
  await once(server, 'listening').catch((error: unknown) => {
    throw new Failure('arguments.invalid', `cannot listen on port ${options.port}`, { cause: error });
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.port;
  const site = new Site(options, `http://127.0.0.1:${port}`, tables, stopping.signal);
  server.on('request', (request, response) => {
    site.handle(request, response).catch((error: unknown) => {
      if (!stopping.signal.aborted) options.log(`a request failed: ${String(error)}`);
      response.destroy();
    });
  });
  return {
    endpoint: site.endpoint,
    profile: { shareCredentialsVersion: 1, endpoint: site.endpoint, bearerToken: options.token },
    requests: site.requests,
    tables: async () => (await site.tables()).map((table) => table.name),
    goWrong: (plan) => site.goWrong(plan),
    async [Symbol.asyncDispose]() {
      if (stopping.signal.aborted) return;
      stopping.abort(new Error('the provider is stopped'));
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
