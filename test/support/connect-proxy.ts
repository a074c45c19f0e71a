/** A proxy that tunnels (CONNECT), wherever it is told to lead: names are its own to resolve. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import type { Socket } from 'node:net';

export interface ConnectProxy extends AsyncDisposable {
  /** With a name and a password in it. */
  readonly url: string;
  /** What was asked for, in order: `CONNECT provider.relay.test:443 Basic …`. */
  readonly asked: string[];
  /** What it answers instead of leading anywhere; null = it leads. */
  refusal: string | null;
}

/** `leads` is the port of this machine that everything leads to. */
export async function startConnectProxy(leads: () => number): Promise<ConnectProxy> {
  const server = createServer();
  const sockets = new Set<Socket>();
  const asked: string[] = [];
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const proxy: ConnectProxy = {
    url: `http://relay:proxy%20password@127.0.0.1:${address.port}`,
    asked,
    refusal: null,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  server.on('connect', (request, socket, head) => {
    asked.push(`CONNECT ${request.url ?? ''} ${request.headers['proxy-authorization'] ?? ''}`.trim());
    if (proxy.refusal !== null) {
      socket.end(`HTTP/1.1 ${proxy.refusal}\r\n\r\n`);
      return;
    }
    const onward = connect(leads(), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.write(head);
      onward.pipe(socket).pipe(onward);
    });
    sockets.add(onward);
    onward.on('error', () => socket.destroy());
    socket.on('error', () => onward.destroy());
  });
  return proxy;
}
