/**
 * The connections of one source. There are two ways out of it: to the endpoint that the operator named, wherever that is; and to whatever the provider tells —
 * signed URLs, token endpoints — which must not lead into the network that the relay runs in (addresses.ts).
 *
 * The second way judges where a connection goes and not what an address looks like: what a name resolves to is looked through before anything is connected to,
 * and the socket's own remote address once more before a byte is sent, so that other spellings, redirects and names that resolve otherwise the second
 * time all come to the same check.
 *
 * Where the environment names a proxy it is the proxy that resolves names, and that alone can judge where they lead: what is still refused here are addresses, and names
 * that only a private network has.
 */
import type { LookupAddress } from 'node:dns';
import { lookup as systemLookup } from 'node:dns';
import type { LookupFunction, Socket } from 'node:net';
import { connect, isIP } from 'node:net';
import type { Dispatcher } from 'undici';
import { Agent, buildConnector, ProxyAgent } from 'undici';
import { addedTo } from '../../../src/model/certificates.ts';
import type { Certificates, CertificateOptions, Tls } from '../../../src/model/certificates.ts';
import { proxyFor } from '../../../src/model/proxy.ts';
import type { ProxyEnvironment } from '../../../src/model/proxy.ts';
import type { LetIn } from './addresses.ts';
import { isLetIn, letIn, specialUse, withoutBrackets } from './addresses.ts';

/** One way out; only `exchange` uses it. */
export type Route = Pick<Dispatcher, 'request'>;

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
  /** Its authority is trusted on both ways, beside Node's; its certificate is shown to the endpoint alone. Null: as Node does it by itself. */
  readonly tls: Tls | null;
  /** Where the proxies are named. */
  readonly env: ProxyEnvironment;
  /** How names are resolved; left out outside tests. */
  readonly lookup?: LookupFunction;
}

/** A connection that was not made, or was ended before anything was sent. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused';

  /** `what` is where it leads, to stand before "to which". */
  constructor(what: string) {
    super(`${what}, to which only \`allowHosts\` lets a provider point`);
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

/** Opens no connection yet. Throws `proxy.invalid` for a proxy of the endpoint that is none. */
export function openNetwork(options: NetworkOptions): Network {
  const { endpoint, allowHosts, tls, env, lookup = systemLookup } = options;
  const gate: Gate = { lets: letIn(allowHosts), besides: hostToo(endpoint) };
  proxyFor(endpoint, env);
  const toEndpoint = new Way({ gate: null, lookup, env, certificates: tls ?? nothing });
  const toTold = new Way({ gate, lookup, env, certificates: tls === null ? nothing : authorityOf(tls) });
  return {
    toEndpoint,
    toTold,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([toEndpoint.destroy(), toTold.destroy()]);
    },
  };
}

const NOTHING: Certificates = { ca: null, cert: null, key: null };

function nothing(): Certificates {
  return NOTHING;
}

/** The same object for as long as `tls` gives the same. */
function authorityOf(tls: Tls): Tls {
  let from: Certificates | null = null;
  let authority = NOTHING;
  return () => {
    const now = tls();
    if (now !== from) authority = { ...NOTHING, ca: now.ca };
    from = now;
    return authority;
  };
}

interface WayOptions {
  /** Null: everything is let through. */
  readonly gate: Gate | null;
  readonly lookup: LookupFunction;
  readonly env: ProxyEnvironment;
  readonly certificates: Tls;
}

/** Straight to whoever is asked, or through a proxy. */
class Way implements Route {
  readonly #options: WayOptions;
  readonly #straight: Agent;
  /** By the proxy's address; there are two at most. */
  readonly #proxied = new Map<string, { readonly certificates: Certificates; readonly agent: ProxyAgent }>();

  constructor(options: WayOptions) {
    this.#options = options;
    this.#straight = new Agent({ ...LIMITS, connect: connector(options) });
  }

