/**
 * Faults on purpose: which requests go wrong, and how. The same plan and the same requests give the same faults.
 */

export const ROUTES = ['list', 'version', 'metadata', 'query', 'changes', 'file'] as const;
export type Route = (typeof ROUTES)[number];

/** All conditions that are given must hold. Counting is per rule, over the requests that meet its `route`, `table` and `path`. */
export interface FaultMatch {
  readonly route?: Route;
  /** `share.schema.table`, without regard to case. */
  readonly table?: string;
  /** A part of the request's path and query as sent: a file's name, `startingVersion=3`. */
  readonly path?: string;
  /** Only the n-th request, from 1. */
  readonly nth?: number;
  /** Every n-th request. */
  readonly every?: number;
  /** Only with this probability, in [0, 1], from a generator seeded by `seed`. */
  readonly probability?: number;
  readonly seed?: number;
  /** At most so many faults in all. */
  readonly times?: number;
}

export type FaultAction =
  /** Answers later. */
  | { readonly kind: 'latency'; readonly ms: number }
  /** Answers with this status and an error body; of a file it is XML as object storage sends it. */
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly errorCode?: string;
      readonly message?: string;
      /** The header's value: seconds or an HTTP date. */
      readonly retryAfter?: string;
      /** How the JSON body spells its code: providers differ. Text has no JSON at all. */
      readonly body?: 'errorCode' | 'error_code' | 'text';
    }
  /** Sends to another URL. */
  | { readonly kind: 'redirect'; readonly status: number; readonly location: string }
  /** The connection breaks after so many bytes, or after this fraction of the body. */
  | { readonly kind: 'cut'; readonly bytes?: number; readonly fraction?: number }
  /** As `cut`, but the shorter answer ends as if it were whole. */
  | { readonly kind: 'short'; readonly bytes?: number; readonly fraction?: number }
  /** Turns over bytes of the body, from the offset `at` on (counted from the end if negative). */
  | { readonly kind: 'wrong-bytes'; readonly at: number; readonly count: number }
  /** The header promises endStreamAction, the body has none. */
  | { readonly kind: 'no-end' }
  /** After so many lines comes an endStreamAction that calls the whole answer an error. */
  | { readonly kind: 'error-line'; readonly lines: number; readonly message: string; readonly status?: number }
  /** The URLs in the answer have expired, whatever their expirationTimestamp says. */
  | { readonly kind: 'expired-url' }
  /** Answers as if the table's latest version were lower by so many. */
  | { readonly kind: 'stale'; readonly versions: number }
  /** Pages of so many files, though none were asked for. */
  | { readonly kind: 'pages'; readonly files: number }
  /** Protocol lines of `/changes` without the lists of features, as the reference server sends them in delta format. */
  | { readonly kind: 'dropped-features' }
  /** Neither the capabilities header nor what it promises, as an old server. */
  | { readonly kind: 'no-capabilities' };

export type FaultKind = FaultAction['kind'];

export interface FaultRule {
  readonly match: FaultMatch;
  readonly do: FaultAction;
}

export interface FaultPlan {
  readonly rules: readonly FaultRule[];
}

export interface FaultSubject {
  readonly route: Route;
  readonly table: string | null;
  /** Path and query as sent. */
  readonly path: string;
}

/** The faults of one request, in the order of their rules. */
export class ActiveFaults {
  readonly actions: readonly FaultAction[];

  constructor(actions: readonly FaultAction[]) {
    this.actions = actions;
  }

  /** The first of a kind, or null. */
  find<K extends FaultKind>(kind: K): Extract<FaultAction, { readonly kind: K }> | null {
    for (const action of this.actions) if (isKind(action, kind)) return action;
    return null;
  }
}

interface RuleState {
  readonly rule: FaultRule;
  readonly random: () => number;
  met: number;
  fired: number;
}

/** Counts the requests and says which of them go wrong. */
export class FaultInjector {
  readonly #rules: readonly RuleState[];

  constructor(plan: FaultPlan | null) {
    this.#rules = (plan?.rules ?? []).map((rule) => ({ rule, random: seeded(rule.match.seed ?? 1), met: 0, fired: 0 }));
  }

  /** To be asked once per request. */
  next(subject: FaultSubject): ActiveFaults {
    return new ActiveFaults(this.#rules.filter((state) => fires(state, subject)).map((state) => state.rule.do));
  }
}

function fires(state: RuleState, subject: FaultSubject): boolean {
  const { route, table, path, nth, every, probability, times } = state.rule.match;
  if (route !== undefined && route !== subject.route) return false;
  if (table !== undefined && table.toLowerCase() !== subject.table?.toLowerCase()) return false;
  if (path !== undefined && !subject.path.includes(path)) return false;
  state.met += 1;
  if (nth !== undefined && state.met !== nth) return false;
  if (every !== undefined && state.met % every !== 0) return false;
  if (probability !== undefined && state.random() >= probability) return false;
  if (times !== undefined && state.fired >= times) return false;
  state.fired += 1;
  return true;
}

function isKind<K extends FaultKind>(action: FaultAction, kind: K): action is Extract<FaultAction, { readonly kind: K }> {
  return action.kind === kind;
}

/** Mulberry32: small, and the same on every machine. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** How many bytes of a body of `total` are sent before it ends. */
export function keptBytes(action: { readonly bytes?: number; readonly fraction?: number }, total: number): number {
  return Math.min(total, action.bytes ?? Math.floor(total * (action.fraction ?? 0.5)));
}
