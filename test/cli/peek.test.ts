import { afterAll, beforeAll, expect, test } from 'vitest';
import { must } from '../../src/lib/assert.ts';
import { startCommand } from '../processes/child.ts';
import { shareTables } from '../support/shared-tables.ts';
import type { SharedTables } from '../support/shared-tables.ts';

const USAGE = '(usage: peek <profile> <table> --from <version> [--to <version>] [--allow-host <hosts>])\n→ See `--help`.\n';

let shared: SharedTables | null = null;
beforeAll(async () => {
  shared = await shareTables();
});
afterAll(() => shared?.[Symbol.asyncDispose]());

async function peek(
  ...options: readonly string[]
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const { provider } = must(shared, 'the provider');
  const child = startCommand(['peek', JSON.stringify(provider.profile), 'local.default.nested', ...options]);
  const { code } = await child.exited;
  return { code, stdout: child.stdout, stderr: child.stderr };
}

test('prints the rows of both ends and between, and what they were', async () => {
  const { code, stdout, stderr } = await peek('--from', '1', '--to', '2');
  const versions = stdout
    .trimEnd()
    .split('\n')
    .map((line) => /"_commit_version":(\d+)/.exec(line)?.[1]);
  expect([code, new Set(versions)]).toEqual([0, new Set(['1', '2'])]);
  expect(stderr).toBe(`${versions.length} rows of versions 1 to 2\n`);
});

test.each([
  ['--from', ['--from', '7']],
  ['--to', ['--from', '0', '--to', '7']],
])('prints nothing if %s is beyond the table', async (option, options) => {
  expect(await peek(...options)).toEqual({
    code: 2,
    stdout: '',
    stderr: `peek: ${option} 7 is beyond the latest version, which is 6 ${USAGE}`,
  });
});
