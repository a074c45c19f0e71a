import { execFile } from 'node:child_process';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { FAULT_EXAMPLE } from '../../src/cli/fault-help.ts';
import { parseServeArguments, run, servedText } from '../../src/cli/serve.ts';
import { commandHelp } from '../../src/cli/usage.ts';
import { parseFaultPlan } from '../../src/provider/fault-file.ts';
import { isRecord } from '../../src/provider/unknown-data.ts';
import { commit, exchange, metadata, PROTOCOL, temporaryFolder } from '../provider/support.ts';

test('options are read, and the token is a random one unless given', () => {
  expect(
    parseServeArguments(['./tables', '--port', '8080', '--token', 't', '--profile-out', 'p.share', '--reveal', '2s', '--faults', 'f.yaml']),
  ).toEqual({
    folder: './tables',
    port: 8080,
    token: 't',
    profileOut: 'p.share',
    revealMs: 2000,
    faultsPath: 'f.yaml',
  });
  const [one, other] = [parseServeArguments(['x']), parseServeArguments(['x'])];
  expect([one.token.length, one.token === other.token]).toEqual([32, false]);
});

test.each([
  [[], '`serve` needs one folder'],
  [['a', 'b'], '`serve` needs one folder'],
  [['a', '--port', '70000'], '--port is not a port: 70000'],
  [['a', '--reveal', 'soon'], '--reveal is not a duration like 2s: soon'],
  [['a', '--nonsense'], "Unknown option '--nonsense'"],
])('%j is refused', (argv, sentence) => {
  expect(() => parseServeArguments(argv)).toThrow(sentence);
});

test('a folder, a fault plan or a profile path that cannot be used ends the command with the reason', async () => {
  await using folder = await temporaryFolder();
  const plan = join(folder.path, 'faults.yaml');
  const { signal } = new AbortController();
  await expect(run([join(folder.path, 'nowhere')], signal)).rejects.toThrow('cannot read the folder');
  await expect(run([folder.path, '--faults', plan], signal)).rejects.toThrow('cannot be read');
  await writeFile(plan, 'rules:\n  - do: {kind: stall}\n');
  await expect(run([folder.path, '--faults', plan], signal)).rejects.toThrow("rules[0].do: no fault is called 'stall'");
  await writeFile(plan, 'rules: [\n');
  await expect(run([folder.path, '--faults', plan], signal)).rejects.toThrow(/faults\.yaml:\d+:\d+: /);
  await expect(run([folder.path, '--profile-out', join(folder.path, 'no', 'p.share')], signal)).rejects.toThrow('cannot be written');
});

test('the example that the help shows is a plan', () => {
  expect(commandHelp('serve')).toContain(FAULT_EXAMPLE.replaceAll('\n', '\n  '));
  const { like, rules } = parseFaultPlan(parse(FAULT_EXAMPLE));
  expect([like, ...rules.map((rule) => rule.do.kind)]).toEqual(['reference-1.4', 'status', 'status', 'cut', 'no-end']);
});

test('a folder without tables is warned of', () => {
  expect(servedText(0, './t', 'http://e')).toMatch(
    /^Serving 0 tables of \.\/t at http:\/\/e\nWARNING: no folder within four levels of \.\/t has/,
  );
  expect(servedText(1, './t', 'http://e')).toBe('Serving 1 table of ./t at http://e');
});

test('the process prints one line of JSON, writes a profile that works, warns loudly, and ends when told', async () => {
  await using folder = await temporaryFolder();
  await commit(join(folder.path, 'tables', 'one'), 0, [PROTOCOL, metadata()]);
  const profilePath = join(folder.path, 'p.share');
  const argv = JSON.stringify([join(folder.path, 'tables'), '--profile-out', profilePath]);
  const module = JSON.stringify(new URL('../../src/cli/serve.ts', import.meta.url).href);
  const script = `
    const { run } = await import(${module});
    const stopping = new AbortController();
    process.once('SIGTERM', () => stopping.abort());
    process.exitCode = await run(${argv}, stopping.signal);
  `;
  const child = execFile(process.execPath, ['--input-type=module', '--eval', script]);
  let warned = '';
  child.stderr?.on('data', (part: string) => (warned += part));
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const line = await new Promise<string>((resolve) => child.stdout?.once('data', resolve));
  const printed: unknown = JSON.parse(line);
  const profile: unknown = JSON.parse(await readFile(profilePath, 'utf8'));
  if (!isRecord(printed) || !isRecord(profile)) throw new Error('not JSON objects');
  expect(line.endsWith('}\n')).toBe(true);
  expect(printed).toEqual({ endpoint: profile['endpoint'], profile });
  expect((await stat(profilePath)).mode & 0o777).toBe(0o600);
  const headers = { authorization: `Bearer ${String(profile['bearerToken'])}` };
  expect((await exchange(`${String(profile['endpoint'])}/shares`, { headers })).bytes.toString()).toBe('{"items":[{"name":"local"}]}');
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
  expect(warned).toContain('WARNING: This is no production provider');
});
