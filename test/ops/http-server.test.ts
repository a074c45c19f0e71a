import { request } from 'node:http';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { Failure } from '../../src/model/failure.ts';
import { serveHttp } from '../../src/ops/http-server.ts';
import type { HttpOptions } from '../../src/ops/http-server.ts';

const never = new AbortController().signal;
const OPTIONS: HttpOptions = {
  host: '127.0.0.1',
  port: 0,
  metrics: { metricsContentType: 'text/plain; version=0.0.4; charset=utf-8', metricsText: async () => '# nothing\n' },
  probes: { notStarted: () => null, notLive: () => null, notReady: () => null },
  api: { answer: async () => null },
  registry: null,
};

async function ask(port: number, path: string, init: RequestInit = {}): Promise<readonly [number, string]> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
  return [response.status, await response.text()];
}

describe('the HTTP port', () => {
  test('answers metrics and probes, and everything else in one sentence', async () => {
    await using server = await serveHttp(OPTIONS, never);
    expect(await ask(server.port, '/metrics')).toEqual([200, '# nothing\n']);
    expect(await ask(server.port, '/startupz')).toEqual([200, 'The relay has started.\n']);
    expect(await ask(server.port, '/livez')).toEqual([200, 'The relay lives.\n']);
    expect(await ask(server.port, '/readyz?verbose')).toEqual([200, 'The relay is ready.\n']);
    const where = 'There is nothing here: ask for /, /api/status, /metrics, /startupz, /livez or /readyz.\n';
    expect(await ask(server.port, '/status')).toEqual([404, where]);
    expect(await ask(server.port, '/metrics', { method: 'POST' })).toEqual([405, 'Only GET and HEAD are answered here.\n']);
    expect(await ask(server.port, '/livez', { method: 'HEAD' })).toEqual([200, '']);
  });

  test.each(['startupz', 'livez', 'readyz'])('/%s answers 503 with the sentence that is its own', async (path) => {
    const probes = { notStarted: () => 'No startupz.', notLive: () => 'No livez.', notReady: () => 'No readyz.' };
    await using server = await serveHttp({ ...OPTIONS, probes }, never);
    expect(await ask(server.port, `/${path}`)).toEqual([503, `No ${path}.\n`]);
  });

  test('metrics that cannot be collected answer 500 without the cause', async () => {
    const metrics = { ...OPTIONS.metrics, metricsText: async () => Promise.reject(new Error('secret')) };
    await using server = await serveHttp({ ...OPTIONS, metrics }, never);
    expect(await ask(server.port, '/metrics')).toEqual([500, 'The relay failed to answer.\n']);
  });

  test('the page may load from the relay alone, and stand in no frame', async () => {
    await using server = await serveHttp(OPTIONS, never);
    const response = await fetch(`http://127.0.0.1:${server.port}/`);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    const html = await response.text();
    const links = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, url = '']) => url);
    expect(links).toEqual(expect.arrayContaining(['app.css', 'app.js']));
    // Behind a path of an ingress, as at the root.
    expect(links.filter((url) => url.startsWith('/'))).toEqual([]);
    expect(html).not.toMatch(/(?:src|href)="(?:https?:)?\/\/|<script>|<style>|style="|\son\w+="/);
  });

  test('a body and an address that are too long are refused, and the connection ends', async () => {
    await using server = await serveHttp(OPTIONS, never);
    expect(await ask(server.port, '/livez', { method: 'POST', body: 'x'.repeat(1_025) })).toEqual([
      413,
      'Nothing that is asked here has a body.\n',
    ]);
    const long = await fetch(`http://127.0.0.1:${server.port}/${'x'.repeat(2_048)}`);
    expect([long.status, long.headers.get('connection')]).toEqual([414, 'close']);
  });

  test('an answer that cannot be sent ends nothing but its connection', async () => {
    const unsendable = { status: 200, type: 'text/plain', body: '', headers: { 'retry-after': 'one\ntwo' } };
    const api = { answer: async ({ path }: { readonly path: string }) => (path === '/api/status' ? unsendable : null) };
    await using server = await serveHttp({ ...OPTIONS, api }, never);
    await expect(ask(server.port, '/api/status')).rejects.toThrow('fetch failed');
    expect(await ask(server.port, '/livez')).toEqual([200, 'The relay lives.\n']);
  });

  test('a body that is cut short ends nothing but its connection', async () => {
    await using server = await serveHttp(OPTIONS, never);
    const cut = request({ port: server.port, host: '127.0.0.1', path: '/livez', method: 'POST', headers: { 'content-length': 100 } });
    const closed = new Promise<void>((resolve) => cut.on('error', () => {}).on('close', () => resolve()));
    cut.write('x');
    await once(cut, 'socket');
    cut.destroy();
    await closed;
    expect(await ask(server.port, '/livez')).toEqual([200, 'The relay lives.\n']);
  });

  test('a port that is taken is a failure of the environment that names the port', async () => {
    await using first = await serveHttp(OPTIONS, never);
    const failure = await serveHttp({ ...OPTIONS, port: first.port }, never).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Failure);
    expect(failure).toMatchObject({
      disposition: 'environment',
      message: `the HTTP port 127.0.0.1:${first.port} cannot be opened (something else has it)`,
    });
  });
});
