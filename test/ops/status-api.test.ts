/**
 * /api as it answers, each answer held against its description.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Secret } from '../../src/model/secret.ts';
import { signed } from '../../src/ops/admin.ts';
import { newCheckpoint } from '../../src/relay/checkpoint.ts';
import type { Owner } from '../../src/ports/feed-control.ts';
import { schemaFaults } from '../support/json-schema.ts';
import { NOW, TEN, TOKEN, openStage } from './status-stage.ts';
import type { Stage } from './status-stage.ts';

const DESCRIPTION: unknown = JSON.parse(readFileSync(new URL('../../schemas/openapi.json', import.meta.url), 'utf8'));
const ORDERS = 'analytics/acme/sales.public.orders';
const ELSEWHERE = 'billing/acme/finance.ledger.invoices';

interface Said {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly retryAfter: string | null;
}

/** Fails where the answer is not as the description says. */
async function ask({ url }: Pick<Stage, 'url'>, path: string, method = 'GET', authorization: string | null = null): Promise<Said> {
  const response = await fetch(`${url}${path}`, { method, headers: authorization === null ? {} : { authorization } });
  expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
  const body: Record<string, unknown> = JSON.parse(await response.text());
  const described = path.replace(/\?.*/, '').replace(/^(\/api\/feeds\/)[^/]+/, '$1{id}');
  const at = `#/paths/${described.replaceAll('/', '~1')}/${method.toLowerCase()}/responses/${response.status}`;
  expect(schemaFaults(body, schemaAt(described, method, response.status), DESCRIPTION), at).toEqual([]);
  return { status: response.status, body, retryAfter: response.headers.get('retry-after') };
}

/** Null where it is not described. */
function schemaAt(path: string, method: string, status: number): unknown {
  const steps = ['paths', path, method.toLowerCase(), 'responses', String(status), 'content', 'application/json', 'schema'];
  const found = steps.reduce(
    (part: unknown, key) => (typeof part === 'object' && part !== null ? Reflect.get(part, key) : undefined),
    DESCRIPTION,
  );
  return found ?? { properties: { error: { type: 'string' } }, required: ['error'], additionalProperties: false };
}

function order(stage: Stage, name: string, feed = ORDERS, authorization: string | null = `Bearer ${TOKEN}`): Promise<Said> {
  return ask(stage, `/api/feeds/${encodeURIComponent(feed)}/${name}`, 'POST', authorization);
}

describe('/api/status', () => {
  test('tells each feed as it stands, whatever its state', async () => {
    await using stage = await openStage();
    const { status, body } = await ask(stage, '/api/status');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      relay: { name: 'acme-relay', version: '0.1.0' },
      at: '2026-03-02T10:15:00.000Z',
      replica: { name: 'relay-0/1', http: stage.url, startedAt: '2026-03-01T10:15:00.000Z' },
      ready: { isReady: true, because: null },
      actions: 'on',
      sources: [{ name: 'acme', pollSeconds: 10, credentialExpiresAt: '2026-03-07T10:15:00.000Z' }],
      gaps: [],
    });
    const feeds = new Map(feedsOf(body).map((feed) => [feed['table'], feed]));
    expect(TEN.map(({ table }) => feeds.get(table)?.['state'])).toEqual(
      TEN.map(({ state }) => (state === 'elsewhere' ? 'running' : state)),
    );
    expect(feeds.get('sales.public.order_lines')).toMatchObject({
      id: 'analytics/acme/sales.public.order_lines',
      topic: 'analytics.sales.public.order_lines',
      position: { kind: 'changes', version: 18_190, records: 0 },
      latestVersion: 18_203,
      lag: { versions: 14, seconds: 294 },
      owner: 'relay-0/1',
      seen: 'live',
    });
    expect(feeds.get('crm.core.accounts')?.['failure']).toEqual({
      code: 'provider.unavailable',
      version: 5_120,
      message: 'asking for the latest version of crm.core.accounts: the provider answered 503',
      remedy: 'The provider fails by itself: if it lasts, tell the provider the time and the table.',
      at: '2026-03-02T10:14:51.000Z',
      nextTryAt: '2026-03-02T10:15:41.000Z',
    });
    expect(feeds.get('crm.core.contacts')?.['failure']).toMatchObject({ code: 'feed.paused' });
    expect(feeds.get('finance.ledger.invoices')).toMatchObject({ seen: 'checkpoint', owner: 'relay-1/1', lag: { versions: null } });
  });

  test('with ?own tells the feeds of this replica alone', async () => {
    await using stage = await openStage();
    const own = feedsOf((await ask(stage, '/api/status?own')).body).map(({ id }) => id);
    expect(own).toHaveLength(8);
    expect(own).not.toContain(ELSEWHERE);
  });

  test('before Kafka is reached says so, and has no feeds', async () => {
    await using stage = await openStage({ isEarly: true });
    const { body } = await ask(stage, '/api/status');
    expect(body).toMatchObject({ ready: { isReady: false, because: 'The relay is not ready until Kafka answers.' }, feeds: [] });
    expect(await order(stage, 'pause')).toMatchObject({ status: 503, retryAfter: '5' });
  });

  test('without Kafka tells what it knows by itself, and what it does not', async () => {
    await using stage = await openStage();
    stage.control.isDeaf = true;
    const { body } = await ask(stage, '/api/status');
    expect(feedsOf(body)).toHaveLength(10);
    expect(body['gaps']).toEqual(['Kafka did not tell in time of the feeds of other replicas: how they stand is not known.']);
  });
});

