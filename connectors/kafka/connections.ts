/**
 * Connections to brokers on @platformatic/kafka: TLS, SASL, framing, a time limit for every request. One a broker, opened when needed, forgotten when it ends. A broker
 * answers the requests of a connection in order: whoever may wait long, or must not wait for others, has connections of its own.
 */
import type { Socket } from 'node:net';
import { Connection } from '@platformatic/kafka';
import { orAbort } from '../../src/lib/abort.ts';
import { Failure } from '../../src/model/failure.ts';
import { reasonOf } from './kafka-failure.ts';
import { tlsOptions, tlsServerName, wireSasl } from './options.ts';
import type { KafkaOptions } from './options.ts';

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

export class Connections {
  /** The addresses of the config: for as long as no broker has named the others. */
  readonly seeds: readonly BrokerAddress[];
  readonly requestTimeoutMs: number;
  readonly #options: ConnectionOptions;
  readonly #opened = new Map<string, Promise<Connection>>();
  readonly #sockets = new Set<Socket>();
  /** Addresses whose last connection failed or ended. */
  readonly #lost = new Set<string>();
  #isClosed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.requestTimeoutMs = options.requestTimeoutMs ?? REQUEST_MS;
    this.seeds = options.brokers.map(parseAddress);
  }

  /** Rejects with what the library throws when the broker is not there, and with `kafka.rejected` after `close`. */
  async to(address: BrokerAddress, signal: AbortSignal): Promise<Connection> {
    const name = addressText(address);
    if (this.#isClosed) throw new Failure('kafka.rejected', `asking ${name}: the publisher is closed`);
    let opening = this.#opened.get(name);
    if (opening === undefined) {
      opening = this.#open(address, () => {
        this.#opened.delete(name);
        this.#lost.add(name);
      });
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
    for (const socket of this.#sockets) socket.destroy(new Error('the connection was closed'));
    this.#opened.clear();
  }

  async #open(address: BrokerAddress, forget: () => void): Promise<Connection> {
    const { tls, sasl, clientId } = this.#options;
    const secure = tlsOptions(tls);
    const connection = new Connection(clientId, {
      connectTimeout: CONNECT_MS,
      requestTimeout: this.requestTimeoutMs,
      ...(secure === undefined ? {} : { tls: secure, tlsServerName: tlsServerName(address.host) }),
      ...(sasl === null ? {} : { sasl: wireSasl(sasl) }),
    });
    connection.on('error', forget);
    connection.once('close', forget);
    try {
      const connecting = connection.connect(address.host, address.port);
      const { socket } = connection;
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      containThrows(socket, secure === undefined ? 'connect' : 'secureConnect');
      await connecting;
      this.#lost.delete(addressText(address));
    } catch (error) {
      forget();
      throw error;
    }
    return connection;
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
