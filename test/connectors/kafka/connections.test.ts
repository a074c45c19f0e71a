import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { Connections } from '../../../connectors/kafka/connections.ts';
import { apiVersions } from '../../../connectors/kafka/direct-messages.ts';
import { must } from '../../../src/lib/assert.ts';

const { signal } = new AbortController();
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listen(onSocket: (socket: Socket) => void): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    onSocket(socket);
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address: string | AddressInfo | null = server.address();
  return `127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}`;
}

function open(...brokers: readonly string[]): Connections {
  return new Connections({ brokers, tls: null, sasl: null, clientId: 'test' });
}

test('an answer whose length is below zero ends the connection, not the process', async () => {
  const ended = Promise.withResolvers<void>();
  const broker = await listen((socket) => {
    socket.once('data', (request) => {
      const answer = Buffer.alloc(30);
      answer.writeInt32BE(-5, 0);
      request.copy(answer, 4, 8, 12);
      socket.write(answer);
    });
    socket.once('close', () => ended.resolve());
  });
  const connections = open(broker);
  const seed = must(connections.seeds[0], 'the broker');
  apiVersions.async(await connections.to(seed, signal)).catch(() => {});
  // What was asked is left to the time limit.
  await expect(ended.promise).resolves.toBe(undefined);
  connections.close();
});

test('a connection is used again until it ends, and is opened anew then', async () => {
  const sockets: Socket[] = [];
  const broker = await listen((socket) => void sockets.push(socket));
  const connections = open(broker);
  const seed = must(connections.seeds[0], 'the broker');
  const [first, second] = await Promise.all([connections.to(seed, signal), connections.to(seed, signal)]);
  expect(second).toBe(first);
  const closed = once(first, 'close');
  must(sockets[0], 'a socket').destroy();
  await closed;
  expect(await connections.to(seed, signal)).not.toBe(first);
  expect(sockets).toHaveLength(2);
  connections.close();
  await expect(connections.to(seed, signal)).rejects.toMatchObject({
    code: 'kafka.rejected',
    message: `asking ${broker}: the publisher is closed`,
  });
});

test('whoever was lost last is asked last', async () => {
  const [one, two] = [await listen(() => {}), await listen(() => {})];
  const gone = servers.splice(0, 1);
  await Promise.all(gone.map((server) => new Promise((resolve) => server.close(resolve))));
  const connections = open(one, two);
  const asked: number[] = [];
  const ask = (): Promise<number> =>
    connections.any(
      [],
      async (broker) => {
        asked.push(broker.port);
        await connections.to(broker, signal);
        return broker.port;
      },
      signal,
    );
  const ports = [one, two].map((broker) => Number(broker.split(':')[1]));
  expect([await ask(), await ask()]).toEqual([ports[1], ports[1]]);
  expect(asked).toEqual([ports[0], ports[1], ports[1]]);
  connections.close();
});

test('connections that are still being opened end with the others', async () => {
  const connections = open(await listen(() => {}));
  const opening = connections.to(must(connections.seeds[0], 'the broker'), signal);
  connections.close();
  await expect(opening).rejects.toThrow('failed');
});