describe('/api/feeds/{id}', () => {
  test('tells the latest transactions, twenty at most', async () => {
    await using stage = await openStage();
    const { status, body } = await ask(stage, `/api/feeds/${encodeURIComponent(ORDERS)}`);
    expect(status).toBe(200);
    expect(body['commits']).toHaveLength(20);
    const [first]: readonly unknown[] = Array.isArray(body['commits']) ? body['commits'] : [];
    expect(first).toMatchObject({ at: '2026-03-02T10:14:56.000Z', nextVersion: 18_204, versions: 1 });
  });

  test('a name that is nearly right is told', async () => {
    await using stage = await openStage();
    const { status, body } = await ask(stage, '/api/feeds/analytics%2Facme%2Fsales.public.ordres');
    expect([status, body['error']]).toEqual([404, `There is no feed of this id; did you mean ${ORDERS}?`]);
  });

  test('an id whose slashes are not encoded, and one that is no text, are told how to be written', async () => {
    await using stage = await openStage();
    for (const path of [`/api/feeds/${ORDERS}`, '/api/feeds/%E0', '/api/feeds', '/api']) {
      const { status, body } = await ask(stage, path);
      expect([path, status, String(body['error'])]).toEqual([path, 404, expect.stringContaining('%2F')]);
    }
  });
});

