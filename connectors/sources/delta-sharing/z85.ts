/**
 * Bytes written as text by Z85 (ZeroMQ RFC 32): four bytes, big endian, are five characters. Two ways are in use for what is left at the end: Spark fills up with
 * zero bytes (Delta PROTOCOL.md §Deletion Vectors); the Rust writer writes n bytes as n + 1 characters behind 4 - n characters `#`, which no whole group can
 * begin with (notes/sharing-server.md §2.20).
 */
import { BadVector } from './roaring.ts';

const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';
const DIGITS: ReadonlyMap<string, number> = new Map(ALPHABET.split('').map((character, digit) => [character, digit]));
const GROUP = 5;

/** The first `length` bytes of the text, which holds no more than what fills the last four. Throws `BadVector`. */
export function fromZ85(text: string, length: number): Uint8Array {
  const groups = text.length / GROUP;
  if (groups !== Math.ceil(length / 4)) throw new BadVector(`${length} bytes are not ${text.length} characters of Z85`);
  const bytes = new Uint8Array(4 * groups);
  const view = new DataView(bytes.buffer);
  for (let group = 0; group < groups; group++) {
    const characters = text.slice(GROUP * group, GROUP * (group + 1));
    const marks = /^#*/.exec(characters)?.[0].length ?? 0;
    const left = length - 4 * group;
    // Bytes that are left go to the front of the last four, and their number says itself.
    if (marks > 0 && left < 4 && marks === 4 - left)
      view.setUint32(4 * group, numberOf(characters.slice(marks), 256 ** left) * 256 ** marks);
    else view.setUint32(4 * group, numberOf(characters, 2 ** 32));
  }
  if (bytes.subarray(length).some((byte) => byte !== 0)) throw new BadVector('its last group of Z85 is filled up with what is not zero');
  return bytes.subarray(0, length);
}

function numberOf(characters: string, end: number): number {
  let number = 0;
  for (const character of characters) {
    const digit = DIGITS.get(character);
    if (digit === undefined) throw new BadVector(`${JSON.stringify(character)} is no character of Z85`);
    number = number * ALPHABET.length + digit;
  }
  if (number >= end) throw new BadVector('a group of Z85 is too large');
  return number;
}
