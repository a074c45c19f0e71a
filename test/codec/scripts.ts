/**
 * What a scripted worker does with a file.
 */
import { assert } from '../../src/lib/assert.ts';

export interface Script {
  /** One batch each. */
  readonly rows: number;
  /** What the only column holds: the row's number, how many files the thread has begun, or three megabytes of text. */
  readonly cell?: 'row' | 'files' | 'text';
  /** What follows the rows: the end of the file, a `Failure`, an error of another kind, the thread's end, or no end. */
  readonly ending?: 'end' | 'failure' | 'panic' | 'exit' | 'never';
  /** What the decoder says that it keeps from then on. */
  readonly heldBytes?: number;
}

/** The script as the bytes of a file. */
export function scriptBytes(script: Script): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(JSON.stringify(script)));
}

export function scriptOf(bytes: Uint8Array): Script {
  const script: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
  assert(isScript(script), 'the file is a script');
  return script;
}

function isScript(value: unknown): value is Script {
  return typeof value === 'object' && value !== null && 'rows' in value;
}
