/**
 * The process as a shell sees it: output, signals and exit codes.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { COMMAND_NAMES } from '../../src/cli/usage.ts';
import { PROFILE, SAMPLE } from '../config/sample.ts';
import { command, startCommand } from '../processes/child.ts';

let folder = '';
let config = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cdf-relay-'));
  config = join(folder, 'relay.yaml');
  await writeFile(join(folder, 'acme.share'), PROFILE);
  await writeFile(config, SAMPLE);
});
afterAll(() => rm(folder, { recursive: true }));

describe('the command line', () => {
  test('helps with everything and with each command, on stdout', async () => {
    const [bare, main, one, other] = await Promise.all([command(), command('--help'), command('help', 'peek'), command('peek', 'x', '-h')]);
    expect([main.code, main.stderr]).toEqual([0, '']);
    expect(bare).toEqual(main);
    for (const name of COMMAND_NAMES) expect(main.stdout).toMatch(new RegExp(`^  ${name} +\\S`, 'm'));
    expect(one.stdout.split('\n')[0]).toBe(
      'Usage: npm run -s relay -- peek <profile> <table> --from <version> [--to <version>] [--allow-host <hosts>]',
    );
    expect(other).toEqual(one);
  });

  test('tells its version', async () => {
    const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
    const { version } = z.object({ version: z.string() }).parse(JSON.parse(text));
    expect(await command('--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  test('knows which command was meant', async () => {
    expect(await command('vaildate', '-c', config)).toEqual({
      code: 2,
      stdout: '',
      stderr: '`vaildate` is no command: did you mean `validate`?\n→ See `--help`.\n',
    });
  });

  test('validates a config without touching the network', async () => {
    expect(await command('validate', '-c', config)).toEqual({
      code: 0,
      stdout: 'ok: 1 feed for 1 recipient from 1 source\n  analytics/acme/sales.public.orders → analytics.sales.public.orders\n',
      stderr: '',
    });
  });

  test('tells every error of a config, and of the profiles it names, with exit code 2', async () => {
    const bad = join(folder, 'bad.yaml');
    await writeFile(bad, SAMPLE.replace('acme-relay', 'acme+relay').replace('earliest', 'first'));
    expect(await command('validate', '-c', bad)).toEqual({
      code: 2,
      stdout: '',
      stderr: [
        `${bad}:1:15: \`relay.name\` must be letters, digits, \`.\`, \`_\` and \`-\`, beginning with a letter or digit, 200 at most, not \`acme+relay\`.`,
        `${bad}:8:45: \`recipients[0].tables[0].start\` must be \`snapshot\`, \`earliest\`, \`latest\`, \`{version: 12}\` or \`{timestamp: 2026-01-01T00:00:00Z}\`, not \`first\`.`,
        '→ Mend the lines named above; `validate -c` checks the file without touching the network.',
        '',
      ].join('\n'),
    });
    const empty = join(folder, 'empty.yaml');
    await writeFile(join(folder, 'empty.share'), '{}');
    await writeFile(empty, SAMPLE.replace('acme.share', 'empty.share'));
    expect(await command('validate', '-c', empty)).toEqual({
      code: 2,
      stdout: '',
      stderr:
        'profile empty.share: shareCredentialsVersion is missing\n→ Ask the provider for the profile file again and use it as it is.\n',
    });
  });

  test('a port that is taken is exit code 3 with the port', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    const address = await new Promise<unknown>((resolve) => taken.once('listening', () => resolve(taken.address())));
    const port = typeof address === 'object' && address !== null && 'port' in address ? Number(address.port) : 0;
    const path = join(folder, 'port.yaml');
    await writeFile(path, `${SAMPLE}http: {host: 127.0.0.1, port: ${port}}\n`);
    const ended = await command('run', '-c', path);
    taken.close();
    expect(ended).toEqual({
      code: 3,
      stdout: '',
      stderr: `the HTTP port 127.0.0.1:${port} cannot be opened (something else has it)\n→ Free the port, or set \`http.host\` and \`http.port\` to others.\n`,
    });
  });
});

describe('signals', () => {
  const tables = fileURLToPath(new URL('../fixtures/tables/basics', import.meta.url));

  test('the first one asks a command to end, which is success', async () => {
    const child = startCommand(['serve', tables]);
    await child.firstLine(AbortSignal.timeout(240_000));
    child.signal('SIGINT');
    expect(await child.exited).toEqual({ code: 0, signal: null });
  });

  test('a command that only waits is left with the code of the signal', async () => {
    // Nothing listens there: the command tries until it is stopped.
    const path = join(folder, 'nowhere.yaml');
    await writeFile(path, SAMPLE.replace('localhost:9092', '127.0.0.1:1'));
    const child = startCommand(['status', '-c', path]);
    await expect.poll(() => child.stderr, { timeout: 240_000 }).toBe('waiting for Kafka at 127.0.0.1:1 …\n');
    child.signal('SIGTERM');
    expect(await child.exited).toEqual({ code: 143, signal: null });
    expect(child.stdout).toBe('');
  });
});
