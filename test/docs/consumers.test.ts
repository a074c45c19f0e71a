/**
 * docs/consumers.md: its two consumers, as they stand there, hand over each version once and whole, whatever the transactions that it took; and go on where they stopped.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { poll } from '../kafka/probe.ts';
import { describeKafka } from '../kafka/use-kafka.ts';
import { startProgram } from '../processes/child.ts';
import type { Child } from '../processes/child.ts';
import { describeWith } from '../registry/part-tests.ts';
import { findPythonConsumer } from '../registry/parts.ts';
import { Playground } from '../relay/playground.ts';
import type { Relay } from '../relay/in-process.ts';
import { rowsFrom, timeOf } from '../relay/small-table.ts';

const DOCS = new URL('../../docs/consumers.md', import.meta.url);
const MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url));
/** By what a block is marked with. */
const FILES = { js: 'whole-versions.mjs', python: 'whole_versions.py' } as const;
type Language = keyof typeof FILES;
/** How both print times that they read. */
const TIMES: Readonly<Record<Language, (at: number) => unknown>> = {
  js: (at) => at,
  python: (at) => new Date(at).toISOString().replace('T', ' ').replace('.000Z', '+00:00'),
};

async function blockOf(language: Language): Promise<string> {
  const [, block] = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'ms').exec(await readFile(DOCS, 'utf8')) ?? [];
  if (block === undefined) throw new Error(`the page has no block of ${language}`);
  return block;
}

/** `start` runs a program with the path of what stands on the page and its arguments. */
async function describeConsumer(language: Language, start: (...args: readonly string[]) => Child): Promise<void> {
  await describeKafka(`the consumer of whole versions in ${language}`, (brokers) => {
    let play: Playground;
    let folder = '';
    beforeAll(async () => {
      play = await Playground.open(brokers);
      folder = await mkdtemp(join(tmpdir(), 'cdf-relay-docs-'));
      await symlink(MODULES, join(folder, 'node_modules'));
    });
    afterAll(async () => {
      await play[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    });

    /** What it prints of so many versions; it is stopped when it has worked off the ledger. */
    async function printed(child: Child, versions: number, relay: Relay, group: string): Promise<readonly unknown[]> {
      await child.lines(versions, AbortSignal.timeout(60_000));
      const topic = `${relay.recipient}.commits`;
      const end = Number((await relay.changes(topic)).at(-1)?.offset) + 1;
      await poll('the ledger to be worked off', 60_000, async () => {
        const [offsets] = await play.administer(async (admin) => admin.fetchOffsets({ groupId: group, topics: [topic] }));
        return Number(offsets?.partitions[0]?.offset) === end;
      });
      child.signal('SIGINT');
      await child.exited;
      const lines = child.stdout.split('\n').filter((line) => line !== '');
      return lines.map((line) => withSortedRecords(JSON.parse(line)));
    }

    test('hands each version over once and whole, whatever the transactions that it took, and goes on where it stopped', async () => {
      const { table, name } = play.table();
      const relay = play.stage.another();
      const feed = { table: name, key: ['id'], envelope: 'debezium' } as const;
      const chunk = { records: 3 };
      await table.commit({ adds: [rowsFrom(1, 2)] });
      await table.commit({ adds: [rowsFrom(10, 8)] });
      await play.runUntilPublished(relay, feed, 2, { chunk });
      expect((await relay.checkpoint(name)).position).toMatchObject({ version: 1, records: 3 });

      const path = join(folder, FILES[language]);
      await writeFile(path, await blockOf(language));
      const group = randomUUID();
      const consume = (): Child => start(path, brokers.join(','), relay.recipient, relay.topic(name), group);
      const first = consume();
      await first.lines(1, AbortSignal.timeout(60_000));
      expect(await play.outcome(relay, feed, { chunk })).toBe('done');
      expect(await printed(first, 2, relay, group)).toEqual([versionOf(language, 0, 1, 2), versionOf(language, 1, 10, 8)]);

      await table.commit({});
      await table.commit({ adds: [rowsFrom(30, 4)] });
      expect(await play.outcome(relay, feed, { chunk })).toBe('done');
      expect(await printed(consume(), 2, relay, group)).toEqual([versionOf(language, 2, 0, 0), versionOf(language, 3, 30, 4)]);
    });
  });
}

await describeConsumer('js', (...args) => startProgram(process.execPath, args));
await describeWith('the consumer of whole versions in python', findPythonConsumer, async ({ command, env }) => {
  await describeConsumer('python', (...args) => startProgram(command, args, env));
});

/** A version that inserts so many rows from this id on, as it is printed. */
function versionOf(language: Language, version: number, from: number, count: number): unknown {
  const at = TIMES[language](timeOf(version));
  const records = rowsFrom(from, count).map((row) => ({ key: { id: row['id'] }, value: { op: 'c', before: null, after: row, at } }));
  return { version, snapshot: false, records };
}

/** Records come partition by partition; what is compared of each is the row, and when it was committed. */
function withSortedRecords(line: unknown): unknown {
  const records = member(line, 'records');
  if (!Array.isArray(records)) throw new Error('a line without records');
  const told = records.map((record: unknown) => {
    const value = member(record, 'value');
    const at = member(member(value, 'source'), 'commit_timestamp');
    return {
      key: member(record, 'key'),
      value: { op: member(value, 'op'), before: member(value, 'before'), after: member(value, 'after'), at },
    };
  });
  const sorted = told.toSorted((a, b) => Number(member(a.key, 'id')) - Number(member(b.key, 'id')));
  return { version: member(line, 'version'), snapshot: member(line, 'snapshot'), records: sorted };
}

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}
