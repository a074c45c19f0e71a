/**
 * Where a deletion vector's file lies (Delta PROTOCOL.md §Deletion Vector Descriptor Schema): a random prefix folder and a UUID in Z85 (ZeroMQ RFC 32).
 */
import { LogError } from './log-actions.ts';
import type { DeletionVector } from './log-actions.ts';

const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';
const UUID_CHARACTERS = 20;

/** Relative to the table and URL-encoded once, as the log's other paths are; null for an inline vector. Throws `LogError`. */
export function vectorPath(vector: DeletionVector): string | null {
  switch (vector.storageType) {
    case 'i':
      return null;
    case 'p':
      return vector.pathOrInlineDv;
    case 'u': {
      const text = vector.pathOrInlineDv;
      const prefix = text.slice(0, -UUID_CHARACTERS);
      const uuid = uuidOf(text.slice(-UUID_CHARACTERS));
      return `${prefix === '' ? '' : `${encodeURIComponent(prefix)}/`}deletion_vector_${uuid}.bin`;
    }
    default:
      throw new LogError(`a deletion vector of storage type '${vector.storageType}'`);
  }
}

function uuidOf(text: string): string {
  if (text.length !== UUID_CHARACTERS) throw new LogError('a deletion vector whose UUID is not 20 characters long');
  let hex = '';
  for (let at = 0; at < UUID_CHARACTERS; at += 5) {
    let word = 0;
    for (const character of text.slice(at, at + 5)) word = word * 85 + ALPHABET.indexOf(character);
    hex += word.toString(16).padStart(8, '0');
  }
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
