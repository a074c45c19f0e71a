/**
 * A text that must not be shown: a token, a password, a signed URL. Whatever prints it prints `[redacted]`.
 */
import { inspect } from 'node:util';

/** Texts of one secret that are remembered: an answer may still quote the one before. */
const REVEALED_MAX = 4;

export class Secret {
  readonly #read: () => string;
  #revealed: readonly string[] = [];

  /** A function where the text may change while the relay runs: it is asked each time, and never throws. */
  constructor(text: string | (() => string)) {
    this.#read = typeof text === 'string' ? () => text : text;
  }

  /** The text itself as it is now, for the one call that needs it. */
  reveal(): string {
    const text = this.#read();
    if (!this.#revealed.includes(text)) this.#revealed = [text, ...this.#revealed].slice(0, REVEALED_MAX);
    return text;
  }

  /** The text as it is now, and what it was of late: all that must not stand in what others say. */
  revealed(): readonly string[] {
    this.reveal();
    return this.#revealed;
  }

  toString(): string {
    return '[redacted]';
  }

  toJSON(): string {
    return '[redacted]';
  }

  [inspect.custom](): string {
    return '[redacted]';
  }
}
