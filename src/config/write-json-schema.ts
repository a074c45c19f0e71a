/** `npm run config:schema`: writes schemas/config.schema.json and docs/configuration.md. Tests hold them up to date. */
import { writeFileSync } from 'node:fs';
import { configPage } from './config-page.ts';
import { configJsonSchema } from './json-schema.ts';

writeFileSync(new URL('../../schemas/config.schema.json', import.meta.url), `${JSON.stringify(configJsonSchema(), null, 2)}\n`);
writeFileSync(new URL('../../docs/configuration.md', import.meta.url), configPage());