describe('an order', () => {
  test('is given to the feed, answered, and logged with who gave it', async () => {
    await using stage = await openStage();
    expect(await order(stage, 'pause')).toMatchObject({ status: 200, body: { feed: ORDERS, order: 'pause', done: true } });
    expect(stage.control.orders).toEqual([`pause ${ORDERS}`]);
    expect(stage.lines).toEqual([`info an order was given {"feed":"${ORDERS}","order":"pause","from":"127.0.0.1","answer":"done"}`]);
  });

  test.each([
    ['no token', null],
    ['another token', `Bearer ${TOKEN}x`],
    ['the token in another form', `Basic ${TOKEN}`],
    ['an old signature', signed(new Secret(TOKEN), `POST /api/feeds/${encodeURIComponent(ORDERS)}/pause`, NOW - 31_000)],
    ['the signature of another order', signed(new Secret(TOKEN), `POST /api/feeds/${encodeURIComponent(ORDERS)}/resume`, NOW)],
    ['a signature by another token', signed(new Secret('another-token-of-16'), `POST /api/feeds/${encodeURIComponent(ORDERS)}/pause`, NOW)],
  ])('with %s is refused', async (_, authorization) => {
    await using stage = await openStage();
    expect((await order(stage, 'pause', ORDERS, authorization)).status).toBe(401);
    expect(stage.control.orders).toEqual([]);
    expect(stage.lines.join()).not.toContain(TOKEN);
  });

  test('is off where the config has no token, and says how to switch it on', async () => {
    await using stage = await openStage({ adminToken: null });
    const { status, body } = await order(stage, 'pause', ORDERS, 'Bearer ');
    expect([status, body['error']]).toEqual([403, 'Orders are off: set `http.adminToken` in the config and restart to switch them on.']);
    expect((await ask(stage, '/api/status')).body['actions']).toBe('off');
  });

  test('each answer of the relay has its status', async () => {
    await using stage = await openStage();
    const { control } = stage;
    control.answer = { kind: 'accepted', sentence: 'Later.' };
    expect(await order(stage, 'restart')).toMatchObject({ status: 202, body: { done: false, message: 'Later.' } });
    control.answer = { kind: 'refused', sentence: 'It is paused: resume it.' };
    expect(await order(stage, 'poll')).toMatchObject({ status: 409, body: { error: 'It is paused: resume it.' } });
    control.answer = { kind: 'too_soon', retryAfterMs: 1_200 };
    expect(await order(stage, 'poll')).toMatchObject({ status: 429, retryAfter: '2' });
    control.answer = { kind: 'unknown' };
    expect(await order(stage, 'poll')).toMatchObject({ status: 404 });
  });

  test('by another method, of another name, for another feed and with a body too long is refused', async () => {
    await using stage = await openStage();
    const path = `/api/feeds/${encodeURIComponent(ORDERS)}`;
    const byGet = await fetch(`${stage.url}${path}/pause`);
    expect([byGet.status, byGet.headers.get('allow')]).toEqual([405, 'POST']);
    const posted = await fetch(`${stage.url}/api/status`, { method: 'POST' });
    expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    const { status, body } = await order(stage, 'stop');
    expect([status, body['error']]).toEqual([404, '`stop` is none of pause, resume, restart, poll.']);
    expect((await order(stage, 'pause', 'analytics/acme/no.such.table')).status).toBe(404);
    expect((await fetch(`${stage.url}${path}/pause`, { method: 'POST', body: 'x'.repeat(2_000) })).status).toBe(413);
    expect(stage.control.orders).toEqual([]);
  });
});

