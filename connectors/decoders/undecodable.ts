/**
 * How a file that is not sound Parquet is told of: one sentence that says what was being read, and never the file's bytes.
 */
import { Failure } from '../../src/model/failure.ts';

const CAUSE_CHARACTERS_MAX = 200;

/** The failure `file.undecodable` for what a library threw while `doing`. A `Failure` passes through as it is. */
export function undecodable(doing: string, cause: unknown): Failure {
  if (cause instanceof Failure) return cause;
  return new Failure('file.undecodable', `${doing}: ${sentence(cause)}`, { cause });
}

/** Runs what reads the file through a library: everything that it throws becomes `file.undecodable`. */
export function decoding<T>(doing: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw undecodable(doing, error);
  }
}

/** The library's own words, without what a corrupt file may have put into them. */
function sentence(cause: unknown): string {
  if (!(cause instanceof Error)) return 'the decoder refuses it';
  if (cause.name === 'RuntimeError') return 'the decoder broke down over it';
  // What a library runs into when it trusts a corrupt file says nothing to whoever reads it.
  if (cause instanceof TypeError || cause instanceof RangeError || cause instanceof SyntaxError)
    return 'what stands there is not what the format allows';
  const plain = cause.message.replaceAll(/[^\x20-\x7e]+/g, ' ').trim();
  return plain.length > CAUSE_CHARACTERS_MAX ? `${plain.slice(0, CAUSE_CHARACTERS_MAX)}…` : plain;
}
