/**
 * A fault plan from plain data, as a YAML or JSON file holds it: `{like: reference-1.4, rules: [{match: {route: changes, nth: 2}, do: {kind: status,
 * status: 429}}]}`. Either may be left out. A fault without settings may be written as its name alone: `do: no-end`.
 */
import { nearest } from '../lib/nearest.ts';
import { Failure } from '../model/failure.ts';
import { LIKENESS_NAMES } from './fault-kinds.ts';
import type { FaultAction, FaultKind } from './fault-kinds.ts';
import { ROUTES } from './faults.ts';
import type { FaultMatch, FaultPlan, FaultRule } from './faults.ts';
import { isRecord } from './unknown-data.ts';
import type { UnknownRecord } from './unknown-data.ts';

const RULES_MAX = 1000;

/** Throws `Failure` `arguments.invalid` that names every mistake with its place. */
export function parseFaultPlan(data: unknown): FaultPlan {
  const problems: string[] = [];
  const plan = new Fields(data, 'the file', problems);
  const like = plan.maybe('like', () => ({ like: plan.oneOf('like', LIKENESS_NAMES) }));
  const listed = plan.has('like') && !plan.has('rules') ? [] : plan.list('rules');
  const rules = listed.map((rule, index) => parseRule(rule, `rules[${index}]`, problems));
  plan.close();
  if (rules.length > RULES_MAX) problems.push(`rules: over ${RULES_MAX}`);
  if (problems.length > 0) throw new Failure('arguments.invalid', `the fault plan is wrong: ${problems.join('; ')}`);
  return { ...like, rules: rules.flatMap((rule) => rule ?? []) };
}

type ActionReader = (fields: Fields) => FaultAction;

const READERS: Readonly<Record<FaultKind, ActionReader>> = {
  latency: (fields) => ({ kind: 'latency', ms: fields.integer('ms', 0) }),
  hang: (fields) => ({ kind: 'hang', ...extent(fields) }),
  status: (fields) => ({
    kind: 'status',
    status: fields.integer('status', 200),
    ...fields.maybe('errorCode', () => ({ errorCode: fields.text('errorCode') })),
    ...fields.maybe('message', () => ({ message: fields.text('message') })),
    ...fields.maybe('retryAfter', () => ({ retryAfter: fields.text('retryAfter') })),
    ...fields.maybe('body', () => ({ body: fields.oneOf('body', ['errorCode', 'error_code', 'text']) })),
  }),
  redirect: (fields) => ({ kind: 'redirect', status: fields.integer('status', 300), location: fields.text('location') }),
  cut: (fields) => ({ kind: 'cut', ...extent(fields) }),
  short: (fields) => ({ kind: 'short', ...extent(fields) }),
  'wrong-bytes': (fields) => ({ kind: 'wrong-bytes', at: fields.integer('at', null), count: fields.integer('count', 1) }),
  'no-end': () => ({ kind: 'no-end' }),
  'error-line': (fields) => ({
    kind: 'error-line',
    lines: fields.integer('lines', 0),
    message: fields.text('message'),
    ...fields.maybe('status', () => ({ status: fields.integer('status', 400) })),
  }),
  'expired-url': () => ({ kind: 'expired-url' }),
  'url-life': (fields) => ({
    kind: 'url-life',
    ms: fields.integer('ms', 1),
    ...fields.maybe('earlyMs', () => ({ earlyMs: fields.integer('earlyMs', 0) })),
  }),
  'untold-expiry': () => ({ kind: 'untold-expiry' }),
  unfiltered: () => ({ kind: 'unfiltered' }),
  shuffled: (fields) => ({ kind: 'shuffled', seed: fields.integer('seed', 0) }),
  'other-files': (fields) => ({ kind: 'other-files', files: fields.integer('files', 1) }),
  'other-ids': () => ({ kind: 'other-ids' }),
  stale: (fields) => ({ kind: 'stale', versions: fields.integer('versions', 1) }),
  pages: (fields) => ({ kind: 'pages', files: fields.integer('files', 1) }),
  gap: (fields) => ({
    kind: 'gap',
    ...fields.maybe('version', () => ({ version: fields.integer('version', 0) })),
    ...fields.maybe('status', () => ({ status: fields.oneOf('status', [500, 400]) })),
  }),
  'no-history': () => ({ kind: 'no-history' }),
  'start-version': (fields) => ({ kind: 'start-version', version: fields.integer('version', 0) }),
  'no-historical-metadata': () => ({ kind: 'no-historical-metadata' }),
  'no-capabilities': () => ({ kind: 'no-capabilities' }),
  'dropped-features': () => ({ kind: 'dropped-features' }),
  'plain-only': () => ({ kind: 'plain-only' }),
  'features-by-property': () => ({ kind: 'features-by-property' }),
  'page-bug': () => ({ kind: 'page-bug' }),
  'exact-instant': () => ({ kind: 'exact-instant' }),
  'recreated-500': () => ({ kind: 'recreated-500' }),
  'unknown-format': () => ({ kind: 'unknown-format' }),
  'no-vector-id': () => ({ kind: 'no-vector-id' }),
  'md5-ids': () => ({ kind: 'md5-ids' }),
  'error-spelling': () => ({ kind: 'error-spelling' }),
};

