/**
 * One broker for a whole test run, started when the first test file asks for it (use-kafka.ts) and stopped when the run ends. Test files run in processes of
 * their own, so they ask over a loopback port.
 */
import { createServer } from 'node:http';
import type { TestProject } from 'vitest/node';
import { startBroker } from './broker.ts';
import type { Broker } from './cluster.ts';
import { KafkaMissing } from './kafka-missing.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** URL that answers 200 with the brokers, separated by commas, or 503 with the sentence why there are none. */
    readonly kafka: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let starting: Promise<Broker> | null = null;
  const server = createServer((_, response) => {
    starting ??= startBroker({ brief: true });
    starting.then(
      (broker) => response.end(broker.brokers.join(',')),
      (error: unknown) => {
        response.statusCode = error instanceof KafkaMissing ? 503 : 500;
        response.end(error instanceof Error ? error.message : String(error));
      },
    );
  });
  server.requestTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('an HTTP server without a port');
  project.provide('kafka', `http://127.0.0.1:${address.port}/`);
  return async () => {
    server.close();
    const broker = await starting?.catch(() => null);
    await broker?.stop();
  };
}
