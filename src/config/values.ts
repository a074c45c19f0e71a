/**
 * Kinds of values that keys of the config take: each with what it expects, in words, so that a wrong value can be told.
 */
import { z } from 'zod';
import { Secret } from '../model/secret.ts';
import { DURATION_PATTERN, durationText, parseDuration, parseSize, SIZE_PATTERN, sizeText } from './quantity.ts';
import { cronProblem, isTimeZone } from './schedule.ts';

export interface Expectation {
  /** What a value must be, to stand after "must be": `a whole number from 1 to 9`. */
  readonly text: string;
  readonly kind: 'text' | 'secret' | 'number' | 'flag' | 'duration' | 'size' | 'choice' | 'other';
  /** The words that a choice knows, for the nearest one. */
  readonly words: readonly string[];
}

/** What each schema expects, where the schema is one of ours. */
export const expectations = z.registry<Expectation>();

export function text(expected: string, pattern: RegExp = /\S/): z.ZodString {
  return z.string().regex(pattern).register(expectations, { text: expected, kind: 'text', words: [] });
}

/** A text that comes out as something else. */
type TextTo<T> = z.ZodPipe<z.ZodString, z.ZodTransform<T, string>>;

export function secret(expected = 'a text that is not empty'): TextTo<Secret> {
  return z
    .string()
    .regex(/\S/)
    .register(expectations, { text: expected, kind: 'secret', words: [] })
    .transform((value) => new Secret(value));
}

export function flag(): z.ZodBoolean {
  return z.boolean().register(expectations, { text: 'true or false', kind: 'flag', words: [] });
}

export function integer(min: number, max: number): z.ZodInt {
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  return z
    .int()
    .min(min)
    .max(max)
    .register(expectations, { text: `a whole number ${range}`, kind: 'number', words: [] });
}

export function rate(min: number, max: number): z.ZodNumber {
  return z
    .number()
    .min(min)
    .max(max)
    .register(expectations, { text: `a number from ${min} to ${max}`, kind: 'number', words: [] });
}

export function choice<const T extends readonly [string, ...string[]]>(words: T): z.ZodEnum<z.core.util.ToEnum<T[number]>> {
  const expected = words.length === 1 ? words[0] : `one of ${words.join(', ')}`;
  return z.enum(words).register(expectations, { text: expected, kind: 'choice', words });
}

/** In milliseconds. */
export function duration(minMs: number, maxMs: number): TextTo<number> {
  const expected = `a duration from ${durationText(minMs)} to ${durationText(maxMs)}, written like \`250ms\`, \`10s\`, \`5m\`, \`1h\` or \`7d\``;
  return quantity(
    { pattern: DURATION_PATTERN, parse: parseDuration, min: minMs, max: maxMs },
    { text: expected, kind: 'duration', words: [] },
  );
}

/** In bytes. */
export function size(minBytes: number, maxBytes: number): TextTo<number> {
  const expected = `a size from ${sizeText(minBytes)} to ${sizeText(maxBytes)}, written like \`64KiB\`, \`16MiB\` or \`2GiB\``;
  return quantity({ pattern: SIZE_PATTERN, parse: parseSize, min: minBytes, max: maxBytes }, { text: expected, kind: 'size', words: [] });
}

const URL_PATTERN = /^https?:\/\/[^\s@]+$/;
const URL_EXPECTED = 'an http:// or https:// address without a user name or password in it';

/** One address or several, as a list or as one text with commas; without the slashes at their ends. */
export function urls(): z.ZodPipe<
  z.ZodUnion<readonly [z.ZodString, z.ZodArray<z.ZodString>]>,
  z.ZodTransform<readonly string[], string | string[]>
> {
  const one = z.string().regex(URL_PATTERN).refine(isUrl).register(expectations, { text: URL_EXPECTED, kind: 'secret', words: [] });
  return z
    .union([z.string(), z.array(one).min(1).max(100)])
    .register(expectations, { text: `${URL_EXPECTED}, or several: a list, or one text with commas`, kind: 'secret', words: [] })
    .transform((value, context) => {
      const list = typeof value === 'string' ? value.split(',').map((part) => part.trim()) : value;
      if (!list.every(isUrl)) context.addIssue({ code: 'custom' });
      return list.map((address) => address.replace(/\/+$/, ''));
    });
}

function isUrl(value: string): boolean {
  return URL_PATTERN.test(value) && URL.canParse(value);
}

export function cron(): z.ZodString {
  return z
    .string()
    .register(expectations, { text: 'a cron pattern such as "*/5 * * * *"', kind: 'text', words: [] })
    .superRefine((value, context) => {
      const problem = cronProblem(value);
      if (problem !== null) context.addIssue({ code: 'custom', params: { predicate: problem } });
    });
}

/** A point in time, in milliseconds since the epoch. */
export function instant(): TextTo<number> {
  return z
    .string()
    .regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})$/)
    .refine((value) => !Number.isNaN(Date.parse(value)) && isDay(value.slice(0, 10)))
    .register(expectations, { text: 'a time with its zone such as `2026-01-01T00:00:00Z`', kind: 'text', words: [] })
    .transform((value) => Date.parse(value));
}

export function timezone(): z.ZodString {
  return z
    .string()
    .refine(isTimeZone)
    .register(expectations, { text: 'the IANA name of a time zone, such as Europe/Stockholm', kind: 'text', words: [] });
}

interface Quantity {
  readonly pattern: RegExp;
  readonly parse: (text: string) => number | null;
  readonly min: number;
  readonly max: number;
}

function quantity(of: Quantity, expectation: Expectation): TextTo<number> {
  return z
    .string()
    .regex(of.pattern)
    .register(expectations, expectation)
    .transform((value, context) => {
      const amount = of.parse(value);
      if (amount !== null && amount >= of.min && amount <= of.max) return amount;
      context.addIssue({ code: 'custom' });
      return z.NEVER;
    });
}

/** The thirtieth of February is read as the second of March by whoever does not look. */
function isDay(date: string): boolean {
  return new Date(`${date}T00:00:00Z`).toISOString().startsWith(date);
}
