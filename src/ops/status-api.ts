/**
 * `/api`: what the relay tells of its feeds, and the orders that it takes (schemas/openapi.json).
 *
 *   GET  /api/status        all feeds; with ?own those that this replica has
 *   GET  /api/feeds/{id}    one feed with its latest commits
 *   POST /api/feeds/{id}/{pause|resume|restart|poll}     with the token of the config
 *   GET  /api/openapi.json  the description
 *
 * An order for a feed of another replica is handed on to it, once. Answers are JSON; what is refused has one sentence under `error`.
 */
import { readFileSync } from 'node:fs';
import { orAbort } from '../lib/abort.ts';
import { unreachable } from '../lib/assert.ts';
import { nearest } from '../lib/nearest.ts';
import type { FeedId } from '../model/feed.ts';
import type { Secret } from '../model/secret.ts';
import { FEED_ORDERS } from '../ports/feed-control.ts';
import type { FeedControl, FeedOrder, FeedView, OrderAnswer, Others, Owner } from '../ports/feed-control.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { rightOf } from './admin.ts';
import type { Right } from './admin.ts';
import { json, jsonText, refusal } from './answer.ts';
import type { Answer, Asked } from './answer.ts';
import { askDetail, askPeers, handOn } from './peers.ts';
import type { PeerAnswer } from './peers.ts';
import { commitsOf, feedStatus, isoOf, orphansOf, sourcesOf, viewsOf } from './status.ts';
import type { FeedDetail, FeedStatus, PeerStatus, StatusDocument, StatusWorld } from './status.ts';

export interface StatusApiOptions extends StatusWorld {
  /** Null before the relay has reached Kafka. */
  readonly control: () => FeedControl | null;
  /** Null, or one sentence: why the relay is not ready. */
  readonly notReady: () => string | null;
  /** Null: no orders are taken. */
  readonly adminToken: Secret | null;
  readonly log: Telemetry['log'];
}

export interface StatusApi {
  /** Null where the path is not below `/api`. Never rejects. */
  answer(asked: Asked, signal: AbortSignal): Promise<Answer | null>;
}

/** For what is read from Kafka: what does not come in time is told of, and the page comes all the same. */
const KAFKA_MS = 2_500;
/** For an order: one that waits for longer is accepted, and carried out later. */
const ORDER_MS = 10_000;
/** Answers that are being made at one time. */
const OPEN_MAX = 64;
/** Whoever tries tokens fills no log. */
const REFUSALS_TOLD_MS = 10_000;
const ID_TOLD_MAX = 200;
/** Who asks again within this time gets the same page. */
const FRESH_MS = 500;

const DESCRIPTION = new URL('../../schemas/openapi.json', import.meta.url);

export function statusApi(options: StatusApiOptions): StatusApi {
  const description = readFileSync(DESCRIPTION, 'utf8');
  const api = new Api(options);
  let open = 0;
  return {
    answer: async (asked, signal) => {
      const { path } = asked;
      if (path !== '/api' && !path.startsWith('/api/')) return null;
      if (open >= OPEN_MAX) return refusal(503, 'Too many questions at a time: ask again.', { 'retry-after': '1' });
      open++;
      try {
        if (path === '/api/openapi.json') return read(asked) ?? jsonText(200, description);
        return await api.answer(asked, signal);
      } catch {
        return refusal(500, 'The relay failed to answer.');
      } finally {
        open--;
      }
    },
  };
}

class Api {
  readonly #options: StatusApiOptions;
  #toldRefusalAt = -Infinity;
  #last: { readonly at: number; readonly page: Promise<string> } | null = null;

  constructor(options: StatusApiOptions) {
    this.#options = options;
  }

