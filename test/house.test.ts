/**
 * The house's own rules (DESIGN §9), held against the project as it stands; and each rule against a planted violation, so that none of them is blind.
 */
import { describe, expect, it } from 'vitest';
import { FAILURES } from '../src/model/failure.ts';
import { defaultExports, longFiles, machinePaths, silencedRules, strangersAtTheTop, unkemptNames } from './house/conventions.ts';
import { completeLock } from './house/lock.ts';
import { deadCodes, deadScripts, inexactVersions, lockFaults, strayDependencies, unknownCommands } from './house/manifest.ts';
import { brokenWalls, cycles, packagesAbroad } from './house/rooms.ts';
import { readProject, references } from './house/source-file.ts';
import type { SourceFile } from './house/source-file.ts';

const project = readProject(new URL('..', import.meta.url));

describe('the project', () => {
  it('imports across no wall', () => expect(brokenWalls(project)).toEqual([]));
  it('imports in no circle', () => expect(cycles(project)).toEqual([]));
  it('keeps each package in one room', () => expect(packagesAbroad(project)).toEqual([]));
  it('shows at its top level what the design allows', () => expect(strangersAtTheTop(project)).toEqual([]));
  it('names its files in kebab-case', () => expect(unkemptNames(project)).toEqual([]));
  it('keeps its files short', () => expect(longFiles(project)).toEqual([]));
  it('exports by name', () => expect(defaultExports(project)).toEqual([]));
  it('holds no path of one machine', () => expect(machinePaths(project)).toEqual([]));
  it('switches no lint rule off without a reason', () => expect(silencedRules(project)).toEqual([]));
  it('pins exact versions', () => expect(inexactVersions(text('package.json'))).toEqual([]));
  it('uses every dependency, and names every one it uses', () => expect(strayDependencies(text('package.json'), project)).toEqual([]));
  it('has a lock that works on every platform and with every registry', () => expect(lockFaults(text('package-lock.json'))).toEqual([]));
  it('has a file behind every script', () => expect(deadScripts(text('package.json'), project)).toEqual([]));
  it('has a script behind every command of the README', () => expect(unknownCommands(text('README.md'), text('package.json'))).toEqual([]));
  it('uses every code of failure', () => expect(deadCodes(Object.keys(FAILURES), project)).toEqual([]));
});

describe('references', () => {
  it('are found in every form that loads a file, and not in comments', () => {
    const code = [
      `import type { A } from './a.ts';`,
      `import {\n  b,\n} from './b.ts';`,
      `export { c } from './c.ts';`,
      `import 'side-effect';`,
      `export const d = import('./d.ts');`,
      `export const e = import(name);`,
      `export const f = new URL('./f.ts', import.meta.url);`,
      ` * import { g } from './g.ts';`,
      `// import './h.ts';`,
      `export const i = 'from';`,
    ].join('\n');
    expect(references(code)).toEqual([
      { kind: 'type', specifier: './a.ts' },
      { kind: 'static', specifier: './b.ts' },
      { kind: 'static', specifier: './c.ts' },
      { kind: 'static', specifier: 'side-effect' },
      { kind: 'dynamic', specifier: './d.ts' },
      { kind: 'computed', specifier: '' },
      { kind: 'url', specifier: './f.ts' },
    ]);
  });
});

