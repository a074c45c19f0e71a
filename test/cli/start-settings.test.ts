import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { MEMORY_FLAGS } from '../../src/cli/start-settings.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
/** Says at every start of the process who it is, and with what it was started. */
const TELL = `data:text/javascript,console.log(process.pid, process.env.MALLOC_MMAP_THRESHOLD_, ...process.execArgv.filter((option) => option.startsWith('--m') || option.startsWith('--h')))`;

async function starts(command: string, environment: NodeJS.ProcessEnv = {}): Promise<readonly string[]> {
  const run = promisify(execFile)(process.execPath, ['--import', TELL, MAIN, command, '-c', 'no-such-file.yaml'], {
    env: { PATH: process.env['PATH'], ...environment },
  });
  const told = await run.then(
    ({ stdout }) => stdout,
    (error: unknown) => (error instanceof Error && 'stdout' in error ? String(error.stdout) : ''),
  );
  return told.trim().split('\n');
}

test.runIf(process.platform === 'linux')('run replaces itself once by a process with the memory settings, of the same id', async () => {
  const [first = '', second = '', ...more] = await starts('run');
  const [pid = ''] = first.split(' ');
  expect([first, second, more]).toEqual([`${pid} undefined`, `${pid} 4194304 ${MEMORY_FLAGS.join(' ')}`, []]);
});

test('settings of the user stay, and other commands start once', async () => {
  const own = { NODE_OPTIONS: '--max-semi-space-size=16', MALLOC_MMAP_THRESHOLD_: '65536' };
  expect((await starts('run', own)).at(-1)).toMatch(/^\d+ 65536 --heap-growing-percent=100$/);
  expect((await starts('validate')).length).toBe(1);
});
