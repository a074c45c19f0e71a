/**
 * `npm run lock`, after every `npm install <package>`: adds to package-lock.json what npm left out (lock.ts says why).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { completeLock } from './lock.ts';

const path = new URL('../../package-lock.json', import.meta.url);
writeFileSync(path, completeLock(readFileSync(path, 'utf8')));
