/**
 * What others say, made fit for a message: one line, short, without addresses. A provider's error text may quote a signed URL or a storage path.
 */

const WORDS_MAX = 300;
/** The scheme is bounded, or a long word is looked through anew from each of its letters; what stands before the bound says nothing of the address. */
const URL_LIKE = /[a-z][a-z0-9+.-]{0,40}:\/\/[^\s"'<>`]+/gi;

export function scrub(text: string): string {
  const line = text
    .replaceAll(URL_LIKE, '[address]')
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim();
  return line.length > WORDS_MAX ? `${line.slice(0, WORDS_MAX)}…` : line;
}

/** The text without the secrets, for what others say to whom we told them. */
export function redact(text: string, secrets: readonly string[]): string {
  return secrets.reduce((rest, secret) => (secret === '' ? rest : rest.replaceAll(secret, '[secret]')), text);
}
