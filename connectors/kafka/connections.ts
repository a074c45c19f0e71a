/**
 * Connections to brokers on @platformatic/kafka: TLS, SASL, framing, a time limit for every request. One a broker, opened when needed, forgotten when it ends. A broker
 * answers the requests of a connection in order: whoever may wait long, or must not wait for others, has connections of its own.
 */
import type { Socket } from 'node:net';
import { Connection } from '@platformatic/kafka';
import { orAbort } from '../../src/lib/abort.ts';
import { tlsOptions } from '../../src/model/certificates.ts';
import { certificateProblem } from '../../src/lib/certificate-problem.ts';
import { Failure } from '../../src/model/failure.ts';
import { reasonOf } from './kafka-failure.ts';
import { tlsServerName } from './options.ts';
import type { KafkaOptions } from './options.ts';
import { wireSasl } from './sasl.ts';

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

export interface ConnectionOptions extends Pick<KafkaOptions, 'brokers' | 'tls' | 'sasl' | 'clientId'> {
  /** How long a broker has for an answer; ten seconds unless said. */
  readonly requestTimeoutMs?: number;
}

const CONNECT_MS = 5_000;
const REQUEST_MS = 10_000;
/** Of the time that a broker lets a connection live (`connections.max.reauth.ms`, or its token's). */
const RETIRED_AT = 0.8;
/** The longest wait that Node's timers take. */
const TIMER_MAX_MS = 2 ** 31 - 1;

export class Connections {
  /** The addresses of the config: for as long as no broker has named the others. */
  readonly seeds: readonly BrokerAddress[];
  readonly requestTimeoutMs: number;
  readonly #options: ConnectionOptions;
  readonly #opened = new Map<string, Promise<Connection>>();
  readonly #sockets = new Set<Socket>();
  /** Addresses whose last connection failed or ended. */
  readonly #lost = new Set<string>();
  /** What a broker found wrong with our certificate, by its address: with TLS 1.3 it says so when the connection stands, to nobody's request. */
  readonly #untrusted = new Map<string, string>();
  /** Of connections that the broker lets live for a while only. */
  readonly #retirements = new Set<NodeJS.Timeout>();
  #isClosed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.requestTimeoutMs = options.requestTimeoutMs ?? REQUEST_MS;
    this.seeds = options.brokers.map(parseAddress);
  }

  /** Rejects with what the library throws when the broker is not there, with `kafka.certificate` where it does not take ours, and with `kafka.rejected` after `close`. */
  async to(address: BrokerAddress, signal: AbortSignal): Promise<Connection> {
    const name = addressText(address);
    if (this.#isClosed) throw new Failure('kafka.rejected', `asking ${name}: the publisher is closed`);
    const problem = this.#untrusted.get(name);
    if (problem !== undefined) {
      this.#untrusted.delete(name);
      throw new Failure('kafka.certificate', `connecting to ${name}: ${problem}`);
    }
    let opening = this.#opened.get(name);
    if (opening === undefined) {
      const own: { opening: Promise<Connection> | null } = { opening: null };
      const leave = (): void => {
        if (this.#opened.get(name) === own.opening) this.#opened.delete(name);
      };
      const forget = (): void => {
        leave();
        this.#lost.add(name);
      };
      opening = this.#open(address, { forget, leave });
      own.opening = opening;
      this.#opened.set(name, opening);
    }
    return orAbort(opening, signal);
  }

  /** Asks one broker after the other until one is there, `known` ones before those of the config, and last those that were lost last; the last one's error if none is. */
  async any<T>(known: readonly BrokerAddress[], ask: (broker: BrokerAddress) => Promise<T>, signal: AbortSignal): Promise<T> {
    const brokers = [...known, ...this.seeds];
    const isLost = (broker: BrokerAddress): boolean => this.#lost.has(addressText(broker));
    let last: unknown = null;
    for (const broker of [...brokers.filter((one) => !isLost(one)), ...brokers.filter(isLost)]) {
      signal.throwIfAborted();
      try {
        return await orAbort(ask(broker), signal);
      } catch (error) {
        signal.throwIfAborted();
        if (reasonOf(error).kind !== 'network') throw error;
        last = error;
      }
    }
    throw last;
  }

  /** Ends all connections, also those that are being opened; requests under way reject. Whatever was written and not yet sent is lost. */
  close(): void {
    this.#isClosed = true;
    for (const retirement of this.#retirements) clearTimeout(retirement);
    for (const socket of this.#sockets) socket.destroy(new Error('the connection was closed'));
    this.#opened.clear();
  }

  /** `forget` is called when the connection is lost, `leave` when it is to be asked nothing any more. */
  async #open(address: BrokerAddress, { forget, leave }: { readonly forget: () => void; readonly leave: () => void }): Promise<Connection> {
    const { tls, sasl, clientId } = this.#options;
    if (sasl?.mechanism === 'oauthbearer') {
      try {
        // An opening connection has little time: the token is to be at hand.
        await sasl.tokens.current();
        if (this.#isClosed) throw new Failure('kafka.rejected', `asking ${addressText(address)}: the publisher is closed`);
      } catch (error) {
        leave();
        throw error;
      }
    }
    const onSession = (lifetimeMs: number): void => {
      if (lifetimeMs > 0) this.#retire(connection, lifetimeMs, leave);
    };
    const connection = new Connection(clientId, {
      connectTimeout: CONNECT_MS,
      requestTimeout: this.requestTimeoutMs,
      ...(tls === null ? {} : { tls: tlsOptions(tls()), tlsServerName: tlsServerName(address.host) }),
      ...(sasl === null ? {} : { sasl: wireSasl(sasl, onSession) }),
    });
    connection.on('error', forget);
    connection.once('close', forget);
    try {
      const connecting = connection.connect(address.host, address.port);
      const { socket } = connection;
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      containThrows(socket, tls === null ? 'connect' : 'secureConnect');
      await connecting;
      socket.once('error', (error) => {
        const problem = certificateProblem(error);
        if (problem !== null) this.#untrusted.set(addressText(address), problem);
      });
      this.#lost.delete(addressText(address));
    } catch (error) {
      forget();
      throw error;
    }
    return connection;
  }

  /** What is under way ends within its time limit: then the connection has nothing more to do. */
  #retire(connection: Connection, lifetimeMs: number, leave: () => void): void {
    this.#later(lifetimeMs * RETIRED_AT, () => {
      leave();
      this.#later(this.requestTimeoutMs, () => connection.socket.destroy());
    });
  }

  /** Keeps no process running. */
  #later(ms: number, work: () => void): void {
    if (this.#isClosed) return;
    const timer = setTimeout(
      () => {
        this.#retirements.delete(timer);
        work();
      },
      Math.min(ms, TIMER_MAX_MS),
    );
    timer.unref();
    this.#retirements.add(timer);
  }
}

export function addressText({ host, port }: BrokerAddress): string {
  return `${host}:${port}`;
}

/**
 * The library reads answers in the socket's `data` event. What it throws there, at a length that makes no sense, would end the process: it ends the connection instead.
 * Its listener is there once the socket is connected.
 */
function containThrows(socket: Socket, connected: 'connect' | 'secureConnect'): void {
  socket.once(connected, () => {
    const readers = socket.listeners('data');
    socket.removeAllListeners('data');
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const read of readers) Reflect.apply(read, socket, [chunk]);
      } catch (error) {
        socket.destroy(new Error('the broker sent what is no answer', { cause: error }));
      }
    });
  });
}

function parseAddress(text: string): BrokerAddress {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port: Number(text.slice(colon + 1)) };
}