function parseRule(data: unknown, path: string, problems: string[]): FaultRule | null {
  const rule = new Fields(data, path, problems);
  const match = rule.has('match') ? parseMatch(rule.raw('match'), `${path}.match`, problems) : {};
  const action = rule.raw('do');
  rule.close();
  const fields = new Fields(typeof action === 'string' ? { kind: action } : action, `${path}.do`, problems);
  if (!fields.isOpen) return null;
  const kind = fields.text('kind');
  const reader = Object.entries(READERS).find(([name]) => name === kind)?.[1];
  if (reader === undefined) {
    const guess = nearest(kind, Object.keys(READERS));
    problems.push(`${path}.do: no fault is called '${kind}'${guess === null ? '' : `, did you mean '${guess}'?`}`);
    return null;
  }
  const read = reader(fields);
  fields.close();
  return { match, do: read };
}

function parseMatch(data: unknown, path: string, problems: string[]): FaultMatch {
  const fields = new Fields(data, path, problems);
  const match: FaultMatch = {
    ...fields.maybe('route', () => ({ route: fields.oneOf('route', ROUTES) })),
    ...fields.maybe('table', () => ({ table: fields.text('table') })),
    ...fields.maybe('path', () => ({ path: fields.text('path') })),
    ...fields.maybe('versionsOver', () => ({ versionsOver: fields.integer('versionsOver', 1) })),
    ...fields.maybe('nth', () => ({ nth: fields.integer('nth', 1) })),
    ...fields.maybe('every', () => ({ every: fields.integer('every', 1) })),
    ...fields.maybe('times', () => ({ times: fields.integer('times', 1) })),
    ...fields.maybe('probability', () => ({ probability: fields.share('probability') })),
    ...fields.maybe('seed', () => ({ seed: fields.integer('seed', 0) })),
  };
  fields.close();
  return match;
}

function extent(fields: Fields): { readonly bytes?: number; readonly fraction?: number } {
  if (fields.has('bytes') && fields.has('fraction')) fields.complain('fraction', 'stands beside bytes: give one of them');
  return {
    ...fields.maybe('bytes', () => ({ bytes: fields.integer('bytes', 0) })),
    ...fields.maybe('fraction', () => ({ fraction: fields.share('fraction') })),
  };
}

/** The fields of one object. What is wrong is collected, and something harmless read in its place. */
class Fields {
  readonly isOpen: boolean;
  readonly #record: UnknownRecord;
  readonly #path: string;
  readonly #problems: string[];
  readonly #read = new Set<string>();

  constructor(data: unknown, path: string, problems: string[]) {
    this.isOpen = isRecord(data);
    this.#record = isRecord(data) ? data : {};
    this.#path = path;
    this.#problems = problems;
    if (!this.isOpen) problems.push(`${path} is not an object`);
  }

  has(key: string): boolean {
    return this.raw(key) !== undefined;
  }

  raw(key: string): unknown {
    this.#read.add(key);
    return this.#record[key];
  }

  /** What `read` makes of a field that is there, else nothing. */
  maybe<T extends object>(key: string, read: () => T): Partial<T> {
    return this.has(key) ? read() : {};
  }

  /** `min` null: any whole number. */
  integer(key: string, min: number | null): number {
    const value = this.raw(key);
    if (typeof value === 'number' && Number.isSafeInteger(value) && (min === null || value >= min)) return value;
    this.complain(key, `is not a whole number${min === null ? '' : ` from ${min} on`}`);
    return min ?? 0;
  }

  share(key: string): number {
    const value = this.raw(key);
    if (typeof value === 'number' && value >= 0 && value <= 1) return value;
    this.complain(key, 'is not a number from 0 to 1');
    return 0;
  }

  /** Numbers are texts too: `retryAfter: 5`. */
  text(key: string): string {
    const value = this.raw(key);
    if (typeof value === 'string' || typeof value === 'number') return String(value);
    this.complain(key, 'is not a text');
    return '';
  }

  oneOf<const T extends string | number>(key: string, choices: readonly [T, ...(readonly T[])]): T {
    const found = choices.find((choice) => choice === this.raw(key));
    if (found === undefined) this.complain(key, `is none of ${choices.join(', ')}`);
    return found ?? choices[0];
  }

  list(key: string): readonly unknown[] {
    const value = this.raw(key);
    if (Array.isArray(value)) return value;
    if (this.isOpen) this.complain(key, 'is not a list');
    return [];
  }

  complain(key: string, what: string): void {
    this.#problems.push(`${this.#path}.${key} ${what}`);
  }

  /** Complains of the keys that nobody asked for. */
  close(): void {
    for (const key of Object.keys(this.#record)) {
      if (this.#read.has(key)) continue;
      const guess = nearest(key, [...this.#read]);
      this.complain(key, guess === null ? 'is not known' : `is not known, did you mean '${guess}'?`);
    }
  }
}
