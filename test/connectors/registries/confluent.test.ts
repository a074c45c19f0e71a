import { afterEach, describe, expect, test } from 'vitest';
import { openConfluentRegistry } from '../../../connectors/registries/confluent.ts';
import type { RegistryHttpOptions } from '../../../connectors/registries/registry-http.ts';
import { Secret } from '../../../src/model/secret.ts';
import type { SchemaRegistry, SchemaRequest } from '../../../src/ports/schema-registry.ts';
import { examSchemaRegistry } from '../../contracts/schema-registry.ts';
import { FakeRegistry } from './fake-registry.ts';

const { signal } = new AbortController();
const opened: FakeRegistry[] = [];
const request: SchemaRequest = {
  recipient: 'analytics',
  topic: 'analytics.orders',
  part: 'value',
  text: '{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}',
};

afterEach(async () => {
  for (const fake of opened.splice(0)) await fake.close();
});

async function open(
  settings: Partial<RegistryHttpOptions> = {},
): Promise<{ readonly fake: FakeRegistry; readonly url: string; readonly registry: SchemaRegistry }> {
  const fake = new FakeRegistry();
  opened.push(fake);
  const url = await fake.open();
  return { fake, url, registry: openConfluentRegistry({ url, auth: null, retryMs: 5_000, requestMs: 5_000, ...settings }) };
}

describe('a Confluent registry', () => {
  examSchemaRegistry({
    open: async () => {
      const { url, registry } = await open();
      const consumer = openConfluentRegistry({ url, auth: null, retryMs: 5_000, requestMs: 5_000 });
      return { relay: registry, consumer, publish: async () => {} };
    },
  });

  test('registers under the subject of the topic, reads back once, and remembers', async () => {
    const { fake, registry } = await open({ auth: { username: 'u', password: new Secret('p') } });
    const ensured = await registry.ensure(request, signal);
    expect(ensured).toEqual({ prefix: Uint8Array.of(0, 0, 0, 0, 1), name: '1', records: [] });
    await registry.ensure(request, signal);
    expect(fake.seen).toEqual([
      { line: 'POST subjects/analytics.orders-value/versions', authorization: 'Basic dTpw' },
      { line: 'GET schemas/ids/1', authorization: 'Basic dTpw' },
    ]);
  });

  test.each([
    ['a scale', (text: string) => text.replace('"scale":2', '"scale":4')],
    ['a logical type', (text: string) => text.replace('"logicalType":"decimal",', '')],
    ['the whole text', () => 'bytes'],
  ])('that alters %s is not published with', async (_, alter) => {
    const { fake, registry } = await open();
    fake.alter = alter;
    await expect(registry.ensure(request, signal)).rejects.toMatchObject({
      code: 'registry.altered',
      message: expect.stringMatching(
        /^registering analytics\.orders-value: under id 1 http:\/\/127\.0\.0\.1:\d+\/apis\/ccompat\/v7\/ gives another schema/,
      ),
    });
  });

  test.each([
    [409, 'Schema being registered is incompatible with an earlier schema', 'registry.refused'],
    [422, 'Invalid schema', 'registry.refused'],
    [404, 'Not here', 'registry.refused'],
    [401, 'Unauthorized', 'registry.unauthorized'],
    [403, 'User is denied operation Write', 'registry.unauthorized'],
  ])('that answers %i is quoted', async (status, message, code) => {
    const { fake, registry, url } = await open();
    fake.answers.push({ status, body: { error_code: status, message } });
    await expect(registry.ensure(request, signal)).rejects.toMatchObject({
      code,
      message: `registering analytics.orders-value at ${url}/: the registry answers ${status} ${message}`,
    });
    expect(fake.seen).toHaveLength(1);
  });

  test('is asked again while it fails by itself, or does not know yet what it registered', async () => {
    const { fake, registry } = await open();
    fake.answers.push(
      { status: 503, body: 'busy' },
      { status: 429, body: '' },
      { status: 200, body: { id: 1 } },
      { status: 404, body: { error_code: 40403 } },
    );
    fake.answers.push({ status: 200, body: { schema: request.text } });
    expect((await registry.ensure(request, signal)).name).toBe('1');
    expect(fake.seen.map((seen) => seen.line.slice(0, 4))).toEqual(['POST', 'POST', 'POST', 'GET ', 'GET ']);
  });

  test('that goes on failing, or is not there, is unreachable', async () => {
    const { fake, url, registry } = await open({ retryMs: 0 });
    fake.answers.push({ status: 500, body: { message: 'no leader' } }, { status: 500, body: { message: 'no leader' } });
    await expect(registry.ensure(request, signal)).rejects.toMatchObject({
      code: 'registry.unreachable',
      message: `registering analytics.orders-value at ${url}/: the registry answers 500 no leader`,
    });
    await fake.close();
    await expect(registry.ensure(request, signal)).rejects.toMatchObject({
      code: 'registry.unreachable',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  test('does not get to send our credentials elsewhere by a redirect', async () => {
    const { fake, registry } = await open({ auth: { username: 'u', password: new Secret('p') } });
    const elsewhere = await open();
    fake.answers.push({ status: 307, body: '', headers: { location: `${elsewhere.url}/subjects/s/versions` } });
    await expect(registry.ensure(request, signal)).rejects.toMatchObject({
      code: 'registry.refused',
      message: expect.stringContaining('307'),
    });
    expect(elsewhere.fake.seen).toEqual([]);
  });

  test('that is another kind of server is told so', async () => {
    const { fake, registry } = await open();
    fake.answers.push({ status: 200, body: '<html>' });
    await expect(registry.ensure(request, signal)).rejects.toMatchObject({
      code: 'registry.refused',
      message: expect.stringContaining('is it the address of a registry?'),
    });
    fake.answers.push({ status: 200, body: { version: 3 } });
    await expect(registry.ensure(request, signal)).rejects.toMatchObject({
      code: 'registry.refused',
      message: expect.stringContaining('is it the address of a registry?'),
    });
  });

  test('is left at once when the caller gives up', async () => {
    const { fake, registry } = await open();
    fake.answers.push({ status: 503, body: 'busy' });
    const off = new AbortController();
    const asking = registry.ensure(request, off.signal);
    off.abort(new Error('enough'));
    await expect(asking).rejects.toThrow('enough');
  });
});