describe('the walls', () => {
  const rooms = [
    file('src/lib/l.ts'),
    file('src/model/m.ts'),
    file('src/ports/p.ts'),
    file('src/policy/y.ts'),
    file('src/codec/c.ts'),
    file('src/cli/run.ts'),
    file('src/worker.ts'),
    file('connectors/kafka/k.ts'),
    file('test/lib/t.ts'),
    file('connectors/sources/one/s.ts'),
    file('connectors/sources/two/s.ts'),
  ];
  const told = (path: string, code: string): readonly string[] => brokenWalls([...rooms, file(path, code)]);

  it.each([
    ['src/lib/x.ts', `import { m } from '../model/m.ts';`, 'lib may import nothing of ours.'],
    ['src/model/x.ts', `import type { P } from '../ports/p.ts';`, 'model may import lib only.'],
    ['src/relay/x.ts', `export const c = import('../codec/c.ts');`, 'relay may import ports, model, lib only.'],
    ['src/relay/x.ts', `import { y } from '../policy/y.ts';`, 'relay may import ports, model, lib only.'],
    ['src/codec/x.ts', `import type { Y } from '../policy/y.ts';`, 'codec may import ports, model, lib only.'],
    ['src/codec/x.ts', `export const w = new URL('../worker.ts', import.meta.url);`, 'codec may import ports, model, lib only.'],
    ['src/ops/x.ts', `import { k } from '../../connectors/kafka/k.ts';`, 'ops may import ports, model, lib only.'],
    ['src/relay/x.ts', `import { t } from '../../test/lib/t.ts';`, 'relay may import ports, model, lib only.'],
    ['src/cli/x.ts', `import { t } from '../../test/lib/t.ts';`, 'cli may import src and connectors only.'],
    ['connectors/kafka/x.ts', `import { c } from '../../src/codec/c.ts';`, 'connectors/kafka may import ports, model and lib only.'],
    ['connectors/sources/one/x.ts', `import { s } from '../two/s.ts';`, 'connectors/sources/one may import ports, model and lib only.'],
  ])('%s may not say %s', (path, code, rule) => {
    expect(told(path, code)).toEqual([expect.stringMatching(new RegExp(`^${path} imports \\S+: ${rule}$`))]);
  });

  it.each([
    ['src/ports/x.ts', `import { m } from '../model/m.ts';`],
    ['src/relay/x.ts', `import type { Y } from '../policy/y.ts';`],
    ['src/relay/x.ts', `import { l } from '../lib/l.ts';`],
    ['src/cli/x.ts', `import { k } from '../../connectors/kafka/k.ts';`],
    ['src/main.ts', `import { run } from './cli/run.ts';`],
    ['connectors/kafka/x.ts', `import { k } from './k.ts';`],
    ['connectors/index.ts', `export const k = import('./kafka/k.ts');`],
  ])('%s may say %s', (path, code) => {
    expect(told(path, code)).toEqual([]);
  });

  it('have no door to nowhere, no hidden door and no room outside the plan', () => {
    expect(told('src/lib/x.ts', `import { n } from './nowhere.ts';`)).toEqual([
      'src/lib/x.ts refers to src/lib/nowhere.ts, which does not exist.',
    ]);
    expect(told('src/lib/x.ts', `export const x = import(name);`)).toEqual([
      'src/lib/x.ts imports a module whose name is computed: write the name, so that the walls can be checked.',
    ]);
    expect(told('src/utils/x.ts', '')).toEqual([expect.stringMatching(/^src\/utils\/x\.ts stands in no room: /)]);
  });
});

