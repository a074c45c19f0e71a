/** `npm run docs:metrics`: writes docs/metrics.md. A test holds it up to date. */
import { writeFileSync } from 'node:fs';
import { metricsPage } from './metrics-page.ts';

writeFileSync(new URL('../../docs/metrics.md', import.meta.url), metricsPage());
