/**
 * Names by a pattern: `*` stands for any characters or none, `?` for one; case does not count.
 */

const ANY = '*';

export function isGlob(text: string): boolean {
  return /[*?]/.test(text);
}

/** In time of at most the product of both lengths: the last `*` alone is ever taken back, so that no pattern can make it slow. */
export function matchesGlob(pattern: string, text: string): boolean {
  if (pattern === ANY) return true;
  const wanted = Array.from(pattern.toLowerCase());
  const given = Array.from(text.toLowerCase());
  let at = 0;
  let star = -1;
  let taken = 0;
  for (let i = 0; i < given.length;) {
    if (wanted[at] === ANY) {
      star = at;
      taken = i;
      at++;
    } else if (wanted[at] === '?' || wanted[at] === given[i]) {
      at++;
      i++;
    } else if (star >= 0) {
      taken++;
      i = taken;
      at = star + 1;
    } else {
      return false;
    }
  }
  return wanted.slice(at).every((part) => part === ANY);
}
