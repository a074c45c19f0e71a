/**
 * The closing line of real runs: vitest in a process and a folder of its own.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const PASSING = `import { expect, it } from 'vitest';\nit('passes', () => expect(1).toBe(1));`;

describe('the closing line', () => {
  it('counts what passed, and stands alone at the end', () => {
    expect(run({ 'a.test.ts': PASSING })).toEqual({ status: 0, lines: ['1 passed, 0 failed'] });
  });

  it('counts as failed what vitest counts among no tests, and gives every reason for skipping once', () => {
    const outcome = run({
      'a.test.ts': PASSING,
      'b.test.ts': [
        `import { beforeAll, describe, expect, it } from 'vitest';`,
        `it('fails', () => expect(1).toBe(2));`,
        `it('is skipped', (context) => context.skip('there is no moon'));`,
        `it('is skipped too', (context) => context.skip('there is no moon'));`,
        `it.skip('is skipped without a word', () => {});`,
        `it.todo('is to come');`,
        `describe('a hook that fails', () => { beforeAll(() => { throw new Error('no'); }); it('never runs', () => {}); });`,
        `it('leaks an error', () => { void Promise.reject(new Error('unhandled')); });`,
      ].join('\n'),
      'c.test.ts': `throw new Error('does not load');`,
    });
    expect(outcome).toEqual({
      status: 1,
      lines: [
        'skipped 2: there is no moon',
        'skipped 2: no reason is given, or another test was chosen',
        'skipped 1: not written yet',
        '2 passed, 4 failed, 5 skipped',
      ],
    });
  });
});

/** Runs the files as a project of their own; the lines are the last that are printed, from the last empty one on. */
function run(files: Readonly<Record<string, string>>): { readonly status: number | null; readonly lines: readonly string[] } {
  const folder = mkdtempSync(join(tmpdir(), 'closing-line-'));
  try {
    const reporter = new URL('closing-line.ts', import.meta.url).href;
    const config = [
      `import { ClosingLine } from '${reporter}';`,
      `export default { test: { root: '.', reporters: ['default', new ClosingLine()], experimental: { viteModuleRunner: false } } };`,
    ];
    const nodeModules = fileURLToPath(new URL('../node_modules', import.meta.url));
    symlinkSync(nodeModules, join(folder, 'node_modules'));
    for (const [name, text] of Object.entries({ 'package.json': '{"type":"module"}', 'vitest.config.ts': config.join('\n'), ...files }))
      writeFileSync(join(folder, name), text);
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST')));
    const { status, stdout } = spawnSync(process.execPath, [join(nodeModules, 'vitest', 'vitest.mjs'), 'run'], {
      cwd: folder,
      env,
      encoding: 'utf8',
    });
    const lastBlock =
      stdout
        .trimEnd()
        .split(/\n{2,}/)
        .at(-1) ?? '';
    return { status, lines: lastBlock.split('\n') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
