/**
 * What may go wrong at one request of a provider, and what the relay may then do about it: it goes on by itself, or the feed is parked with a reason that a restart
 * overcomes. Of faults that do not show in any answer (a listing that leaves out a file) nothing can be promised; they stand here with the reason.
 */
import type { FailureCode } from '../../src/model/failure.ts';
import type { FaultAction, FaultKind } from '../../src/provider/fault-kinds.ts';
import type { FaultRule, Route } from '../../src/provider/faults.ts';

/** The routes that a relay of one table asks. */
export type AskedRoute = Exclude<Route, 'list'>;

export interface FaultCase {
  /** For people; no other case has it. */
  readonly name: string;
  readonly routes: readonly AskedRoute[];
  readonly do: FaultAction;
  readonly strikes: Strikes;
  /** What a feed may be parked with. Empty: it passes by itself. */
  readonly parks: readonly FailureCode[];
}

type Strikes =
  | 'once'
  /** The answer that renews the URLs of one whose own were dead: the same answer to a first question shows nothing wrong. */
  | 'at renewal'
  /** A server's lasting way: pages of two servers, one with it and one without, do not fit together, and show nothing of it. */
  | 'always';

const API = ['version', 'metadata', 'query', 'changes'] as const satisfies readonly AskedRoute[];
const LISTINGS = ['query', 'changes'] as const satisfies readonly AskedRoute[];
const WITH_BODY = ['metadata', 'query', 'changes', 'file'] as const satisfies readonly AskedRoute[];
const EVERY = [...API, 'file'] as const satisfies readonly AskedRoute[];
const NOBODY = 'http://127.0.0.1:1/';

type Told =
  | readonly (readonly [
      routes: readonly AskedRoute[],
      settings: string,
      action: FaultAction,
      parks?: readonly FailureCode[],
      strikes?: Strikes,
    ])[]
  /** Why the kind is left out. */
  | string;

const status = (code: number, more: Omit<Extract<FaultAction, { readonly kind: 'status' }>, 'kind' | 'status'> = {}): FaultAction => ({
  kind: 'status',
  status: code,
  ...more,
});

