/** `npm run parts`: fetches what the tests in this folder, of the chart and of the metrics need, and says what cannot be had. */
import { provideTools } from '../helm/tools.ts';
import { providePrometheus } from '../ops/prometheus.ts';
import { provide } from './parts.ts';

const sentences = await Promise.all([provide(), provideTools(), providePrometheus()]);
for (const sentence of sentences.flat()) process.stderr.write(`${sentence}\n`);
