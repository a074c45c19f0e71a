/**
 * The connections of one kafkajs client, so that they end with it. kafkajs connects anew for as long as a call of it is under way, also after it was told to
 * disconnect: an abandoned send would open the cluster again for nobody, and an abandoned claim would ask for an epoch that fences its own successor.
 */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ISocketFactory } from 'kafkajs';
import { tlsOptions } from '../../src/model/certificates.ts';
import { tlsServerName } from './options.ts';
import type { KafkaOptions } from './options.ts';

const KEEP_ALIVE_MS = 60_000;

export class KafkajsSockets {
  readonly #options: Pick<KafkaOptions, 'brokers' | 'tls'>;
  readonly #sockets = new Set<Socket>();
  #isShut = false;

  constructor(options: Pick<KafkaOptions, 'brokers' | 'tls'>) {
    this.#options = options;
  }

  /** For kafkajs' `brokers`. kafkajs tries again whatever a socket throws, but not when there is no broker to try. */
  readonly brokers = (): string[] => (this.#isShut ? [] : [...this.#options.brokers]);

  /** For kafkajs' `socketFactory`, with the TLS of our own options. */
  readonly open: ISocketFactory = ({ host, port, onConnect }) => {
    if (this.#isShut) throw new Error('the client is closed');
    const { tls } = this.#options;
    const name = tlsServerName(host);
    const socket =
      tls === null
        ? connect({ host, port }, onConnect)
        : connectTls({ host, port, ...(name === false ? {} : { servername: name }), ...tlsOptions(tls()) }, onConnect);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    return socket;
  };

  /** No connection is opened from here on; those there are go on. */
  shut(): void {
    this.#isShut = true;
  }

  /** Ends what is open and what is being opened; what kafkajs still waits for there rejects. */
  destroy(): void {
    this.shut();
    for (const socket of this.#sockets) socket.destroy(new Error('the client is closed'));
  }
}
