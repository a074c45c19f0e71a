/**
 * What of the image can be told without building it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { describeWith } from '../registry/part-tests.ts';
import { findCheckov } from './tools.ts';

const root = new URL('../../', import.meta.url);
const lines = read('helm/Dockerfile')
  .replaceAll(/\\\n\s*/g, '')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'));
const stages = lines
  .join('\n')
  .split(/^FROM /m)
  .slice(1);
const last = stages.at(-1) ?? '';

describe('the image', () => {
  it('takes Node from one base, of the release line that package.json asks for, and its last stage from nothing', () => {
    expect(stages.map((stage) => stage.split(/\s/)[0])).toEqual(['${NODE_IMAGE}', '${NODE_IMAGE}', 'scratch']);
    const { engines } = z.object({ engines: z.object({ node: z.string() }) }).parse(JSON.parse(read('package.json')));
    const major = /\d+/.exec(engines.node)?.[0] ?? 'none';
    expect(lines[0]).toMatch(new RegExp(`^ARG NODE_IMAGE=node:${major}-`));
  });

  it('installs from the lock, without what only development needs, and runs no script of a package', () => {
    expect(stages[0]).toContain('RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund ');
    const { dependencies } = z.object({ dependencies: z.record(z.string(), z.string()) }).parse(JSON.parse(read('package.json')));
    expect(Object.keys(dependencies)).not.toContain('node');
  });

  it('names no architecture, and runs nothing in its last stage', () => {
    expect(read('helm/Dockerfile').replaceAll(/^#.*/gm, '')).not.toMatch(/amd64|x86|x64|arm64|aarch64/);
    expect(last).not.toMatch(/^RUN/m);
  });

  it('takes what exists, and its context holds that and nothing more', () => {
    const taken = lines
      .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
      .flatMap((line) => line.split(/\s+/).slice(1, -1))
      .toSorted();
    expect(taken.filter((path) => !existsSync(new URL(path, root)))).toEqual([]);
    const allowed = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    expect(read('.dockerignore').split('\n')[0]).toBe('*');
    expect(allowed.toSorted()).toEqual([...new Set(taken)].toSorted());
  });

  it('holds every folder that the product reads from, and the lock for whoever lists what is inside', () => {
    const folders = readdirSync(root, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && ['src', 'connectors', 'schemas'].includes(entry.name))
      .map((entry) => `COPY ${entry.name} ./${entry.name}`);
    expect(last.split('\n')).toEqual(expect.arrayContaining([...folders, 'COPY package.json package-lock.json LICENSE ./']));
  });

  it('is of the version of package.json', () => {
    const { version } = z.object({ version: z.string() }).parse(JSON.parse(read('package.json')));
    expect(last).toContain(`ARG VERSION=${version}\n`);
  });

  it('is one process that is not root and runs the config it is given', () => {
    expect(last.split('\n').slice(-4)).toEqual([
      'USER 65532:65532',
      'EXPOSE 9464',
      'ENTRYPOINT ["node", "src/main.ts"]',
      'CMD ["run", "-c", "/etc/cdf-relay/relay.yaml"]',
    ]);
  });
});

await describeWith('the Dockerfile, to checkov', findCheckov, (checkov) => {
  it('has nothing to object to but what its comments argue', () => {
    const file = fileURLToPath(new URL('helm/Dockerfile', root));
    const args = [...checkov.args, '--skip-download', '--quiet', '--compact', '--framework', 'dockerfile', '-o', 'json', '-f', file];
    const { stdout } = spawnSync(checkov.command, args, { encoding: 'utf8', env: { ...process.env, ...checkov.env } });
    expect(z.object({ summary: z.object({ failed: z.number(), skipped: z.number() }) }).parse(JSON.parse(stdout)).summary).toEqual({
      failed: 0,
      skipped: 2,
    });
  });
});

function read(path: string): string {
  return readFileSync(new URL(path, root), 'utf8');
}
