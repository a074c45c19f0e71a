/**
 * package.json, package-lock.json, README.md and the table of failures, held against the code. Every rule answers with sentences, one for each violation.
 */
import { z } from 'zod';
import { lockEntries, missingPackages } from './lock.ts';
import { packageRooms } from './rooms.ts';
import type { SourceFile } from './source-file.ts';

const names = z.record(z.string(), z.string());
const manifestSchema = z.object({ scripts: names, dependencies: names, devDependencies: names });

/** Versions that leave a choice. */
export function inexactVersions(packageJson: string): readonly string[] {
  const { dependencies, devDependencies } = parseManifest(packageJson);
  return Object.entries({ ...dependencies, ...devDependencies })
    .filter(([, version]) => !/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version))
    .map(([name, version]) => `package.json asks for ${name} ${version}: write an exact version.`);
}

/** Dependencies that no file of the product imports, and imports that are no dependencies. */
export function strayDependencies(packageJson: string, files: readonly SourceFile[]): readonly string[] {
  const { dependencies } = parseManifest(packageJson);
  const imported = packageRooms(files);
  return [
    ...Object.keys(dependencies)
      .filter((name) => !imported.has(name))
      .map((name) => `package.json names ${name} among the dependencies, and nothing in src or connectors imports it.`),
    ...[...imported]
      .filter(([name]) => dependencies[name] === undefined)
      .map(
        ([name, rooms]) => `${name} is imported in ${[...rooms].join(' and ')}, and package.json does not name it among the dependencies.`,
      ),
  ];
}

/** What keeps the lock from working everywhere: missing platforms, addresses of one registry. */
export function lockFaults(packageLock: string): readonly string[] {
  const entries = lockEntries(packageLock);
  return [
    ...missingPackages(entries).map(({ name, parent }) => `package-lock.json lacks ${name}, which ${parent} names: run \`npm run lock\`.`),
    ...[...entries].flatMap(([key, { resolved }]) =>
      resolved === undefined ? [] : [`package-lock.json ties ${key} to ${resolved}: take \`resolved\` out.`],
    ),
  ];
}

/** Commands that the README tells people to run and package.json does not have. */
export function unknownCommands(readme: string, packageJson: string): readonly string[] {
  const { scripts } = parseManifest(packageJson);
  const commands = [...readme.matchAll(/\bnpm (?:run (?:-s )?(?<run>[\w:-]+)|(?<short>test)\b)/g)];
  const named = new Set(commands.map((match) => match.groups?.['run'] ?? match.groups?.['short'] ?? ''));
  return [...named]
    .filter((name) => scripts[name] === undefined)
    .map((name) => `README.md says \`npm run ${name}\`, and package.json has no such script.`);
}

/** Scripts of package.json that start a file which does not exist. */
export function deadScripts(packageJson: string, files: readonly SourceFile[]): readonly string[] {
  const paths = new Set(files.map((file) => file.path));
  return Object.entries(parseManifest(packageJson).scripts).flatMap(([name, command]) =>
    [...command.matchAll(/\bnode (?:--\S+ )*(?<path>[\w./-]+\.ts)/g)]
      .map((match) => match.groups?.['path'] ?? '')
      .filter((path) => !paths.has(path))
      .map((path) => `The script ${name} of package.json starts ${path}, which does not exist.`),
  );
}

/** Codes of failures that nothing in src or connectors raises or treats. */
export function deadCodes(codes: readonly string[], files: readonly SourceFile[]): readonly string[] {
  const texts = files.filter(({ path }) => /^(?:src|connectors)\/.*\.ts$/.test(path) && path !== 'src/model/failure.ts');
  return codes
    .filter((code) => !texts.some(({ text }) => text.includes(`'${code}'`)))
    .map((code) => `src/model/failure.ts has the code ${code}, and nothing uses it.`);
}

function parseManifest(packageJson: string): z.infer<typeof manifestSchema> {
  return manifestSchema.parse(JSON.parse(packageJson));
}
