/**
 * Free ports of the loopback, all different. Nothing holds them: whoever listens next has them.
 *
 * They lie below those that systems give to the near end of a connection (from 32768 on Linux, 49152 elsewhere). Above, any client may take the port of a broker
 * that is down; one that asks for that very broker may even be connected with itself.
 */
import { createServer } from 'node:net';

const FIRST = 12_000;
const LAST = 31_999;
const TRIES_MAX = 200;

export async function freePorts<const N extends number>(count: N): Promise<Ports<N>>;
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listenSomewhere()));
  await Promise.all(servers.map(({ server }) => new Promise<void>((resolve) => server.close(() => resolve()))));
  return servers.map(({ port }) => port);
}

type Ports<N extends number> = N extends 1
  ? readonly [number]
  : N extends 2
    ? readonly [number, number]
    : N extends 3
      ? readonly [number, number, number]
      : N extends 4
        ? readonly [number, number, number, number]
        : readonly number[];

async function listenSomewhere(): Promise<{ readonly server: ReturnType<typeof createServer>; readonly port: number }> {
  for (let left = TRIES_MAX; left > 0; left--) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST + 1));
    const server = await listen(port);
    if (server !== null) return { server, port };
  }
  throw new Error(`none of ${TRIES_MAX} ports between ${FIRST} and ${LAST} is free`);
}

/** Null where the port is taken. */
async function listen(port: number): Promise<ReturnType<typeof createServer> | null> {
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<ReturnType<typeof createServer> | null>();
  server.once('error', () => resolve(null));
  server.listen(port, '127.0.0.1', () => resolve(server));
  return promise;
}
