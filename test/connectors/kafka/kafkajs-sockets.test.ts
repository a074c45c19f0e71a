import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { KafkajsSockets } from '../../../connectors/kafka/kafkajs-sockets.ts';

test('once they are shut, no connection is opened, and once they are destroyed, none is left', async () => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  const sockets = new KafkajsSockets({ brokers: [`127.0.0.1:${port}`], tls: null });
  const target = { host: '127.0.0.1', port, ssl: {} };
  const connected = Promise.withResolvers<void>();
  const whole = sockets.open({ ...target, onConnect: connected.resolve });
  await connected.promise;
  const half = sockets.open({ ...target, onConnect: () => {} });
  expect(sockets.brokers()).toEqual([`127.0.0.1:${port}`]);

  sockets.shut();
  expect(() => sockets.open({ ...target, onConnect: () => {} })).toThrow('the client is closed');
  expect(sockets.brokers()).toEqual([]);
  expect(whole.destroyed).toBe(false);

  const errors = Promise.all([whole, half].map((socket) => once(socket, 'error')));
  sockets.destroy();
  expect((await errors).flat()).toEqual([new Error('the client is closed'), new Error('the client is closed')]);
  expect([whole.destroyed, half.destroyed]).toEqual([true, true]);
  server.close();
});
