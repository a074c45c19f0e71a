/**
 * `serve <folder>`: a small Delta Sharing server over local Delta tables, for trying things out, for tests and for the demo.
 */
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { openDecoder } from '../../connectors/decoders/parquet.ts';
import { durationText, parseDuration } from '../config/quantity.ts';
import { readYaml } from '../config/yaml-tree.ts';
import { Failure } from '../model/failure.ts';
import { parseFaultPlan } from '../provider/fault-file.ts';
import type { FaultPlan } from '../provider/faults.ts';
import { startProvider } from '../provider/provider.ts';

const URL_LIFETIME_MS = 3_600_000;
const WARNING = `This is no production provider: one token, no TLS, no rights. Use it to try things out.`;

/** Serves until stopped, then resolves with the exit code. Throws `Failure` `arguments.invalid`. */
export async function run(argv: readonly string[], signal: AbortSignal): Promise<number> {
  const options = parseServeArguments(argv);
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  await using provider = await startProvider({
    folder: options.folder,
    port: options.port,
    token: options.token,
    revealMs: options.revealMs,
    faults: options.faultsPath === null ? null : await readFaults(options.faultsPath),
    decoder: openDecoder(),
    urlLifetimeMs: URL_LIFETIME_MS,
    now: Date.now,
    log: say,
  });
  const { endpoint, profile } = provider;
  if (options.profileOut !== null) await writeProfile(options.profileOut, `${JSON.stringify(profile, null, 2)}\n`);
  say(`WARNING: ${WARNING}`);
  say(servedText((await provider.tables()).length, options.folder, endpoint));
  if (options.revealMs !== null) say(`Each table begins with its first version and gains one every ${durationText(options.revealMs)}`);
  process.stdout.write(`${JSON.stringify({ endpoint, profile })}\n`);
  await aborted(signal);
  return 0;
}

export function servedText(tables: number, folder: string, endpoint: string): string {
  const text = `Serving ${tables} ${tables === 1 ? 'table' : 'tables'} of ${folder} at ${endpoint}`;
  if (tables > 0) return text;
  return `${text}\nWARNING: no folder within four levels of ${folder} has a _delta_log: there is nothing to read until one comes.`;
}

export interface ServeArguments {
  readonly folder: string;
  /** 0: a free one. */
  readonly port: number;
  readonly token: string;
  readonly profileOut: string | null;
  readonly revealMs: number | null;
  readonly faultsPath: string | null;
}

/** Throws `Failure` `arguments.invalid`. */
export function parseServeArguments(argv: readonly string[]): ServeArguments {
  const { values, positionals } = split(argv);
  const [folder, ...more] = positionals;
  if (folder === undefined || more.length > 0) throw wrong('`serve` needs one folder: `serve ./tables`');
  const port = Number(values.port ?? '0');
  if (!/^\d+$/.test(values.port ?? '0') || port > 65_535) throw wrong(`--port is not a port: ${values.port ?? ''}`);
  const revealMs = values.reveal === undefined ? null : parseDuration(values.reveal);
  if (values.reveal !== undefined && (revealMs === null || revealMs === 0))
    throw wrong(`--reveal is not a duration like 2s: ${values.reveal}`);
  return {
    folder,
    port,
    token: values.token ?? randomBytes(16).toString('hex'),
    profileOut: values['profile-out'] ?? null,
    revealMs,
    faultsPath: values.faults ?? null,
  };
}

function split(argv: readonly string[]) {
  const text = { type: 'string' } as const;
  const options = { port: text, token: text, 'profile-out': text, reveal: text, faults: text };
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true });
  } catch (error) {
    throw wrong(error instanceof Error ? error.message : String(error), error);
  }
}

async function readFaults(path: string): Promise<FaultPlan> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw wrong(`the fault plan ${path} cannot be read`, error);
  });
  const noReferences = { env: {}, readFile: () => '' };
  const tree = readYaml(text, { world: noReferences, isText: () => false });
  const [problem] = tree.problems;
  if (problem !== undefined) throw wrong(`${path}:${problem.place.line}:${problem.place.column}: ${problem.sentence}`);
  return parseFaultPlan(tree.value);
}

/** It holds the token, so only its owner may read it. */
async function writeProfile(path: string, text: string): Promise<void> {
  await writeFile(path, text, { mode: 0o600 }).catch((error: unknown) => {
    throw wrong(`the profile ${path} cannot be written`, error);
  });
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => resolve(), { once: true });
  await promise;
}

function wrong(message: string, cause?: unknown): Failure {
  return new Failure('arguments.invalid', message, { cause });
}
