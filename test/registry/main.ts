/** `npm run parts`: fetches what the tests in this folder need, and says what cannot be had. */
import { provide } from './parts.ts';

for (const sentence of await provide()) process.stderr.write(`${sentence}\n`);
