/**
 * A small config and the world around it, for tests that change one thing.
 */
import type { Config, ConfigWorld } from '../../src/config/config.ts';
import { parseConfig } from '../../src/config/config.ts';
import { Failure } from '../../src/model/failure.ts';

export const SAMPLE = `relay: {name: acme-relay}
kafka: {brokers: [localhost:9092]}
sources:
  - {name: acme, profile: acme.share}
recipients:
  - name: analytics
    tables:
      - {table: sales.public.orders, start: earliest}
`;

export const PROFILE = '{"shareCredentialsVersion": 1, "endpoint": "https://h/", "bearerToken": "t"}';

export function world(env: Readonly<Record<string, string>> = {}, files: Readonly<Record<string, string>> = {}): ConfigWorld {
  const all: Readonly<Record<string, string>> = { 'acme.share': PROFILE, ...files };
  return {
    path: 'relay.yaml',
    env,
    cores: 4,
    readFile: (path) => {
      const text = all[path];
      if (text === undefined) throw new Error('there is no such file');
      return text;
    },
  };
}

export function parse(text: string, around: ConfigWorld = world()): Config {
  return parseConfig(text, around);
}

/** The lines of `config.invalid`, without the file's name. */
export function problems(text: string, around: ConfigWorld = world()): readonly string[] {
  try {
    parseConfig(text, around);
    return [];
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'config.invalid') throw error;
    return error.message.split('\n').map((line) => line.replace(/^relay\.yaml:/, ''));
  }
}
