import { spawn } from 'node:child_process';

/** Runs a command to its end, with `env` besides this process's own; resolves with all it printed, rejects with the end of that when it fails. */
export async function run(
  command: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let printed = '';
  child.stdout.on('data', (chunk) => (printed += String(chunk)));
  child.stderr.on('data', (chunk) => (printed += String(chunk)));
  child.once('error', reject);
  child.once('close', (code) =>
    code === 0 ? resolve(printed) : reject(new Error(`${command} ended with ${String(code)}: ${printed.slice(-2000)}`)),
  );
  return promise;
}
