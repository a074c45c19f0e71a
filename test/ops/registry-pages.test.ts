import { describe, expect, test } from 'vitest';
import { Failure } from '../../src/model/failure.ts';
import { serveHttp } from '../../src/ops/http-server.ts';
import { registryPages } from '../../src/ops/registry-pages.ts';
import type { PublishedSchema, SchemaCatalog } from '../../src/ports/schema-registry.ts';

const never = new AbortController().signal;
const rest = {
  host: '127.0.0.1',
  port: 0,
  metrics: { metricsContentType: 'text/plain', metricsText: async () => '' },
  probes: { notStarted: () => null, notLive: () => null, notReady: () => null },
  api: { answer: async () => null },
};
const TYPE = 'application/vnd.schemaregistry.v1+json';

function record(name: string, namespace: string, field: string): string {
  return JSON.stringify({ type: 'record', name, namespace, fields: [{ name: field, type: 'long' }] });
}

const ORDERS_1: PublishedSchema = { guid: '0a000001-e4f6-8773-b9d1-bcde0733a59b', text: record('Orders', 'sales.public', 'a') };
const KEY: PublishedSchema = { guid: 'fa000002-e4f6-8773-b9d1-bcde0733a59b', text: record('Key', 'sales.public.Orders', 'a') };
const ORDERS_2: PublishedSchema = { guid: '0a000003-e4f6-8773-b9d1-bcde0733a59b', text: record('Orders', 'sales.public', 'b') };
const SECRET: PublishedSchema = { guid: '0a000004-e4f6-8773-b9d1-bcde0733a59b', text: record('Salaries', 'hr', 'c') };

const shelves: Readonly<Record<string, readonly PublishedSchema[]>> = { analytics: [ORDERS_1, KEY, ORDERS_2], hr: [SECRET] };
const catalog: SchemaCatalog = {
  find: async (recipient, guid) => shelves[recipient]?.find((schema) => schema.guid === guid) ?? null,
  list: async (recipient) => shelves[recipient] ?? [],
};

interface Asked {
  readonly status: number;
  readonly type: string | null;
  readonly body: unknown;
}

async function ask(path: string, method = 'GET', schemas: SchemaCatalog = catalog, sent: string | null = null): Promise<Asked> {
  const registry = registryPages({ recipients: ['analytics', 'hr', 'new'], schemas });
  await using server = await serveHttp({ ...rest, registry }, never);
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method, body: sent });
  const text = await response.text();
  return { status: response.status, type: response.headers.get('content-type'), body: text === '' ? null : JSON.parse(text) };
}

function found(body: unknown): Asked {
  return { status: 200, type: TYPE, body };
}

function refused(status: number, code: number, message: unknown): Asked {
  return { status, type: TYPE, body: { error_code: code, message } };
}

const NO_SCHEMA = refused(404, 40_403, 'Schema not found');
const ID_1 = 0x0a000001;
/** The sign bit is left out: an id is a positive 32-bit number. */
const ID_KEY = 0x7a000002;

