import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { BaseSequencer } from 'vitest/node';
import type { TestSpecification } from 'vitest/node';
import { ClosingLine } from './closing-line.ts';

/** Files on a real Kafka come first: they are the long ones, and at the end the short ones keep both cores at work. */
class KafkaFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const wantsKafka = new Map(files.map((file) => [file, readFileSync(file.moduleId, 'utf8').includes('use-kafka.ts')]));
    const sorted = await super.sort(files);
    return [...sorted.filter((file) => wantsKafka.get(file)), ...sorted.filter((file) => !wantsKafka.get(file))];
  }
}

// What was stripped of types and compiled once is kept for the other processes of the run, and for the next run.
process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(new URL('../node_modules/.cache/cdf-relay', import.meta.url));

export default defineConfig({
  test: {
    root: fileURLToPath(new URL('..', import.meta.url)),
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/kafka/global-setup.ts'],
    setupFiles: ['test/random-tests.ts'],
    reporters: ['default', new ClosingLine()],
    // Processes, for tests start workers, signals and child processes, and Node's own type stripping runs the sources.
    pool: 'forks',
    experimental: { viteModuleRunner: false },
    // A process takes file after file: to load the packages anew for each takes longer than the tests of most.
    isolate: false,
    sequence: { sequencer: KafkaFirst },
    // kafkajs sets a timer into the past at every connection (tulios/kafkajs#1751).
    execArgv: ['--disable-warning=TimeoutNegativeWarning'],
    // Two files side by side on two cores; a broker and its relay want more than a share of one.
    maxWorkers: 2,
    // No test is about its time: these end what hangs, also where the machine has much else to do.
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
