/** Free ports of the loopback, all different. Nothing holds them: whoever listens next has them. */
import { createServer } from 'node:net';

export async function freePorts<const N extends number>(count: N): Promise<Ports<N>>;
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listen()));
  for (const { server } of servers) server.close();
  return servers.map(({ port }) => port);
}

type Ports<N extends number> = N extends 1
  ? readonly [number]
  : N extends 2
    ? readonly [number, number]
    : N extends 3
      ? readonly [number, number, number]
      : readonly number[];

async function listen(): Promise<{ readonly server: ReturnType<typeof createServer>; readonly port: number }> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server without a port');
  return { server, port: address.port };
}