describe('beside another replica', () => {
  const feeds = TEN.filter(({ table }) => table === 'finance.ledger.invoices');

  async function openTwo(): Promise<{ readonly one: Stage; readonly two: Stage } & AsyncDisposable> {
    const two = await openStage({
      feeds: [{ ...feeds[0], table: 'finance.ledger.invoices', recipient: 'billing', state: 'running', behind: 3, rows: 480 }],
      replica: 'relay-1/1',
    });
    const one = await openStage({ owners: new Map([[8, { name: 'relay-1/1', http: two.url, since: NOW }]]) });
    return {
      one,
      two,
      [Symbol.asyncDispose]: async () => {
        await one[Symbol.asyncDispose]();
        await two[Symbol.asyncDispose]();
      },
    };
  }

  test('its feeds are told as it tells them', async () => {
    await using both = await openTwo();
    const { body } = await ask(both.one, '/api/status');
    const feed = feedsOf(body).find(({ id }) => id === ELSEWHERE);
    expect(feed).toMatchObject({ seen: 'live', owner: 'relay-1/1', lag: { versions: 3 } });
    const { body: detail } = await ask(both.one, `/api/feeds/${encodeURIComponent(ELSEWHERE)}`);
    expect(detail['commits']).toHaveLength(20);
  });

  test('an order for its feed is handed on to it, once', async () => {
    await using both = await openTwo();
    const { one, two } = both;
    expect(await order(one, 'pause', ELSEWHERE)).toMatchObject({ status: 200, body: { feed: ELSEWHERE, done: true } });
    expect(two.control.orders).toEqual([`pause ${ELSEWHERE}`]);
    two.control.answer = { kind: 'elsewhere' };
    expect(await order(one, 'pause', ELSEWHERE)).toMatchObject({
      status: 421,
      body: { error: 'Another replica has the feed by now: ask again.' },
    });
    two.control.answer = { kind: 'too_soon', retryAfterMs: 500 };
    expect(await order(one, 'poll', ELSEWHERE)).toMatchObject({ status: 429, retryAfter: '1' });
  });

  test.each([
    ['a clock', { now: () => NOW + 60_000 }],
    ['a token', { adminToken: new Secret('another-token-that-is-long-enough') }],
    ['no token', { adminToken: null }],
  ])('one that has %s of its own takes no order that is handed on, which is told', async (_, options) => {
    await using two = await openStage({ ...options, replica: 'relay-1/1' });
    await using one = await openStage({ owners: new Map([[8, { name: 'relay-1/1', http: two.url, since: NOW }]]) });
    expect(await order(one, 'pause', ELSEWHERE)).toMatchObject({
      status: 421,
      body: { error: expect.stringMatching(/^Replica relay-1\/1 has the feed, and does not take orders from this one/) },
    });
    expect(two.control.orders).toEqual([]);
  });

  test('checkpoints of feeds that the config does not know are told, whoever met them', async () => {
    await using stage = await openStage();
    const [id, seenBefore] = ['gone/acme/a.b.new', 'gone/acme/a.b.old'];
    const begun = { ...newCheckpoint(seenBefore, 2, 9, 'cdf-relay/0.1.0', NOW), topic: 'gone.a.b.old', state: 'parked' as const };
    const failure = { code: 'feed.paused', version: 3, message: 'a person has paused the feed', at: NOW };
    stage.control.orphans.set(seenBefore, { ...begun, failure });
    stage.control.kept.set(id, newCheckpoint(id, 1, 1, 'cdf-relay/0.1.0', NOW));
    const { body } = await ask(stage, '/api/status');
    expect(body['orphans']).toEqual([
      { id, state: 'new', topic: '', generation: 1, position: null, lastCommitAt: null },
      {
        id: seenBefore,
        state: 'paused',
        topic: 'gone.a.b.old',
        generation: 2,
        position: { kind: 'changes', version: 0, records: 0 },
        lastCommitAt: '2026-03-02T10:15:00.000Z',
      },
    ]);
    expect((await ask(stage, '/api/status?own')).body['orphans']).toEqual([]);
  });

  test('one that does not answer is told of, and its feeds are shown as Kafka has them', async () => {
    const gone = await openStage();
    await gone[Symbol.asyncDispose]();
    await using stage = await openStage({ owners: new Map([[8, { name: 'relay-1/1', http: gone.url, since: NOW }]]) });
    const { body } = await ask(stage, '/api/status');
    expect(feedsOf(body).find(({ id }) => id === ELSEWHERE)).toMatchObject({ seen: 'checkpoint' });
    expect(body['gaps']).toEqual([`Replica relay-1/1 does not answer at ${gone.url}: its feeds are shown as of their last commit.`]);
    const { status, body: refused } = await order(stage, 'pause', ELSEWHERE);
    expect([status, refused['error']]).toEqual([
      421,
      `Replica relay-1/1 has the feed, and does not answer at ${gone.url}: give the order there.`,
    ]);
  });

  test('one that names the address of this one is not asked there, which is told', async () => {
    const owners = new Map<number, Owner>();
    await using stage = await openStage({ owners });
    owners.set(8, { name: 'relay-1/1', http: stage.url, since: NOW });
    const why = `Replica relay-1/1 has named ${stage.url}, where this one is: it has gone, or its \`http.host\` lets only its own machine in.`;
    const { body } = await ask(stage, '/api/status');
    expect(body['gaps']).toEqual([`${why} Its feeds are shown as of their last commit.`]);
    const { status, body: refused } = await order(stage, 'pause', ELSEWHERE);
    expect([status, refused['error']]).toEqual([421, `${why} Give the order there.`]);
  });

  test('a feed that no replica has takes no order yet', async () => {
    await using stage = await openStage();
    expect(await order(stage, 'resume', 'billing/acme/finance.ledger.quotes')).toMatchObject({ status: 503, retryAfter: '5' });
  });
});

test('the description is served as it stands in the repository, and names every path once', async () => {
  await using stage = await openStage();
  const { body } = await ask(stage, '/api/openapi.json');
  expect(body).toEqual(DESCRIPTION);
});

function feedsOf(body: Readonly<Record<string, unknown>>): readonly Readonly<Record<string, unknown>>[] {
  const feeds: readonly Readonly<Record<string, unknown>>[] = Array.isArray(body['feeds']) ? body['feeds'] : [];
  return feeds;
}
