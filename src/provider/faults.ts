/**
 * Faults on purpose: which requests go wrong. The same plan and the same requests give the same faults.
 */
import type { FaultAction, FaultKind, Likeness } from './fault-kinds.ts';
import { seeded } from './random.ts';

export const ROUTES = ['list', 'version', 'metadata', 'query', 'changes', 'file'] as const;
export type Route = (typeof ROUTES)[number];

/** All conditions that are given must hold. Counting is per rule, over the requests that meet its `route`, `table`, `path` and `versionsOver`. */
export interface FaultMatch {
  readonly route?: Route;
  /** `share.schema.table`, without regard to case. */
  readonly table?: string;
  /** A part of the request's path and query as sent: a file's name, `startingVersion=3`. */
  readonly path?: string;
  /** Only requests for more versions than so many, from `startingVersion` to `endingVersion`; one without an end asks for all. */
  readonly versionsOver?: number;
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

export interface FaultRule {
  readonly match: FaultMatch;
  readonly do: FaultAction;
}

export interface FaultPlan {
  /** A real server to be like, where no rule says otherwise. */
  readonly like?: Likeness;
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

  has(kind: FaultKind): boolean {
    return this.actions.some((action) => action.kind === kind);
  }

  /** The first of a kind, or null. */
  find<K extends FaultKind>(kind: K): Extract<FaultAction, { readonly kind: K }> | null {
    return this.all(kind)[0] ?? null;
  }

  all<K extends FaultKind>(kind: K): readonly Extract<FaultAction, { readonly kind: K }>[] {
    return this.actions.filter((action) => isKind(action, kind));
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

  constructor(rules: readonly FaultRule[]) {
    this.#rules = rules.map((rule) => ({ rule, random: seeded(rule.match.seed ?? 1), met: 0, fired: 0 }));
  }

  /** To be asked once per request. */
  next(subject: FaultSubject): ActiveFaults {
    return new ActiveFaults(this.#rules.filter((state) => fires(state, subject)).map((state) => state.rule.do));
  }
}

function fires(state: RuleState, subject: FaultSubject): boolean {
  const { route, table, path, versionsOver, nth, every, probability, times } = state.rule.match;
  if (route !== undefined && route !== subject.route) return false;
  if (table !== undefined && table.toLowerCase() !== subject.table?.toLowerCase()) return false;
  if (path !== undefined && !subject.path.includes(path)) return false;
  if (versionsOver !== undefined && versionsAsked(subject.path) <= versionsOver) return false;
  state.met += 1;
  if (nth !== undefined && state.met !== nth) return false;
  if (every !== undefined && state.met % every !== 0) return false;
  if (probability !== undefined && state.random() >= probability) return false;
  if (times !== undefined && state.fired >= times) return false;
  state.fired += 1;
  return true;
}

/** 0 where the query asks for no versions. */
function versionsAsked(path: string): number {
  const query = new URLSearchParams(path.split('?')[1]);
  const from = query.get('startingVersion');
  const to = query.get('endingVersion');
  if (from === null) return 0;
  return to === null ? Number.POSITIVE_INFINITY : Number(to) - Number(from) + 1;
}

function isKind<K extends FaultKind>(action: FaultAction, kind: K): action is Extract<FaultAction, { readonly kind: K }> {
  return action.kind === kind;
}

/** How many bytes of a body of `total` are sent before it ends. */
export function keptBytes(action: { readonly bytes?: number; readonly fraction?: number }, total: number): number {
  return Math.min(total, action.bytes ?? Math.floor(total * (action.fraction ?? 0.5)));
}
