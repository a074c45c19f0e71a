/**
 * Recorded exchanges with the reference server: request lines `>`, the request's body, response lines `<`, the response's body.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { json } from './support.ts';
import type { UnknownRecord } from '../../src/provider/unknown-data.ts';

const FOLDER = new URL('../fixtures/transcripts/', import.meta.url).pathname;

export const TRANSCRIPTS: readonly string[] = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.txt'))
  .map((name) => name.slice(0, -'.txt'.length));

export interface Transcript {
  readonly method: string;
  /** As on the wire, with the query. */
  readonly target: string;
  /** Those that mean something to a server. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly answer: {
    readonly status: number;
    /** In their order, names in lower case. */
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
  };
}

export function readTranscript(name: string): Transcript {
  const all = readFileSync(join(FOLDER, `${name}.txt`), 'utf8').split('\n');
  const asked = all.filter((line) => line.startsWith('> ')).map((line) => line.slice(2));
  const answered = all.filter((line) => line.startsWith('< ')).map((line) => line.slice(2));
  const firstAnswer = all.findIndex((line) => line.startsWith('< '));
  const lastAnswer = all.findLastIndex((line) => line.startsWith('< '));
  const [method = '', target = ''] = (asked[0] ?? '').split(' ');
  const { host: _, accept: __, 'user-agent': ___, ...headers } = headersOf(asked.slice(1));
  const question = all.slice(0, firstAnswer).filter((line) => !line.startsWith('> '));
  return {
    method,
    target,
    headers,
    body: question.join('\n').trim(),
    answer: {
      status: Number((answered[0] ?? '').split(' ')[1]),
      headers: headersOf(answered.slice(1)),
      body: all.slice(lastAnswer + 1).join('\n'),
    },
  };
}

/** The lines of a transcript's answer, parsed. */
export function answeredLines(name: string): readonly UnknownRecord[] {
  const { body } = readTranscript(name).answer;
  return body.trim().split('\n').map(json);
}

function headersOf(all: readonly string[]): Readonly<Record<string, string>> {
  const found = all.filter((line) => line.includes(': '));
  return Object.fromEntries(found.map((line) => [line.slice(0, line.indexOf(': ')).toLowerCase(), line.slice(line.indexOf(': ') + 2)]));
}
