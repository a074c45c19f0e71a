/**
 * The status page: the files of the folder beside this one, which a browser loads from the relay and nothing from elsewhere. They show what /api tells.
 */
import { readFileSync } from 'node:fs';
import type { Answer } from './answer.ts';

/** Only what the relay serves itself: no inline script or style, no other host, in no frame. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const TYPES = { html: 'text/html; charset=utf-8', css: 'text/css; charset=utf-8', js: 'text/javascript; charset=utf-8' } as const;

const FILES = [
  { path: '/', file: 'index.html', type: TYPES.html },
  ...['app.css', 'dials.css', 'feeds.css'].map((file) => ({ path: `/${file}`, file, type: TYPES.css })),
  ...['app.js', 'feeds.js', 'detail.js', 'dom.js', 'words.js'].map((file) => ({ path: `/${file}`, file, type: TYPES.js })),
];

/** By path. Reads the files: to be called at the start. */
export function statusPage(): ReadonlyMap<string, Answer> {
  return new Map(
    FILES.map(({ path, file, type }) => {
      const body = readFileSync(new URL(`page/${file}`, import.meta.url), 'utf8');
      return [path, { status: 200, type, body, headers: { 'content-security-policy': POLICY } }];
    }),
  );
}
