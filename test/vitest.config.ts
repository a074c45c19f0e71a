import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { ClosingLine } from './closing-line.ts';

export default defineConfig({
  test: {
    root: fileURLToPath(new URL('..', import.meta.url)),
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/kafka/global-setup.ts'],
    reporters: ['default', new ClosingLine()],
    // A process for each file: tests start workers, signals and child processes, and Node's own type stripping runs the sources.
    pool: 'forks',
    experimental: { viteModuleRunner: false },
    // Two files side by side on two cores; a broker and its relay want more than a share of one.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 180_000,
  },
});