// One line a case, so that it reads as a table.
// oxfmt-ignore
const TOLD: Readonly<Record<FaultKind, Told>> = {
  latency: [[EVERY, '30 ms', { kind: 'latency', ms: 30 }]],
  hang: [
    [EVERY, 'at once', { kind: 'hang' }],
    [WITH_BODY, 'halfway', { kind: 'hang', fraction: 0.5 }],
  ],
  status: [
    [API, '400', status(400, { errorCode: 'INVALID_PARAMETER_VALUE' }), ['provider.refused']],
    [['file'], '400', status(400)],
    [API, '401', status(401), ['provider.unauthorized']],
    [['file'], '401', status(401)],
    [API, '403', status(403), ['provider.forbidden']],
    [['file'], '403', status(403, { errorCode: 'AccessDenied' })],
    [API, '404', status(404, { errorCode: 'RESOURCE_DOES_NOT_EXIST' }), ['table.unknown']],
    [['file'], '404', status(404, { errorCode: 'NoSuchKey' })],
    [EVERY, '408', status(408)],
    [API, '413', status(413), ['provider.too_large']],
    [['file'], '413', status(413), ['file.forbidden']],
    [EVERY, '429, 2 s', status(429, { errorCode: 'RATE_LIMITED', retryAfter: '2' })],
    [EVERY, '500', status(500)],
    [EVERY, '502 as text', status(502, { body: 'text' })],
    [EVERY, '503 until 2000', status(503, { body: 'error_code', retryAfter: 'Sat, 01 Jan 2000 00:00:00 GMT' })],
    [EVERY, '504', status(504)],
  ],
  redirect: [
    [API, 'to another origin', { kind: 'redirect', status: 307, location: NOBODY }, ['provider.malformed']],
    [['file'], 'to another host', { kind: 'redirect', status: 307, location: NOBODY }, ['file.forbidden']],
  ],
  cut: [
    [WITH_BODY, 'before the body', { kind: 'cut', fraction: 0 }],
    [WITH_BODY, 'halfway', { kind: 'cut', fraction: 0.5 }],
    [WITH_BODY, 'near the end', { kind: 'cut', fraction: 0.99 }],
  ],
  short: [
    [WITH_BODY, 'no body', { kind: 'short', fraction: 0 }],
    [WITH_BODY, 'halfway', { kind: 'short', fraction: 0.5 }],
    [WITH_BODY, 'near the end', { kind: 'short', fraction: 0.99 }],
  ],
  'wrong-bytes': [
    [['metadata', 'query', 'changes'], 'at the beginning', { kind: 'wrong-bytes', at: 0, count: 1 }, ['provider.malformed']],
    [['metadata', 'query', 'changes'], 'in the middle', { kind: 'wrong-bytes', at: 200, count: 3 }, ['provider.malformed']],
    // What lies between a file's ends is guarded by nothing but TLS.
    [['file'], 'at the end', { kind: 'wrong-bytes', at: -4, count: 4 }, ['file.undecodable', 'file.vector']],
  ],
  'no-end': [[LISTINGS, '', { kind: 'no-end' }]],
  'error-line': [
    [LISTINGS, '500', { kind: 'error-line', lines: 3, message: 'the disk is full', status: 500 }],
    [LISTINGS, 'without a status', { kind: 'error-line', lines: 2, message: 'the disk is full' }, ['provider.refused']],
  ],
  'expired-url': [[LISTINGS, '', { kind: 'expired-url' }]],
  'url-life': [
    [LISTINGS, '1 ms', { kind: 'url-life', ms: 1 }],
    [LISTINGS, 'less than is told', { kind: 'url-life', ms: 60_000, earlyMs: 60_000 }],
  ],
  'untold-expiry': [
    [LISTINGS, 'once', { kind: 'untold-expiry' }],
    [LISTINGS, 'always', { kind: 'untold-expiry' }, [], 'always'],
  ],
  unfiltered: [[['changes'], '', { kind: 'unfiltered' }, [], 'always']],
  shuffled: [
    [LISTINGS, 'once', { kind: 'shuffled', seed: 3 }],
    [LISTINGS, 'always', { kind: 'shuffled', seed: 3 }, [], 'always'],
  ],
  'other-files': [[LISTINGS, 'at renewal', { kind: 'other-files', files: 1 }, [], 'at renewal']],
  'other-ids': [[LISTINGS, 'at renewal', { kind: 'other-ids' }, [], 'at renewal']],
  stale: [
    [API, 'by 3', { kind: 'stale', versions: 3 }],
    [API, 'by 40', { kind: 'stale', versions: 40 }],
  ],
  pages: [[LISTINGS, 'of 1', { kind: 'pages', files: 1 }]],
  gap: [
    [['changes'], '400', { kind: 'gap', version: 30, status: 400 }],
    [['changes'], '500', { kind: 'gap', version: 30, status: 500 }],
  ],
  'no-history': [[['changes'], '', { kind: 'no-history' }, ['table.no_history']]],
  'start-version': [[['changes'], '40', { kind: 'start-version', version: 40 }, ['gap.history_gone']]],
  'no-historical-metadata': [
    [['metadata', 'changes'], 'once', { kind: 'no-historical-metadata' }, ['provider.malformed']],
    [['metadata', 'changes'], 'always', { kind: 'no-historical-metadata' }, [], 'always'],
  ],
  'no-capabilities': [[['metadata', 'query', 'changes'], '', { kind: 'no-capabilities' }, ['table.feature']]],
  'dropped-features': [[['changes'], '', { kind: 'dropped-features' }, ['provider.malformed']]],
  'plain-only': [[API, '', { kind: 'plain-only' }, ['table.feature']]],
  'features-by-property': [
    [API, 'once', { kind: 'features-by-property' }],
    [API, 'always', { kind: 'features-by-property' }, [], 'always'],
  ],
  'page-bug': 'a page that lacks a file shows nothing wrong: the relay asks for no pages, so that the server has none to lose it on',
  'exact-instant': 'no feed here begins at an instant',
  'recreated-500': 'the table is never replaced',
  'unknown-format': [[['metadata'], '', { kind: 'unknown-format' }]],
  'no-vector-id': [
    [LISTINGS, 'once', { kind: 'no-vector-id' }],
    [LISTINGS, 'always', { kind: 'no-vector-id' }, [], 'always'],
  ],
  'md5-ids': [
    [LISTINGS, 'once', { kind: 'md5-ids' }, ['provider.malformed']],
    [LISTINGS, 'always', { kind: 'md5-ids' }, [], 'always'],
  ],
  'error-spelling': 'it changes errors, and comes with `status` in one of its spellings',
};

export const FAULT_CASES: readonly FaultCase[] = Object.entries(TOLD).flatMap(([kind, told]) =>
  typeof told === 'string'
    ? []
    : told.map(([routes, settings, action, parks = [], strikes = 'once']): FaultCase => ({
        name: `${kind} ${settings}`.trimEnd(),
        routes,
        do: action,
        strikes,
        parks,
      })),
);

/** How a route is asked when nothing goes wrong. */
export interface Asked {
  readonly requests: number;
  /** That an answer has at most. */
  readonly pages: number;
}

/** The case at the n-th request of a route, from 1, or from there on. A renewal comes behind all that is asked for without one. */
export function rulesAt(fault: FaultCase, route: AskedRoute, nth: number, { requests, pages }: Asked): readonly FaultRule[] {
  switch (fault.strikes) {
    case 'once':
      return [{ match: { route, nth }, do: fault.do }];
    case 'always':
      return [{ match: { route }, do: fault.do }];
    case 'at renewal':
      return [
        { match: { route, nth }, do: { kind: 'expired-url' } },
        ...Array.from({ length: pages }, (_, page): FaultRule => ({ match: { route, nth: requests + 1 + page }, do: fault.do })),
      ];
  }
}
