/** `npm run parts`: fetches what the tests in this folder and those of the chart need, and says what cannot be had. */
import { provideTools } from '../helm/tools.ts';
import { provide } from './parts.ts';

const sentences = await Promise.all([provide(), provideTools()]);
for (const sentence of sentences.flat()) process.stderr.write(`${sentence}\n`);
