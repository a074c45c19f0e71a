/**
 * What an operator does, with real processes on a real Kafka: looks at feeds, reads a topic back, and takes parked feeds further.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startPlainProvider } from '../support/plain-provider.ts';
import type { Provider } from '../../src/provider/provider.ts';
import { describeKafka, uniqueName } from '../kafka/use-kafka.ts';
import { command } from '../processes/child.ts';

function jsonLines(text: string): readonly unknown[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): unknown => JSON.parse(line));
}

await describeKafka('an operator', (brokers) => {
  const name = uniqueName('ops');
  const recipient = uniqueName('r');
  const feed = (table: string): string => `${recipient}/acme/local.default.${table}`;
  let folder = '';
  let provider: Provider | null = null;

  /** Writes a config with these table entries, and gives its path. */
  async function config(file: string, tables: readonly string[], topics = 'partitions: 2'): Promise<string> {
    const path = join(folder, file);
    await writeFile(
      path,
      `relay: {name: ${name}, checkpointPartitions: 2}
kafka: {brokers: [${brokers.join(', ')}], topics: {${topics}}}
sources: [{name: acme, profile: acme.share}]
recipients:
  - name: ${recipient}
    tables:
${tables.map((table) => `      - {${table}}\n`).join('')}
http: {host: 127.0.0.1, port: 0}
limits: {workers: 1}
`,
    );
    return path;
  }

  const basics = 'table: local.default.basics, start: earliest, key: [id]';
  const toggled = 'table: local.default.feed_toggled, start: {version: 3}';

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cdf-relay-'));
    provider = await startPlainProvider();
    await writeFile(join(folder, 'acme.share'), JSON.stringify(provider.profile));
  });
  afterAll(async () => {
    await provider?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  test('sees nothing published before a relay ran', async () => {
    const path = await config('both.yaml', [basics, toggled]);
    expect(await command('status', '-c', path)).toEqual({
      code: 0,
      stdout: `${feed('basics')}: new; nothing published yet\n${feed('feed_toggled')}: new; nothing published yet\n`,
      stderr:
        'This is what the checkpoints say, for the port of the relay is any that is free: whether one runs, and what it tries again, is not known (--url says where to ask).\n',
    });
    const named = ['-c', path, '--recipient', recipient, '--table', 'local.default.basics'];
    expect(await command('checkpoint', 'show', ...named)).toMatchObject({ code: 2, stdout: '' });
    expect(await command('tail', ...named, '--until-end')).toEqual({
      code: 3,
      stdout: '',
      stderr:
        `${feed('basics')} has not begun: there is no topic ${recipient}.local.default.basics yet\n` +
        '→ Start the relay with `run`; if it runs, `status` tells what the feed waits for.\n',
    });
  });

  test('sees what runs and what is parked with its remedy, and the feed that left the config as an orphan', async () => {
    const path = await config('both.yaml', [basics, toggled]);
    expect(await command('run', '-c', path, '--until-current')).toMatchObject({ code: 1, stdout: '' });

    const { code, stdout } = await command('status', '-c', await config('less.yaml', [toggled]), '--json');
    expect(code).toBe(0);
    const at: unknown = expect.stringMatching(/^\d{4}-\d\d-\d\dT/);
    expect(JSON.parse(stdout)).toEqual([
      {
        feed: feed('feed_toggled'),
        state: 'parked',
        isOrphan: false,
        topic: `${recipient}.local.default.feed_toggled`,
        generation: 1,
        nextVersion: 6,
        isSnapshot: false,
        recordsOfNextVersion: 0,
        behind: null,
        lastCommitAt: at,
        failure: {
          code: 'gap.feed_off',
          version: 6,
          message: expect.stringContaining('local.default.feed_toggled'),
          at,
          remedy: expect.stringContaining('onGap: skip'),
          nextTryAt: null,
        },
      },
      {
        feed: feed('basics'),
        state: 'running',
        isOrphan: true,
        topic: `${recipient}.local.default.basics`,
        generation: 1,
        nextVersion: 12,
        isSnapshot: false,
        recordsOfNextVersion: 0,
        behind: null,
        lastCommitAt: at,
        failure: null,
      },
    ]);
  });

  test('reads a topic back row by row: the rows that `peek` shows, each key in one partition', async () => {
    const path = await config('both.yaml', [basics, toggled]);
    const tail = await command('tail', '-c', path, '--recipient', recipient, '--table', 'local.default.basics', '--until-end');
    const peek = await command('peek', join(folder, 'acme.share'), 'local.default.basics', '--from', '0');
    expect([tail.code, peek.code]).toEqual([0, 0]);
    const records = jsonLines(tail.stdout);
    const rows = jsonLines(peek.stdout);
    expect(rows).toHaveLength(102);
    const values = records.map((record) => member(record, 'value'));
    expect(values.map((row) => JSON.stringify(row)).toSorted()).toEqual(rows.map((row) => JSON.stringify(row)).toSorted());
    expect(records.map((record) => member(record, 'key'))).toEqual(values.map((row) => ({ id: member(row, 'id') })));
    const partitionsOf = Map.groupBy(records, (record) => member(member(record, 'key'), 'id'));
    expect([...partitionsOf.values()].every((same) => new Set(same.map((record) => member(record, 'partition'))).size === 1)).toBe(true);
  });

  test('finds where a version is, and to which version a record belongs, in the ledger that tail shows', async () => {
    const named = ['-c', await config('both.yaml', [basics, toggled]), '--recipient', recipient, '--table', 'local.default.basics'];
    const tail = await command('tail', ...named, '--commits', '--until-end');
    expect([tail.code, tail.stderr]).toEqual([0, `reading ${recipient}.commits\n`]);
    const ledger = jsonLines(tail.stdout).map((line) => member(line, 'value'));
    expect(ledger.map((value) => member(value, 'version'))).toEqual(Array.from({ length: 12 }, (_, version) => version));
    expect(jsonLines(tail.stdout)[0]).toMatchObject({
      partition: 0,
      key: feed('basics'),
      value: { kind: 'version', rows: { insert: expect.any(Number) } },
    });

    const looked = await command('offsets', ...named, '--version', '1', '--json');
    expect(looked).toMatchObject({ code: 0, stderr: '' });
    const [found] = jsonLines(looked.stdout);
    const iso: unknown = expect.stringMatching(/^\d{4}-\d\d-\d\dT/);
    expect(found).toEqual({ ...Object(ledger[1]), at: iso, commitTimestamp: iso });
    const partitions = member(found, 'partitions');
    const stretch: unknown = Array.isArray(partitions) ? partitions[0] : null;
    const place = ['--partition', String(member(stretch, 'partition')), '--offset', String(Number(member(stretch, 'nextOffset')) - 1)];
    expect(jsonLines((await command('offsets', ...named, ...place, '--json')).stdout)).toEqual([found]);

    const text = await command('offsets', ...named, '--version', '1');
    expect([text.code, text.stdout.split('\n')[0]]).toEqual([
      0,
      `version 1 of ${feed('basics')}: whole in ${recipient}.local.default.basics`,
    ]);
    expect(await command('offsets', ...named, '--version', '99')).toEqual({
      code: 2,
      stdout: '',
      stderr:
        `version 99 is not published yet: the ledger has versions 0 to 11 of ${feed('basics')}\n` +
        '→ `status` tells how far the feed is, and `tail --commits` all that its ledger says.\n',
    });
    expect(await command('offsets', ...named, '--version', '1', '--offset', '2')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('offsets: give either --version, or --partition and --offset'),
    });
  });

  test('takes a changed topic over with `accept`, after being asked', async () => {
    const path = await config('moved.yaml', [`${basics}, topic: ${recipient}.elsewhere`]);
    expect(await command('run', '-c', path, '--until-current')).toMatchObject({ code: 1 });
    const args = ['checkpoint', 'accept', '-c', path, '--recipient', recipient, '--table', 'local.default.basics'];
    const refused = await command(...args);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr.split('\n')).toEqual([
      `${feed('basics')} goes on at version 12, in topic ${recipient}.elsewhere, under the contract that the config gives now.`,
      'Consumers meet the new contract from the next record on; what stands in the topic already is taken as it is.',
      expect.stringMatching(/^The feed is parked: contract\.changed: /),
      expect.stringContaining('there is no terminal to ask at: add --yes if this is what you want'),
      '→ See `--help`.',
      '',
    ]);
    expect(await command(...args, '--yes')).toMatchObject({ code: 0, stdout: '' });
    expect(await command('run', '-c', path, '--until-current')).toMatchObject({ code: 0 });
    const shown = await command('checkpoint', 'show', ...args.slice(2));
    expect(JSON.parse(shown.stdout)).toMatchObject({
      state: 'running',
      failure: null,
      topic: `${recipient}.elsewhere`,
      generation: 1,
      position: { version: 12 },
    });
  });

  test('starts a feed again with `reset`, in a new topic', async () => {
    const path = await config('again.yaml', [toggled.replace('3', '8')]);
    const reset = await command(
      'checkpoint',
      'reset',
      '-c',
      path,
      '--recipient',
      recipient,
      '--table',
      'local.default.feed_toggled',
      '--yes',
    );
    expect(reset).toMatchObject({ code: 0, stdout: '' });
    expect(reset.stderr).toContain(
      `starts again as generation 2, in the new topic ${recipient}.local.default.feed_toggled.g2, from where \`start\` says (version 8).`,
    );
    const { stdout } = await command('status', '-c', path);
    expect(stdout.split('\n')[0]).toBe(`${feed('feed_toggled')}: new; nothing of generation 2 published yet`);
    await command('run', '-c', path, '--until-current');
    const after = await command('checkpoint', 'show', '-c', path);
    expect(JSON.parse(after.stdout)).toContainEqual(
      expect.objectContaining({ feed: feed('feed_toggled'), generation: 2, topic: `${recipient}.local.default.feed_toggled.g2` }),
    );
  });

  test('shows records of every envelope, tombstones as null by their key', async () => {
    const path = await config('envelopes.yaml', [
      'table: local.default.merges, start: earliest, envelope: debezium, key: [id]',
      'table: local.default.partition_types, start: earliest, envelope: upsert, key: [id]',
    ]);
    expect(await command('run', '-c', path, '--until-current')).toMatchObject({ code: 0, stdout: '' });
    const tail = async (table: string): Promise<readonly unknown[]> => {
      const { code, stdout } = await command('tail', '-c', path, '--recipient', recipient, '--table', table, '--until-end');
      expect(code).toBe(0);
      return jsonLines(stdout);
    };
    const debezium = await tail('local.default.merges');
    const image = expect.objectContaining({ id: expect.any(String) });
    const source = expect.objectContaining({ connector: 'cdf-relay', name: recipient, table: 'merges', ts_ms: expect.any(Number) });
    const key = { id: expect.anything() };
    expect(debezium).toContainEqual(
      expect.objectContaining({ key, value: expect.objectContaining({ before: image, after: image, op: 'u', source, transaction: null }) }),
    );
    expect(debezium).toContainEqual(
      expect.objectContaining({ key, value: expect.objectContaining({ before: image, after: null, op: 'd' }) }),
    );
    expect(debezium).toContainEqual(expect.objectContaining({ key, value: null }));
    const upsert = await tail('local.default.partition_types');
    expect(upsert).toContainEqual(expect.objectContaining({ key, value: expect.objectContaining({ p_long: expect.any(String) }) }));
    expect(upsert).toContainEqual(expect.objectContaining({ key, value: null }));
  });

  test("shows a feed's dead letters, and says so where there are none", async () => {
    const entry = 'table: local.default.big_values, start: earliest, envelope: debezium, key: [id], onBadRecord';
    const named = ['--recipient', recipient, '--table', 'local.default.big_values', '--until-end', '--dead-letters'];
    const parking = await config('parking.yaml', [`${entry}: park`]);
    expect(await command('tail', '-c', parking, ...named)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`there is no topic ${recipient}.dead-letters: no feed of ${recipient} has sent dead letters there`),
    });
    const path = await config('letters.yaml', [`${entry}: dead-letter`], 'config: {max.message.bytes: "6000"}');
    expect(await command('run', '-c', path, '--until-current')).toMatchObject({ code: 0 });
    const { code, stdout, stderr } = await command('tail', '-c', path, ...named);
    expect([code, stderr]).toEqual([0, `reading ${recipient}.dead-letters\n`]);
    const headers = { 'cdf-relay.feed': feed('big_values'), 'cdf-relay.code': 'record.too_large' };
    const [first] = jsonLines(stdout);
    expect(first).toMatchObject({ key: { id: expect.any(String) }, value: null, headers });
  });

  test('handles a feed that came by a pattern like any other', async () => {
    const path = await config('pattern.yaml', [
      'table: "LOCAL.*.code?s", start: earliest',
      'table: local.default.partition_str*, start: earliest, topic: "{recipient}.by.{table}"',
    ]);
    expect((await command('validate', '-c', path)).stdout.split('\n')).toEqual([
      'ok: 2 patterns for 1 recipient from 1 source',
      `  ${recipient}/acme/local.*.code?s               → {recipient}.{share}.{schema}.{table} (pattern: each table it matches is a feed)`,
      `  ${recipient}/acme/local.default.partition_str* → {recipient}.by.{table} (pattern: each table it matches is a feed)`,
      '',
    ]);
    expect(await command('run', '-c', path, '--until-current')).toMatchObject({ code: 0, stdout: '' });
    const status = await command('status', '-c', path);
    const begun = [...status.stdout.matchAll(/^(\S+): running; next version \d+, last commit .* ago$/gm)].map(([, id]) => id);
    expect(begun).toEqual([feed('codecs'), feed('partition_strings')]);
    expect(status.stdout).toContain(`${feed('basics')}: running, orphan (not in the config)`);

    const named = ['--recipient', recipient, '--table', 'Local.Default.Partition_Strings'];
    const tail = await command('tail', '-c', path, ...named, '--until-end');
    expect([tail.code, jsonLines(tail.stdout).length > 0]).toEqual([0, true]);
    const reset = await command('checkpoint', 'reset', '-c', path, ...named, '--yes');
    expect(reset.stderr).toContain(`starts again as generation 2, in the new topic ${recipient}.by.partition_strings.g2, from where`);
  });
});

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}
