/**
 * The connections of one source. There are two ways out of it: to the endpoint that the operator named, wherever that is; and to whatever the provider tells —
 * signed URLs, token endpoints — which must not lead into the network that the relay runs in (addresses.ts).
 *
 * The second way judges where a connection goes and not what an address looks like: what a name resolves to is looked through before anything is connected to,
 * and the socket's own remote address once more before a byte is sent, so that other spellings, redirects and names that resolve otherwise the second
 * time all come to the same check.
 */
import type { LookupAddress } from 'node:dns';
import { lookup as systemLookup } from 'node:dns';
import type { LookupFunction, Socket } from 'node:net';
import { connect, isIP } from 'node:net';
import type { Dispatcher } from 'undici';
import { Agent, buildConnector } from 'undici';
import type { LetIn } from './addresses.ts';
import { isLetIn, letIn, specialUse, withoutBrackets } from './addresses.ts';

/** One way out; only `exchange` uses it. */
export type Route = Dispatcher;

export interface Network extends AsyncDisposable {
  /** For requests to the endpoint's own origin only. */
  readonly toEndpoint: Route;
  /** For every other address. */
  readonly toTold: Route;
}

export interface NetworkOptions {
  readonly endpoint: URL;
  /** Host names, addresses and blocks that what the provider tells may lead to, though they are not of the open Internet. */
  readonly allowHosts: readonly string[];
  /** How names are resolved; left out outside tests. */
  readonly lookup?: LookupFunction;
}

/** A connection that was not made, or was ended before anything was sent. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused';

  constructor(host: string, address: string, use: string) {
    const where = host === address ? `${host} is an address` : `${host} is at ${address}, an address`;
    super(`${where} that is ${use}, to which only \`allowHosts\` lets a provider point`);
  }
}

/** Below the time that headers are waited for, so that what hangs is told as what it is. */
const CONNECT_MS = 15_000;
const KEEP_ALIVE_MS = 4000;
/** What a server may ask for at most: sockets are held by whoever the provider points to. */
const KEEP_ALIVE_MS_MAX = 30_000;
/** Towards one host. */
const CONNECTIONS_MAX = 32;
const HEADER_BYTES_MAX = 32_768;

/** Opens no connection yet. */
export function openNetwork(options: NetworkOptions): Network {
  const { endpoint, allowHosts, lookup = systemLookup } = options;
  const gate: Gate = { lets: letIn(allowHosts), besides: hostToo(endpoint) };
  const toEndpoint = agent(connector(null, lookup));
  const toTold = agent(connector(gate, lookup));
  return {
    toEndpoint,
    toTold,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([toEndpoint.destroy(), toTold.destroy()]);
    },
  };
}

/** Whoever reaches its provider at a private address has put the storage there too: the very same host is let in. A name is not: it may resolve to another. */
function hostToo({ hostname }: URL): string | null {
  const host = withoutBrackets(hostname);
  return host === 'localhost' || (isIP(host) !== 0 && specialUse(host) !== null) ? host : null;
}

function agent(connect: buildConnector.connector): Agent {
  return new Agent({
    connect,
    connections: CONNECTIONS_MAX,
    pipelining: 1,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS_MAX,
    maxHeaderSize: HEADER_BYTES_MAX,
    // Waiting is limited by whoever waits.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
}

interface Gate {
  readonly lets: LetIn;
  /** One more host that is let in. */
  readonly besides: string | null;
}

function connector(gate: Gate | null, lookup: LookupFunction): buildConnector.connector {
  const secure = buildConnector({ allowH2: false, timeout: CONNECT_MS });
  return (to, callback) => {
    const host = withoutBrackets(to.hostname).toLowerCase();
    const refusal = (address: string): AddressRefused | null => (gate === null ? null : refusalOf(gate, host, address));
    const literal = isIP(host) === 0 ? null : refusal(host);
    if (literal !== null) {
      callback(literal, null);
      return;
    }
    const socket = connect({
      host,
      port: portOf(to),
      lookup: lookingThrough(lookup, refusal),
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 60_000,
    });
    connected(socket, (error) => {
      const late = error ?? refusal(socket.remoteAddress ?? '');
      if (late !== null) {
        socket.destroy();
        callback(late, null);
      } else if (to.protocol === 'https:') {
        secure({ ...to, httpSocket: socket }, callback);
      } else {
        callback(null, socket);
      }
    });
  };
}

function portOf({ port, protocol }: buildConnector.Options): number {
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
}

function refusalOf({ lets, besides }: Gate, host: string, address: string): AddressRefused | null {
  if (host === besides || lets.names.has(host)) return null;
  const use = specialUse(address);
  return use === null || isLetIn(lets, address) ? null : new AddressRefused(host, address, use);
}

/** Calls back once: when the connection stands, when it failed, or when the time is over. */
function connected(socket: Socket, done: (error: Error | null) => void): void {
  const timer = setTimeout(() => socket.destroy(new Error(`no connection within ${CONNECT_MS / 1000} s`)), CONNECT_MS);
  const settle = (error: Error | null): void => {
    clearTimeout(timer);
    socket.off('connect', onConnect);
    socket.off('error', settle);
    // Whoever holds the socket by then hears of it in ways of its own.
    socket.on('error', () => {});
    done(error);
  };
  const onConnect = (): void => settle(null);
  socket.once('connect', onConnect);
  socket.once('error', settle);
}

/** Leaves out what is refused; where nothing is left, the name is. */
function lookingThrough(lookup: LookupFunction, refusal: (address: string) => AddressRefused | null): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found, family) => {
      if (error !== null) {
        callback(error, []);
        return;
      }
      const all: readonly LookupAddress[] = typeof found === 'string' ? [{ address: found, family: family ?? isIP(found) }] : found;
      const allowed = all.filter(({ address }) => refusal(address) === null);
      const [first] = allowed;
      if (first === undefined) callback(refusal(all[0]?.address ?? '') ?? new Error(`${hostname} has no address`), []);
      else if (options.all === true) callback(null, [...allowed]);
      else callback(null, first.address, first.family);
    });
  };
}
