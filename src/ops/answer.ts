/**
 * What is asked of the HTTP port, and what it answers: the words that its pages have in common.
 */

/** A request, as pages are asked. */
export interface Asked {
  readonly method: string;
  /** As it was sent, without its query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly authorization: string | undefined;
  /** The address that it came from. */
  readonly from: string;
}

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const TEXT = 'text/plain; charset=utf-8';
const JSON_TYPE = 'application/json; charset=utf-8';

/** One sentence, for people and probes. */
export function plain(status: number, sentence: string, headers: Answer['headers'] = {}): Answer {
  return { status, type: TEXT, body: `${sentence}\n`, headers };
}

export function json(status: number, value: object, headers: Answer['headers'] = {}): Answer {
  return jsonText(status, `${JSON.stringify(value)}\n`, headers);
}

/** JSON that is a text already. */
export function jsonText(status: number, body: string, headers: Answer['headers'] = {}): Answer {
  return { status, type: JSON_TYPE, body, headers };
}

/** What an API refuses, in one sentence. */
export function refusal(status: number, error: string, headers: Answer['headers'] = {}): Answer {
  return json(status, { error }, headers);
}
