/**
 * A TCP proxy before a broker that reads what clients ask: which topic-partitions each Produce request holds, and how long it is. The broker must advertise the
 * proxy's address, or clients go past it.
 */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';

export interface ProduceRequest {
  /** `topic-partition`. */
  readonly partitions: readonly string[];
  readonly bytes: number;
}

const PRODUCE = 0;

export class ProduceWatch {
  readonly requests: ProduceRequest[] = [];
  /** How many clients have come. */
  connections = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #listen: number;

  /** Forwards the loopback port `listen` to the loopback port that `target` gives when a client comes. */
  constructor(listen: number, target: () => number) {
    this.#listen = listen;
    this.#server = createServer((client) => {
      this.connections++;
      const broker = connect(target(), '127.0.0.1');
      for (const socket of [client, broker]) {
        this.#sockets.add(socket);
        socket.setNoDelay(true);
        socket.on('error', () => socket.destroy());
        socket.on('close', () => {
          client.destroy();
          broker.destroy();
          this.#sockets.delete(socket);
        });
      }
      const frames = new Frames((frame) => this.#look(frame));
      client.on('data', (chunk) => {
        frames.push(chunk);
        broker.write(chunk);
      });
      broker.on('data', (chunk) => client.write(chunk));
    });
  }

  /** Also after `close`. */
  async open(): Promise<void> {
    this.#server.listen(this.#listen, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #look(frame: Buffer): void {
    if (frame.readInt16BE(0) !== PRODUCE) return;
    this.requests.push({ partitions: producedTo(frame), bytes: frame.length });
  }
}

/** Cuts a stream at the lengths that lead its frames. */
class Frames {
  readonly #onFrame: (frame: Buffer) => void;
  #rest: Buffer = Buffer.alloc(0);

  constructor(onFrame: (frame: Buffer) => void) {
    this.#onFrame = onFrame;
  }

  push(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 4 && this.#rest.length >= 4 + this.#rest.readInt32BE(0)) {
      const end = 4 + this.#rest.readInt32BE(0);
      this.#onFrame(this.#rest.subarray(4, end));
      this.#rest = this.#rest.subarray(end);
    }
  }
}

/** Produce versions 3 to 8: header (key, version, correlation id, client id), transactional id, acks, timeout, topics: name, partitions: number, records. */
function producedTo(frame: Buffer): readonly string[] {
  const version = frame.readInt16BE(2);
  if (version < 3 || version > 8) throw new Error(`a Produce request of version ${version}, which this watch does not read`);
  let at = 8;
  const text = (): string => {
    const length = frame.readInt16BE(at);
    at += 2 + Math.max(length, 0);
    return length < 0 ? '' : frame.toString('utf8', at - length, at);
  };
  const int32 = (): number => {
    at += 4;
    return frame.readInt32BE(at - 4);
  };
  text();
  text();
  at += 6;
  const partitions: string[] = [];
  for (let topics = int32(); topics > 0; topics--) {
    const topic = text();
    for (let count = int32(); count > 0; count--) {
      partitions.push(`${topic}-${int32()}`);
      const records = int32();
      at += records;
    }
  }
  return partitions;
}
