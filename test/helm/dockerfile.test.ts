/**
 * What of the image can be told without building it.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

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
  it('stands on one Node, of the release line that package.json asks for', () => {
    expect(stages.map((stage) => stage.split(/\s/)[0])).toEqual(['${NODE_IMAGE}', '${NODE_IMAGE}']);
    const { engines } = z.object({ engines: z.object({ node: z.string() }) }).parse(JSON.parse(read('package.json')));
    const major = /\d+/.exec(engines.node)?.[0] ?? 'none';
    expect(lines[0]).toMatch(new RegExp(`^ARG NODE_IMAGE=node:${major}-`));
  });

  it('installs from the lock, without what only development needs, and runs no script of a package', () => {
    expect(lines.filter((line) => line.startsWith('RUN '))).toEqual(['RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund']);
    const { dependencies } = z.object({ dependencies: z.record(z.string(), z.string()) }).parse(JSON.parse(read('package.json')));
    expect(Object.keys(dependencies)).not.toContain('node');
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

  it('holds every folder that the product reads from', () => {
    const folders = readdirSync(root, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && ['src', 'connectors', 'schemas'].includes(entry.name))
      .map((entry) => `COPY ${entry.name} ./${entry.name}`);
    expect(last.split('\n')).toEqual(expect.arrayContaining(folders));
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

function read(path: string): string {
  return readFileSync(new URL(path, root), 'utf8');
}
