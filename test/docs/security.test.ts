/** docs/security.md: its configs are configs, and the tests that it names exist. */
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { configSchema } from '../../src/config/schema.ts';
import { makeCertificates } from '../kafka/certificates.ts';
import { PROFILE } from '../config/sample.ts';

const page = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8');
const folder = await mkdtemp(join(tmpdir(), 'cdf-relay-docs-'));
afterAll(async () => rm(folder, { recursive: true }));
const { ca, cert, key } = await makeCertificates(folder);

/** What a config has beside the part that an example shows. */
const REST: Readonly<Record<string, string>> = {
  relay: 'relay: {name: acme-relay}',
  kafka: 'kafka: {brokers: [kafka:9092]}',
  sources: 'sources: [{name: acme, profile: acme.share}]',
  recipients: 'recipients: [{name: analytics, tables: [{table: a.b.c, start: earliest}]}]',
};

function readFile(path: string): string {
  if (path.endsWith('.share')) return PROFILE;
  if (path.endsWith('ca.crt')) return ca;
  if (path.endsWith('tls.crt')) return cert;
  return path.endsWith('tls.key') ? key : 'secret';
}

const examples = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map((match) => match[1] ?? '');

describe('docs/security.md', () => {
  test.each(examples.map((example, i) => [i + 1, example] as const))('example %i is a config', (_number, example) => {
    const rest = Object.entries(REST).flatMap(([part, text]) => (new RegExp(`^${part}:`, 'm').test(example) ? [] : [text]));
    const config = parseConfig([example, ...rest].join('\n'), { path: 'relay.yaml', env: {}, cores: 2, readFile });
    expect(config.warnings).toEqual([]);
  });

  test('every mechanism and every place for certificates has one', () => {
    const mechanisms = examples.flatMap((example) => /mechanism: ([\w-]+)/.exec(example)?.[1] ?? []);
    expect(mechanisms).toEqual(['scram-sha-512', 'oauthbearer', 'aws-msk-iam']);
    expect(Object.keys(configSchema.shape)).toEqual(expect.arrayContaining(['kafka', 'registry', 'sources']));
    expect(examples.filter((example) => /tls: \{ca/.test(example))).toHaveLength(3);
  });

  test('the tests that it names are there', () => {
    const files = readdirSync(new URL('..', import.meta.url), { recursive: true }).map((path) => String(path).split('/').at(-1));
    const named = [...page.matchAll(/`([\w-]+\.(?:test\.)?ts)`/g)].map((match) => match[1]);
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => !files.includes(name))).toEqual([]);
  });
});