describe('the other rules', () => {
  it('tell of a circle', () => {
    const circle = [file('src/a/a.ts', `import { b } from './b.ts';`), file('src/a/b.ts', `import type { A } from './a.ts';`)];
    expect(cycles(circle)).toEqual(['src/a/a.ts imports src/a/b.ts imports src/a/a.ts: break the circle.']);
  });

  it('tell of a package in a second room, or outside its own', () => {
    expect(
      packagesAbroad([file('src/config/x.ts', `import { z } from 'zod';`), file('src/relay/x.ts', `import { z } from 'zod/v4';`)]),
    ).toEqual(['zod is imported in config and relay: a package lives in one room.']);
    expect(packagesAbroad([file('src/ops/x.ts', `import { Kafka } from 'kafkajs';`)])).toEqual([
      'kafkajs is imported in ops: its room is connectors/kafka.',
    ]);
    expect(packagesAbroad([file('connectors/decoders/a/x.ts', `import 'p';`), file('connectors/decoders/b/x.ts', `import 'p';`)])).toEqual(
      [],
    );
  });

  it('tell of strangers at the top, bad names, long files and default exports', () => {
    expect(strangersAtTheTop([file('vite.config.ts'), file('.oxlintrc.json'), file('src/main.ts')])).toEqual([
      expect.stringMatching(/^vite\.config\.ts stands at the top level/),
    ]);
    expect(
      unkemptNames([file('src/lib/fooBar.ts'), file('src/Lib/foo.ts'), file('src/lib/foo-bar.ts'), file('test/lib/a.test.ts')]),
    ).toEqual(['src/lib/fooBar.ts is not named in kebab-case.', 'src/Lib/foo.ts is not named in kebab-case.']);
    expect(longFiles([file('src/lib/x.ts', 'x\n'.repeat(401)), file('src/lib/y.ts', 'y\n'.repeat(400))])).toEqual([
      'src/lib/x.ts has 401 lines: a file is one idea, of 400 lines at most.',
    ]);
    expect(defaultExports([file('src/a.ts', 'export default 1;'), file('src/b.ts', 'export {\n  b as default,\n};')])).toEqual([
      'src/a.ts has a default export: export it by name.',
      'src/b.ts has a default export: export it by name.',
    ]);
  });

  it('tell of paths of one machine', () => {
    const path = ['', 'home', 'someone', 'x'].join('/');
    expect(
      machinePaths([file('README.md', `see ${path} there`), file('src/a.ts', `import './home/x.ts'; // https://example.org${path}`)]),
    ).toEqual([`README.md holds the path ${path}, which exists on one machine only.`]);
  });

  it('tell of rules that are switched off without a reason', () => {
    const off = ['//', 'oxlint-disable-next-line', 'no-console'].join(' ');
    expect(silencedRules([file('src/a.ts', off), file('src/b.ts', `${off} -- the tool's own output`)])).toEqual([
      `src/a.ts says "${off}" and no reason: write one behind " -- ".`,
    ]);
  });

  it('tell of what package.json gets wrong', () => {
    const manifest = JSON.stringify({
      scripts: { relay: 'node src/main.ts', bench: 'node --expose-gc test/bench/main.ts' },
      dependencies: { zod: '^4.0.0', yaml: '2.9.1' },
      devDependencies: { vitest: '5.1.1' },
    });
    const files = [file('src/main.ts', `import { z } from 'zod';\nimport { pino } from 'pino';`)];
    expect(inexactVersions(manifest)).toEqual(['package.json asks for zod ^4.0.0: write an exact version.']);
    expect(strayDependencies(manifest, files)).toEqual([
      'package.json names yaml among the dependencies, and nothing in src or connectors imports it.',
      'pino is imported in main.ts, and package.json does not name it among the dependencies.',
    ]);
    expect(deadScripts(manifest, files)).toEqual(['The script bench of package.json starts test/bench/main.ts, which does not exist.']);
    expect(unknownCommands('`npm run -s relay -- run`, `npm run demo`, `npm test`', manifest)).toEqual([
      'README.md says `npm run demo`, and package.json has no such script.',
      'README.md says `npm run test`, and package.json has no such script.',
    ]);
  });

  it('tell of a lock that lacks a platform or names a registry, and complete it', () => {
    const lock = JSON.stringify({
      lockfileVersion: 3,
      packages: {
        '': {},
        'node_modules/tool': {
          version: '1.0.0',
          resolved: 'https://registry.example/tool.tgz',
          dev: true,
          optionalDependencies: { '@tool/binding-linux-x64-musl': '1.0.0', '@tool/binding-win32-x64-msvc': '1.0.0' },
        },
        'node_modules/tool/node_modules/@tool/binding-win32-x64-msvc': { version: '1.0.0' },
      },
    });
    expect(lockFaults(lock)).toEqual([
      'package-lock.json lacks @tool/binding-linux-x64-musl, which node_modules/tool names: run `npm run lock`.',
      'package-lock.json ties node_modules/tool to https://registry.example/tool.tgz: take `resolved` out.',
    ]);
    const completed: unknown = JSON.parse(completeLock(lock));
    expect(completed).toMatchObject({
      packages: {
        'node_modules/@tool/binding-linux-x64-musl': {
          version: '1.0.0',
          cpu: ['x64'],
          dev: true,
          libc: ['musl'],
          optional: true,
          os: ['linux'],
        },
      },
    });
    expect(lockFaults(completeLock(lock))).toHaveLength(1);
  });

  it('tell of a code of failure that nothing uses', () => {
    const files = [
      file('src/model/failure.ts', `'a.b': {}, 'c.d': {}`),
      file('src/relay/x.ts', `new Failure('a.b', '')`),
      file('test/x.ts', `'c.d'`),
    ];
    expect(deadCodes(['a.b', 'c.d'], files)).toEqual(['src/model/failure.ts has the code c.d, and nothing uses it.']);
  });
});

function file(path: string, code = ''): SourceFile {
  return { path, text: code };
}

/** The text of a file at the top level. */
function text(path: string): string {
  const found = project.find((each) => each.path === path);
  if (found === undefined) throw new Error(`${path} does not exist.`);
  return found.text;
}
