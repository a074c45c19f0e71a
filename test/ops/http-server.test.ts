import { describe, expect, test } from 'vitest';
import { Failure } from '../../src/model/failure.ts';
import { serveHttp } from '../../src/ops/http-server.ts';

const metrics = { metricsContentType: 'text/plain; version=0.0.4; charset=utf-8', metricsText: async () => '# nothing\n' };
const never = new AbortController().signal;

async function ask(port: number, path: string, method = 'GET'): Promise<readonly [number, string]> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { method });
  return [response.status, await response.text()];
}

describe('the HTTP port', () => {
  test('answers metrics and probes, and everything else in one sentence', async () => {
    let reason: string | null = 'Kafka answers';
    await using server = await serveHttp({ host: '127.0.0.1', port: 0, metrics, registry: null, notReady: () => reason }, never);
    expect(await ask(server.port, '/metrics')).toEqual([200, '# nothing\n']);
    expect(await ask(server.port, '/livez')).toEqual([200, 'The relay lives.\n']);
    expect(await ask(server.port, '/readyz?verbose')).toEqual([503, 'The relay is not ready until Kafka answers.\n']);
    reason = null;
    expect(await ask(server.port, '/readyz')).toEqual([200, 'The relay is ready.\n']);
    expect(await ask(server.port, '/status')).toEqual([404, 'There is nothing here: ask for /metrics, /livez or /readyz.\n']);
    expect(await ask(server.port, '/metrics', 'POST')).toEqual([405, 'Only GET and HEAD are answered here.\n']);
    expect(await ask(server.port, '/livez', 'HEAD')).toEqual([200, '']);
  });

  test('metrics that cannot be collected answer 500 without the cause', async () => {
    const broken = { ...metrics, metricsText: async () => Promise.reject(new Error('secret')) };
    await using server = await serveHttp({ host: '127.0.0.1', port: 0, metrics: broken, registry: null, notReady: () => null }, never);
    expect(await ask(server.port, '/metrics')).toEqual([500, 'The metrics could not be collected.\n']);
  });

  test('a port that is taken is a failure of the environment that names the port', async () => {
    await using first = await serveHttp({ host: '127.0.0.1', port: 0, metrics, registry: null, notReady: () => null }, never);
    const second = serveHttp({ host: '127.0.0.1', port: first.port, metrics, registry: null, notReady: () => null }, never);
    const failure = await second.catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Failure);
    expect(failure).toMatchObject({
      disposition: 'environment',
      message: `the HTTP port 127.0.0.1:${first.port} cannot be opened (something else has it)`,
    });
  });
});
