/**
 * The log: one JSON object a line, or text for people, on stderr. Lines are written at once, so that the last one before a crash is there.
 */
import { destination, pino, stdTimeFunctions } from 'pino';
import type { DestinationStream } from 'pino';
import { prettyFactory } from 'pino-pretty';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: 'json' | 'pretty';
}

export type Log = (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>) => void;

/** `output` is stderr unless a test hands in another. */
export function openLog(options: LogOptions, output: DestinationStream = destination({ dest: 2, sync: true })): Log {
  const stream = options.format === 'json' ? output : prettyInto(output);
  const logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: options.format === 'json' ? { level: (label) => ({ level: label }) } : {},
    },
    stream,
  );
  const shown = options.format === 'json' ? plain : legible;
  return (level, message, fields = {}) => logger[level](shown(fields), message);
}

function prettyInto(output: DestinationStream): DestinationStream {
  const format = prettyFactory({ colorize: process.stderr.isTTY, translateTime: 'SYS:HH:MM:ss.l' });
  return { write: (line) => output.write(format(line)) };
}

/** Errors as their messages: a stack or a cause may hold what must not be shown. */
function plain(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, value instanceof Error ? value.message : value]));
}

/** Lists on one line, and not an item a line. */
function legible(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(plain(fields)).map(([key, value]) => [key, Array.isArray(value) ? value.join(', ') : value]));
}
