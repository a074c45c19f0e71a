/**
 * Our own commands as processes of their own, as a user would start them: for the demo, the benchmarks and whatever kills them.
 * Only what was started here is ever signalled, by its id.
 */
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Readable } from 'node:stream';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const STDERR_KEPT = 20_000;
const STOP_MS = 35_000;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Starts `node <script> <args>` under this Node. */
export function startScript(script: string, args: readonly string[]): Child {
  return startProgram(process.execPath, [script, ...args]);
}

/** Starts any program, with `env` beside this process's environment. */
export function startProgram(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Child {
  return new Child(spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } }));
}

/** Starts `node src/main.ts <args>`. */
export function startCommand(args: readonly string[]): Child {
  return startScript(MAIN, args);
}

/** Runs `node src/main.ts <args>` to its end. */
export async function command(
  ...args: readonly string[]
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const child = startCommand(args);
  const { code } = await child.exited;
  return { code, stdout: child.stdout, stderr: child.stderr };
}

export class Child {
  readonly pid: number;
  /** Never rejects. */
  readonly exited: Promise<Exit>;
  readonly #process: ChildProcessByStdio<null, Readable, Readable>;
  #stdout = '';
  #stderr = '';

  constructor(process: ChildProcessByStdio<null, Readable, Readable>) {
    this.#process = process;
    this.pid = process.pid ?? -1;
    const { promise, resolve } = Promise.withResolvers<Exit>();
    this.exited = promise;
    process.once('close', (code, signal) => resolve({ code, signal }));
    process.once('error', (error) => {
      this.#stderr += error.message;
      resolve({ code: null, signal: null });
    });
    process.stdout.setEncoding('utf8').on('data', (text) => (this.#stdout += String(text)));
    process.stderr.setEncoding('utf8').on('data', (text) => (this.#stderr = (this.#stderr + String(text)).slice(-STDERR_KEPT)));
  }

  get isRunning(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null && this.pid !== -1;
  }

  /** All it has printed to stdout. */
  get stdout(): string {
    return this.#stdout;
  }

  /** The end of what it has printed to stderr. */
  get stderr(): string {
    return this.#stderr;
  }

  /** The first line of stdout. Rejects with the end of stderr if the process ends before. */
  async firstLine(signal: AbortSignal): Promise<string> {
    const [line = ''] = await this.lines(1, signal);
    return line;
  }

  /** The first so many lines of stdout, once they are there. Rejects as `firstLine` does. */
  async lines(count: number, signal: AbortSignal): Promise<readonly string[]> {
    const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>();
    const look = (): void => {
      const lines = this.#stdout.split('\n');
      if (lines.length > count) resolve(lines.slice(0, count));
    };
    const onAbort = (): void => reject(signal.reason);
    this.#process.stdout.on('data', look);
    signal.addEventListener('abort', onAbort, { once: true });
    this.exited.then(({ code, signal: by }) => {
      reject(new Error(`the process ended (${String(code ?? by)}) before it said where it is: ${this.#stderr.slice(-2000)}`));
    }, reject);
    look();
    try {
      return await promise;
    } finally {
      this.#process.stdout.off('data', look);
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** To this process alone; does nothing once it has ended. */
  signal(name: NodeJS.Signals): void {
    this.#process.kill(name);
  }

  /** SIGKILL, and waits until it is gone. */
  async kill(): Promise<Exit> {
    this.signal('SIGKILL');
    return this.exited;
  }

  /** SIGTERM, and SIGKILL to what has not ended in 35 s. */
  async stop(): Promise<Exit> {
    if (!this.isRunning) return this.exited;
    this.signal('SIGTERM');
    const late = setTimeout(() => this.signal('SIGKILL'), STOP_MS);
    try {
      return await this.exited;
    } finally {
      clearTimeout(late);
    }
  }
}

/** What a process has used so far, as Linux counts it. */
export interface ProcessUse {
  readonly cpuSeconds: number;
  /** The most memory it ever held, in bytes. */
  readonly peakRss: number;
}

/** Jiffies a second: a constant of the Linux ABI. */
const CLOCK_TICKS = 100;

/** Null once the process is gone, and on systems without `/proc`. */
export async function useOf(pid: number): Promise<ProcessUse | null> {
  const texts = await Promise.all([readFile(`/proc/${pid}/stat`, 'utf8'), readFile(`/proc/${pid}/status`, 'utf8')]).catch(() => null);
  if (texts === null) return null;
  const [stat, status] = texts;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const peak = /^VmHWM:\s+(\d+) kB$/m.exec(status);
  if (peak === null) return null;
  return { cpuSeconds: (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS, peakRss: Number(peak[1]) * 1024 };
}