  /** Rejects with `AddressRefused`, `proxy.invalid` and whatever undici does. */
  readonly request: Route['request'] = async (request: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData> => {
    const { env, gate } = this.#options;
    const to = new URL(String(request.origin));
    const proxy = proxyFor(to, env);
    if (proxy === null) return this.#straight.request(request);
    const refusal = gate === null ? null : refusalUnresolved(gate, withoutBrackets(to.hostname).toLowerCase());
    if (refusal !== null) throw refusal;
    return this.#through(proxy).request(request);
  };

  async destroy(): Promise<void> {
    await Promise.all([this.#straight.destroy(), ...[...this.#proxied.values()].map(async ({ agent }) => agent.destroy())]);
  }

  #through(proxy: URL): ProxyAgent {
    const certificates = this.#options.certificates();
    const held = this.#proxied.get(proxy.href);
    if (held?.certificates === certificates) return held.agent;
    const tls = { ...addedTo(certificates), allowH2: false, timeout: CONNECT_MS };
    const { cert: _cert, key: _key, ...proxyTls } = tls;
    const agent = new ProxyAgent({ ...LIMITS, uri: proxy.href, requestTls: tls, proxyTls, connectTimeout: CONNECT_MS });
    this.#proxied.set(proxy.href, { certificates, agent });
    held?.agent.close().catch(() => {});
    return agent;
  }
}

/** Whoever reaches its provider at a private address has put the storage there too: the very same host is let in. A name is not: it may resolve to another. */
function hostToo({ hostname }: URL): string | null {
  const host = withoutBrackets(hostname);
  return host === 'localhost' || (isIP(host) !== 0 && specialUse(host) !== null) ? host : null;
}

const LIMITS = {
  connections: CONNECTIONS_MAX,
  pipelining: 1,
  keepAliveTimeout: KEEP_ALIVE_MS,
  keepAliveMaxTimeout: KEEP_ALIVE_MS_MAX,
  maxHeaderSize: HEADER_BYTES_MAX,
  // Waiting is limited by whoever waits.
  headersTimeout: 0,
  bodyTimeout: 0,
} as const;

interface Gate {
  readonly lets: LetIn;
  /** One more host that is let in. */
  readonly besides: string | null;
}

function connector({ gate, lookup, certificates }: WayOptions): buildConnector.connector {
  const secure = securing(certificates);
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
        secure()({ ...to, httpSocket: socket }, callback);
      } else {
        callback(null, socket);
      }
    });
  };
}

/** What encrypts a connection, with the certificates as they are. */
function securing(certificates: Tls): () => buildConnector.connector {
  const made = (options: CertificateOptions): buildConnector.connector =>
    buildConnector({ ...options, allowH2: false, timeout: CONNECT_MS });
  let from = certificates();
  let current = made(addedTo(from));
  return () => {
    const now = certificates();
    if (now !== from) current = made(addedTo(now));
    from = now;
    return current;
  };
}

function portOf({ port, protocol }: buildConnector.Options): number {
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
}

function refusalOf({ lets, besides }: Gate, host: string, address: string): AddressRefused | null {
  if (host === besides || lets.names.has(host)) return null;
  const use = specialUse(address);
  if (use === null || isLetIn(lets, address)) return null;
  return new AddressRefused(`${host === address ? `${host} is an address` : `${host} is at ${address}, an address`} that is ${use}`);
}

/** Of names that end so, or have no dot at all, none is of the open Internet (RFC 6761, RFC 6762, ICANN's `.internal`, and what Kubernetes and routers use). */
const PRIVATE_NAME = /^[^.]+$|\.(localhost|local|internal|intranet|lan|home|corp|svc|home\.arpa)$/;

/** Of what a proxy is to resolve. */
function refusalUnresolved(gate: Gate, host: string): AddressRefused | null {
  if (isIP(host) !== 0) return refusalOf(gate, host, host);
  const name = host.replace(/\.$/, '');
  if (!PRIVATE_NAME.test(name) || name === gate.besides || gate.lets.names.has(name)) return null;
  return new AddressRefused(`${host} is a name of a private network`);
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
