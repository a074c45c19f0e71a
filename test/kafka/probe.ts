/**
 * Whether a broker is there, asked in the protocol itself: an open port or a line of the log proves nothing.
 */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const API_VERSIONS = 18;
const METADATA = 3;
const ELECT_LEADERS = 43;

/** Whether the port answers ApiVersions. */
export async function answersApiVersions(host: string, port: number): Promise<boolean> {
  const answer = await request(host, port, API_VERSIONS, 0, Buffer.alloc(0));
  return answer !== null && answer.readInt16BE(4) === 0;
}

/** How many brokers the port's metadata names; 0 where nobody answers. */
export async function brokersKnown(host: string, port: number): Promise<number> {
  const noTopics = Buffer.from([0, 0, 0, 0]);
  const answer = await request(host, port, METADATA, 1, noTopics);
  return answer?.readInt32BE(4) ?? 0;
}

/** Has every partition of the cluster led by the first of its replicas, as far as that one is in sync. */
export async function electPreferred(host: string, port: number): Promise<void> {
  const body = Buffer.alloc(9);
  body.writeInt8(0, 0); // preferred
  body.writeInt32BE(-1, 1); // of all partitions
  body.writeInt32BE(10_000, 5);
  await request(host, port, ELECT_LEADERS, 1, body);
}

/** Asks every 50 ms until the answer is yes; throws after `deadlineMs`. */
export async function poll(what: string, deadlineMs: number, ask: () => Promise<boolean>): Promise<void> {
  const until = performance.now() + deadlineMs;
  while (!(await ask())) {
    if (performance.now() > until) throw new Error(`${what} took longer than ${deadlineMs / 1000} s`);
    await sleep(50);
  }
}

/** One request and its answer without the length (correlation id first), or null. */
async function request(host: string, port: number, key: number, version: number, body: Buffer): Promise<Buffer | null> {
  const head = Buffer.alloc(14);
  head.writeInt32BE(10 + body.length, 0);
  head.writeInt16BE(key, 4);
  head.writeInt16BE(version, 6);
  head.writeInt16BE(-1, 12);
  const { promise, resolve } = Promise.withResolvers<Buffer | null>();
  const socket = connect({ host, port });
  const chunks: Buffer[] = [];
  socket.setTimeout(2000, () => socket.destroy());
  socket.once('connect', () => socket.write(Buffer.concat([head, body])));
  socket.on('data', (chunk) => {
    chunks.push(chunk);
    const got = Buffer.concat(chunks);
    if (got.length < 4 || got.length < 4 + got.readInt32BE(0)) return;
    resolve(got.subarray(4, 4 + got.readInt32BE(0)));
    socket.destroy();
  });
  socket.once('error', () => resolve(null));
  socket.once('close', () => resolve(null));
  return promise;
}
