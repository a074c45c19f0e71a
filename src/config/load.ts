/**
 * The config file of this process.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, resolve } from 'node:path';
import { Failure } from '../model/failure.ts';
import { parseConfig } from './config.ts';
import type { Config } from './config.ts';

/** Reads and parses the file. Throws `Failure` `config.unreadable` or `config.invalid`. */
export function loadConfig(path: string): Config {
  let text: string;
  try {
    text = readText(path);
  } catch (error) {
    throw new Failure(
      'config.unreadable',
      `the config file ${path} cannot be read (${error instanceof Error ? error.message : String(error)})`,
      { cause: error },
    );
  }
  const folder = dirname(resolve(path));
  return parseConfig(text, { path, env: process.env, cores: availableParallelism(), readFile: (name) => readText(resolve(folder, name)) });
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(reason(error), { cause: error });
  }
}

function reason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EACCES') return 'the relay has no right to read it';
  if (code === 'EISDIR') return 'it is a folder';
  return String(code ?? error);
}
