/** `npm run config:schema`: writes schemas/config.schema.json. A test holds it up to date. */
import { writeFileSync } from 'node:fs';
import { configJsonSchema } from './json-schema.ts';

writeFileSync(new URL('../../schemas/config.schema.json', import.meta.url), `${JSON.stringify(configJsonSchema(), null, 2)}\n`);