describe('the schemas of a recipient', () => {
  const answer = (schema: PublishedSchema, id: number): object => ({ id, guid: schema.guid, schemaType: 'AVRO', schema: schema.text });

  test.each([
    ['a GUID', `schemas/guids/${ORDERS_1.guid}`, answer(ORDERS_1, ID_1)],
    ['a GUID in upper case, with what a deserializer adds', `schemas/guids/${ORDERS_1.guid.toUpperCase()}?format=`, answer(ORDERS_1, ID_1)],
    ['an id', `schemas/ids/${ID_KEY}?subject=x`, answer(KEY, ID_KEY)],
    ['the text of an id', `schemas/ids/${ID_1}/schema`, JSON.parse(ORDERS_1.text)],
    ['the versions of an id', `schemas/ids/${ID_KEY}/versions`, [{ subject: 'sales.public.Orders.Key', version: 1 }]],
    ['the kinds of schemas', 'schemas/types', ['AVRO']],
    ['the subjects', 'subjects', ['sales.public.Orders', 'sales.public.Orders.Key']],
    ['the subjects with a prefix', 'subjects?subjectPrefix=sales.public.Orders.', ['sales.public.Orders.Key']],
    ['the versions of a subject', 'subjects/sales.public.Orders/versions', [1, 2]],
    ['a version', 'subjects/sales.public.Orders/versions/1', { subject: 'sales.public.Orders', version: 1, ...answer(ORDERS_1, ID_1) }],
    [
      'the latest version',
      'subjects/sales%2Epublic%2EOrders/versions/latest',
      { subject: 'sales.public.Orders', version: 2, ...answer(ORDERS_2, 0x0a000003) },
    ],
    ['the text of a version', 'subjects/sales.public.Orders/versions/-1/schema', JSON.parse(ORDERS_2.text)],
    ['the compatibility level', 'config/sales.public.Orders', { compatibilityLevel: 'NONE' }],
    ['the mode', 'mode', { mode: 'READONLY' }],
    ['nothing', '', {}],
  ])('are found by %s', async (_, path, body) => {
    expect(await ask(`/registry/analytics/${path}`)).toEqual(found(body));
  });

  test.each([
    ['a GUID', `schemas/guids/${ORDERS_1.guid.replace('0a', '0b')}`, NO_SCHEMA],
    ['what is no GUID', 'schemas/guids/constructor', NO_SCHEMA],
    ['a GUID of another recipient', `schemas/guids/${SECRET.guid}`, NO_SCHEMA],
    ['an id', 'schemas/ids/7', NO_SCHEMA],
    ['an id of another recipient', 'schemas/ids/167772164', NO_SCHEMA],
    ['a subject', 'subjects/x/versions', refused(404, 40_401, expect.stringContaining("Subject 'x' not found"))],
    ['a version', 'subjects/sales.public.Orders/versions/3', refused(404, 40_402, 'Version 3 not found.')],
    ['what Confluent has besides', 'associations/resources/-/t', refused(404, 404, 'HTTP 404 Not Found')],
    ['a path that cannot be decoded', 'subjects/%E0%A4%A/versions', refused(404, 404, 'HTTP 404 Not Found')],
    ['the way to another recipient', `..%2Fhr/schemas/guids/${SECRET.guid}`, refused(404, 404, 'HTTP 404 Not Found')],
    ['a version that is no number', 'subjects/sales.public.Orders/versions/x', refused(422, 42_202, expect.any(String))],
  ])('answer in the words of Confluent where there is no such thing: %s', async (_, path, answered) => {
    expect(await ask(`/registry/analytics/${path}`)).toEqual(answered);
  });

  test('begin empty', async () => {
    expect(await ask('/registry/new/subjects')).toEqual(found([]));
  });

  test('are those of recipients of the config only', async () => {
    const all: SchemaCatalog = { find: async () => ORDERS_1, list: async () => [ORDERS_1] };
    for (const path of ['/registry', '/registry/', '/registry/stranger/subjects', '/registry/Analytics/subjects', '/registry//subjects']) {
      expect(await ask(path, 'GET', all)).toEqual(refused(404, 404, 'HTTP 404 Not Found'));
    }
  });

  test('that share an id are found by their GUIDs alone', async () => {
    const twin = { ...ORDERS_2, guid: ORDERS_1.guid.replace('bcde', 'ffff') };
    const twins: SchemaCatalog = { ...catalog, list: async () => [ORDERS_1, twin] };
    expect(await ask(`/registry/analytics/schemas/ids/${ID_1}`, 'GET', twins)).toEqual(NO_SCHEMA);
  });

  test('are only read', async () => {
    for (const method of ['POST', 'PUT', 'DELETE']) {
      expect(await ask('/registry/analytics/subjects/x/versions', method)).toEqual(
        refused(405, 405, expect.stringContaining('written by the relay alone')),
      );
    }
    expect(await ask('/registry/analytics/subjects', 'HEAD')).toEqual(found(null));
  });

  test('are looked up as Confluent does it, however they are laid out', async () => {
    const lookUp = (subject: string, sent: string): Promise<Asked> =>
      ask(`/registry/analytics/subjects/${subject}?deleted=true`, 'POST', catalog, sent);
    const schema = JSON.stringify(JSON.parse(ORDERS_2.text), null, 2);
    expect(await lookUp('sales.public.Orders', JSON.stringify({ schema }))).toEqual(
      found({ subject: 'sales.public.Orders', version: 2, ...answer(ORDERS_2, 0x0a000003) }),
    );
    expect(await lookUp('sales.public.Orders', JSON.stringify({ schema: KEY.text }))).toEqual(NO_SCHEMA);
    expect(await lookUp('hr.Salaries', JSON.stringify({ schema: SECRET.text }))).toMatchObject({
      status: 404,
      body: { error_code: 40_401 },
    });
    for (const sent of ['', '{}', '[]', 'null', '{"schema":7}', '{"schema":"{"}']) {
      expect(await lookUp('sales.public.Orders', sent)).toEqual(refused(422, 42_201, expect.any(String)));
    }
    expect(await lookUp('sales.public.Orders', 'x'.repeat(1_048_577))).toEqual(refused(413, 413, expect.any(String)));
  });

  test('are not asked for by addresses without end', async () => {
    expect(await ask(`/registry/analytics/subjects/${'x'.repeat(2_048)}/versions`)).toEqual(refused(414, 414, expect.any(String)));
  });

  test('that cannot be read are told as passing, without what Kafka said', async () => {
    const broken: SchemaCatalog = {
      find: () => Promise.reject(new Failure('kafka.unreachable', 'secret.internal:9092')),
      list: () => Promise.reject(new Error('secret')),
    };
    expect(await ask(`/registry/analytics/schemas/guids/${ORDERS_1.guid}`, 'GET', broken)).toEqual(
      refused(503, 50_302, 'The schemas cannot be read at the moment: ask again.'),
    );
    expect(await ask('/registry/analytics/subjects', 'GET', broken)).toEqual(refused(500, 50_001, 'The relay failed to answer.'));
  });
});

test('where there is a registry there are no pages', async () => {
  await using server = await serveHttp({ ...rest, registry: null }, never);
  const response = await fetch(`http://127.0.0.1:${server.port}/registry/analytics/subjects`);
  expect([response.status, await response.text()]).toEqual([
    404,
    'There is nothing here: ask for /, /api/status, /metrics, /startupz, /livez or /readyz.\n',
  ]);
});
