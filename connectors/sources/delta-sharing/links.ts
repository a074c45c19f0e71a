/**
 * The way to the files and deletion vectors of one answer. Signed URLs are secrets that die: kept apart from the model, never written, and judged by age.
 */
import type { FileKind } from '../../../src/model/change-files.ts';
import { must } from '../../../src/lib/assert.ts';
import type { Secret } from '../../../src/model/secret.ts';
import type { EpochMs, Version } from '../../../src/model/version.ts';
import type { FileAction } from './actions.ts';
import type { StoredVector } from './deletion-vector.ts';

export interface Links {
  readonly fetchedAt: EpochMs;
  /** By `linkKey` and `vectorLinkKey`. */
  readonly byKey: ReadonlyMap<string, Link>;
  /** By id. */
  readonly vectors: ReadonlyMap<string, StoredVector>;
}

interface Link {
  readonly url: Secret;
  readonly expiresAt: EpochMs | null;
}

/** Storage counts the life of a URL in whole seconds, so it ends before the time that the provider tells (notes/sharing-server.md §2.7). */
const MARGIN_MS = 5000;
/** Providers sign for an hour as a rule. */
const LIFE_MS = 45 * 60_000;

export function linkKey(version: Version, kind: FileKind, id: string): string {
  return `${version} ${kind} ${id}`;
}

/** Many files may share a vector, and any of their URLs leads to it. */
export function vectorLinkKey(id: string): string {
  return `vector ${id}`;
}

/** `pagesExpireAt`: what each page says of its URLs as a whole. */
export function linksOf(files: readonly FileAction[], pagesExpireAt: readonly (EpochMs | null)[], fetchedAt: EpochMs): Links {
  const whole = pagesExpireAt.reduce<EpochMs | null>(earlier, null);
  const byKey = new Map<string, Link>();
  const vectors = new Map<string, StoredVector>();
  for (const { version, kind, id, url, expiresAt, vector } of files) {
    byKey.set(linkKey(version, kind, id), { url, expiresAt: expiresAt ?? whole });
    if (vector === null) continue;
    vectors.set(vector.id, vector);
    if (vector.place.kind === 'file') byKey.set(vectorLinkKey(vector.id), { url: vector.place.url, expiresAt: expiresAt ?? whole });
  }
  return { fetchedAt, byKey, vectors };
}

export function linkTo(links: Links, key: string): Secret {
  return must(links.byKey.get(key), 'the link of a listed file').url;
}

/**
 * Whether a URL is about to die. A life that would be over as soon as it began is not believed: the clocks differ, and the storage will tell.
 */
export function isStale(links: Links, key: string, now: EpochMs): boolean {
  const expiresAt = links.byKey.get(key)?.expiresAt ?? null;
  const believed = expiresAt !== null && expiresAt - links.fetchedAt > MARGIN_MS;
  return now >= (believed ? expiresAt - MARGIN_MS : links.fetchedAt + LIFE_MS);
}

function earlier(a: EpochMs | null, b: EpochMs | null): EpochMs | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}
