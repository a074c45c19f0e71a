/**
 * Pages of `/changes` as the reference server cuts them, with its fault (notes: protocol §2.11, observed in sharing-server §2).
 *
 * A page token names a version and the place of the next file among that version's lines, metadata included. The next page lists again from that version on;
 * but lines of metadata and protocol are listed only of versions after the one it begins with, so in the token's own version they are gone, the
 * places have moved up, and as many files are passed over as there were such lines.
 */
import type { Version } from '../model/version.ts';
import type { PagedLine, PageOfLines } from './file-pages.ts';
import type { Place } from './page-tokens.ts';

export interface VersionLine extends PagedLine {
  readonly version: Version;
}

export interface BuggyPage extends Pick<PageOfLines, 'lines' | 'files'> {
  readonly next: Place | null;
}

/** `listing` lists from `place.version` on. */
export async function takeBuggyPage(listing: AsyncIterable<VersionLine>, place: Place, filesMax: number | null): Promise<BuggyPage> {
  const lines: string[] = [];
  let files = 0;
  let version = place.version;
  let index = -1;
  for await (const line of listing) {
    index = line.version === version ? index + 1 : 0;
    version = line.version;
    if (version === place.version && index < place.index) continue;
    if (line.isFile && files === filesMax) return { lines, files, next: { version, index } };
    lines.push(line.text());
    if (line.isFile) files += 1;
  }
  return { lines, files, next: null };
}
