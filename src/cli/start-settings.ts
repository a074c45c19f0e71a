/**
 * Settings that a process can only get at its start, for the command that holds many rows in memory. The process replaces itself with one that has them: the same
 * program, the same process id.
 *
 * glibc raises its threshold for memory of its own mapping to the largest piece ever given back, here a whole file; from then on files too come from heaps that are
 * cut up between threads, and much of the memory is holes. V8 lets the young generation grow to 96 MB, most of it waiting to be collected. `limits.memory` would be
 * exceeded by both, with nothing to show for it. Smaller settings than these save little more and cost CPU.
 *
 * V8 collects all of the heap, 40 MB that hardly change, whenever it has grown by some megabytes, and counts the buffers of rows among them, though they are not in it:
 * a third of the CPU of publishing went there. It is let grow by as much as it holds.
 */

const ENVIRONMENT = { MALLOC_MMAP_THRESHOLD_: '4194304' } as const;

/** V8's. */
export const MEMORY_FLAGS: readonly string[] = ['--max-semi-space-size=8', '--heap-growing-percent=100'];

/** Returns where there is nothing to do: the settings are there, the user's own ones too, or the system cannot replace a process. */
export function restartWithMemorySettings(): void {
  if (process.platform !== 'linux' || process.execve === undefined) return;
  const options = [...process.execArgv, ...(process.env['NODE_OPTIONS'] ?? '').split(' ')];
  const flags = MEMORY_FLAGS.filter((flag) => !options.some((option) => nameOf(option) === nameOf(flag)));
  const hasEnvironment = Object.keys(ENVIRONMENT).every((name) => process.env[name] !== undefined);
  if (flags.length === 0 && hasEnvironment) return;
  const line = [process.execPath, ...process.execArgv, ...flags, ...process.argv.slice(1)];
  process.execve(process.execPath, line, { ...ENVIRONMENT, ...process.env });
}

function nameOf(option: string): string {
  return option.replace(/=.*$/, '');
}
