/**
 * Settings that a process can only get at its start, for the command that holds many rows in memory. The process replaces itself with one that has them: the same
 * program, the same process id.
 *
 * glibc raises its threshold for memory of its own mapping to the largest piece ever given back, here a whole file; from then on files too come from heaps that are
 * cut up between threads, and much of the memory is holes. V8 lets the young generation grow to 96 MB, most of it waiting to be collected. `limits.memory` would be
 * exceeded by both, with nothing to show for it. Smaller settings than these save little more and cost CPU.
 */

const ENVIRONMENT = { MALLOC_MMAP_THRESHOLD_: '4194304' } as const;
const YOUNG_GENERATION_FLAG = '--max-semi-space-size';
const FLAGS = [`${YOUNG_GENERATION_FLAG}=8`];

/** Returns where there is nothing to do: the settings are there, the user's own ones too, or the system cannot replace a process. */
export function restartWithMemorySettings(): void {
  if (process.platform !== 'linux' || process.execve === undefined) return;
  const options = [...process.execArgv, ...(process.env['NODE_OPTIONS'] ?? '').split(' ')];
  const hasFlag = options.some((option) => option.startsWith(YOUNG_GENERATION_FLAG));
  const hasEnvironment = Object.keys(ENVIRONMENT).every((name) => process.env[name] !== undefined);
  if (hasFlag && hasEnvironment) return;
  const flags = hasFlag ? process.execArgv : [...process.execArgv, ...FLAGS];
  process.execve(process.execPath, [process.execPath, ...flags, ...process.argv.slice(1)], { ...ENVIRONMENT, ...process.env });
}