  async answer(asked: Asked, signal: AbortSignal): Promise<Answer> {
    const isOwn = asked.query.has('own');
    if (asked.path === '/api/status') return read(asked) ?? jsonText(200, await this.#page(isOwn, signal));
    const [, encoded = '', order = null, ...rest] = asked.path.slice('/api/'.length).split('/');
    const id = decoded(encoded);
    if (!asked.path.startsWith('/api/feeds/') || id === null || rest.length > 0)
      return refusal(
        404,
        'There is nothing here: see /api/openapi.json. The id of a feed is one part of the path: its `/` are written `%2F`.',
      );
    if (order === null) return read(asked) ?? (await this.#detail(id, isOwn, signal));
    const known = FEED_ORDERS.find((name) => name === order);
    if (known === undefined) return refusal(404, `\`${order.slice(0, 40)}\` is none of ${FEED_ORDERS.join(', ')}.`);
    if (asked.method !== 'POST') return refusal(405, 'An order is given by POST.', { allow: 'POST' });
    return this.#order(id, known, asked, signal);
  }

  /** Those who ask at one time share an answer. */
  async #page(isOwn: boolean, signal: AbortSignal): Promise<string> {
    if (isOwn) return JSON.stringify(await this.#document(true, signal));
    const now = performance.now();
    if (this.#last === null || now - this.#last.at >= FRESH_MS) {
      this.#last = { at: now, page: this.#document(false, AbortSignal.timeout(PAGE_MS)).then((document) => JSON.stringify(document)) };
    }
    return orAbort(this.#last.page, signal);
  }

  async #document(isOwn: boolean, signal: AbortSignal): Promise<StatusDocument> {
    const { relay, replica, adminToken, notReady } = this.#options;
    const views = viewsOf(this.#options.control(), isOwn);
    const elsewhere = views.filter(({ here }) => here === null);
    const gaps: string[] = [];
    const others = elsewhere.length === 0 ? null : await this.#others(gaps, signal);
    const peers = others === null ? new Map<FeedId, PeerStatus>() : await this.#peers(elsewhere, others, gaps, signal);
    const because = notReady();
    return {
      relay,
      at: isoOf(this.#options.now()),
      replica: { name: replica.name, http: replica.http, startedAt: isoOf(replica.startedAt) },
      ready: { isReady: because === null, because },
      actions: adminToken === null ? 'off' : 'on',
      sources: sourcesOf(this.#options),
      feeds: views.map((view) => peers.get(view.spec.id) ?? feedStatus(this.#options, view, others)),
      orphans: isOwn ? [] : orphansOf(this.#options.control(), others),
      gaps,
    };
  }

  /** Null, and a sentence, where Kafka does not tell in time. */
  async #others(gaps: string[], signal: AbortSignal): Promise<Others | null> {
    const control = this.#options.control();
    if (control === null) return null;
    try {
      return await control.others(AbortSignal.any([signal, AbortSignal.timeout(KAFKA_MS)]));
    } catch {
      // What Kafka says is in the log of the feeds.
      signal.throwIfAborted();
      gaps.push('Kafka did not tell in time of the feeds of other replicas: how they stand is not known.');
      return null;
    }
  }

  async #peers(
    elsewhere: readonly FeedView[],
    others: Others,
    gaps: string[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<FeedId, PeerStatus>> {
    const ownerOf = new Map(elsewhere.flatMap(({ spec, partition }) => entry(spec.id, others.owners.get(partition))));
    const { name: own, http: address } = this.#options.replica;
    const owners = new Map([...ownerOf.values()].flatMap(({ http, name }) => (http === null || name === own ? [] : entry(http, name))));
    const namesake = address === null ? undefined : owners.get(address);
    if (address !== null && namesake !== undefined) {
      gaps.push(`${sameAddress(namesake, address)} Its feeds are shown as of their last commit.`);
      owners.delete(address);
    }
    const answers = await askPeers([...owners.keys()], signal);
    for (const [http, feeds] of answers) {
      if (feeds === null)
        gaps.push(`Replica ${owners.get(http) ?? ''} does not answer at ${http}: its feeds are shown as of their last commit.`);
    }
    // Of what a replica tells, that counts which it has.
    return new Map(
      [...answers].flatMap(([http, feeds]) =>
        (feeds ?? []).filter(({ id }) => ownerOf.get(id)?.http === http).map((feed) => [feed.id, feed]),
      ),
    );
  }

  async #detail(id: FeedId, isOwn: boolean, signal: AbortSignal): Promise<Answer> {
    const view = this.#find(id);
    if (view === null) return this.#unknown(id);
    if (view.here === null && !isOwn) {
      const owner = await this.#ownerOf(view, signal);
      const http = owner?.http ?? null;
      const answer = http === null || this.#isOurs(http) ? null : await askDetail(http, `${pathOf(id)}?own`, signal);
      if (answer?.status === 200) return jsonText(200, answer.text);
    }
    const feed: FeedStatus = feedStatus(this.#options, view, view.here === null ? await this.#others([], signal) : null);
    const detail: FeedDetail = { feed, commits: view.here === null ? [] : commitsOf(this.#options, id) };
    return json(200, detail);
  }

  async #order(id: FeedId, order: FeedOrder, asked: Asked, signal: AbortSignal): Promise<Answer> {
    const { adminToken, log, now, control } = this.#options;
    const right = rightOf(adminToken, asked.authorization, `POST ${asked.path}`, now());
    if (right !== 'granted' && right !== 'granted_to_replica') {
      if (right === 'refused' && now() - this.#toldRefusalAt >= REFUSALS_TOLD_MS) {
        this.#toldRefusalAt = now();
        log('warn', 'an order was refused: it did not have the token', { feed: id.slice(0, ID_TOLD_MAX), order, from: asked.from });
      }
      return withoutRight(right);
    }
    const view = this.#find(id);
    const steering = control();
    if (view === null || steering === null) return this.#unknown(id);
    const answer = await steering.order(id, order, AbortSignal.any([signal, AbortSignal.timeout(ORDER_MS)]));
    log('info', 'an order was given', { feed: id, order, from: asked.from, answer: answer.kind });
    if (answer.kind === 'elsewhere' && right === 'granted') return this.#handOn(view, order, signal);
    return orderAnswer(id, order, answer);
  }

  async #handOn(view: FeedView, order: FeedOrder, signal: AbortSignal): Promise<Answer> {
    const { adminToken, now } = this.#options;
    const owner = await this.#ownerOf(view, signal);
    if (owner === null) return refusal(503, 'No replica has the feed at the moment: ask again.', { 'retry-after': '5' });
    if (owner.http !== null && this.#isOurs(owner.http))
      return refusal(421, `${sameAddress(owner.name, owner.http)} Give the order there.`);
    const answer =
      owner.http === null || adminToken === null
        ? null
        : await handOn(owner.http, `${pathOf(view.spec.id)}/${order}`, adminToken, now(), signal);
    if (answer === null)
      return refusal(
        421,
        `Replica ${owner.name} has the feed, and does not answer${owner.http === null ? '' : ` at ${owner.http}`}: give the order there.`,
      );
    // Whoever asks has the token: it is not for them to be told that they do not.
    if (answer.status === 401 || answer.status === 403)
      return refusal(
        421,
        `Replica ${owner.name} has the feed, and does not take orders from this one: its token is another, or its clock. Give the order there.`,
      );
    return relayed(answer);
  }

  async #ownerOf({ partition }: FeedView, signal: AbortSignal): Promise<Owner | null> {
    const owner = (await this.#others([], signal))?.owners.get(partition) ?? null;
    // What this replica had and nobody has claimed since is nobody's.
    return owner?.name === this.#options.replica.name ? null : owner;
  }

  /** Of an address that another replica has named: asking there would be asking ourselves. */
  #isOurs(http: string): boolean {
    return http === this.#options.replica.http;
  }

  #find(id: FeedId): FeedView | null {
    return (
      this.#options
        .control()
        ?.feeds()
        .find(({ spec }) => spec.id === id) ?? null
    );
  }

  #unknown(id: FeedId): Answer {
    const control = this.#options.control();
    if (control === null)
      return refusal(503, `The relay knows its feeds when it has reached Kafka: ${this.#options.notReady() ?? 'ask again.'}`, {
        'retry-after': '5',
      });
    const ids = control.feeds().map(({ spec }) => spec.id);
    const meant = nearest(id.slice(0, 500), ids);
    return refusal(404, `There is no feed of this id${meant === null ? '' : `; did you mean ${meant}?`}`);
  }
}

const PAGE_MS = 10_000;

/** Null where it is right to read. */
function read({ method }: Asked): Answer | null {
  return method === 'GET' || method === 'HEAD' ? null : refusal(405, 'This is read by GET.', { allow: 'GET, HEAD' });
}

function withoutRight(right: Exclude<Right, 'granted' | 'granted_to_replica'>): Answer {
  if (right === 'off') return refusal(403, 'Orders are off: set `http.adminToken` in the config and restart to switch them on.');
  return refusal(401, 'An order takes the token of the config: `Authorization: Bearer <http.adminToken>`.', {
    'www-authenticate': 'Bearer',
  });
}

function orderAnswer(feed: FeedId, order: FeedOrder, answer: OrderAnswer): Answer {
  switch (answer.kind) {
    case 'done':
      return json(200, { feed, order, done: true, message: answer.sentence });
    case 'accepted':
      return json(202, { feed, order, done: false, message: answer.sentence });
    case 'refused':
      return refusal(409, answer.sentence);
    case 'too_soon': {
      const seconds = Math.max(1, Math.ceil(answer.retryAfterMs / 1000));
      return refusal(429, `It was asked to poll a moment ago: ask again in ${seconds} s.`, { 'retry-after': String(seconds) });
    }
    case 'elsewhere':
      return refusal(421, 'Another replica has the feed by now: ask again.');
    case 'unknown':
      return refusal(404, 'There is no feed of this id any more.');
    default:
      return unreachable(answer);
  }
}

function sameAddress(name: string, http: string): string {
  return `Replica ${name} has named ${http}, where this one is: it has gone, or its \`http.host\` lets only its own machine in.`;
}

function relayed({ status, text, retryAfter }: PeerAnswer): Answer {
  return jsonText(status, text, retryAfter === null ? {} : { 'retry-after': retryAfter });
}

function decoded(part: string): string | null {
  try {
    return part === '' ? null : decodeURIComponent(part);
  } catch {
    return null;
  }
}

function pathOf(id: FeedId): string {
  return `/api/feeds/${encodeURIComponent(id)}`;
}

function entry<V>(key: FeedId, value: V | undefined): readonly (readonly [FeedId, V])[] {
  return value === undefined ? [] : [[key, value]];
}
