/**
 * The lock file, complete for all platforms. npm leaves out optional platform packages that it could not fetch while it resolved, and `npm ci` then refuses the
 * lock on every platform. What is missing follows from the parents' `optionalDependencies`, whose versions are exact, and from the packages' names.
 */
import { z } from 'zod';

const entrySchema = z
  .looseObject({
    version: z.string(),
    resolved: z.string(),
    dev: z.boolean(),
    peer: z.boolean(),
    optionalDependencies: z.record(z.string(), z.string()),
  })
  .partial()
  .readonly();
const anyObject = z.record(z.string(), z.unknown());

/** One entry of `packages` in package-lock.json, as far as it is read here. */
export type LockEntry = z.infer<typeof entrySchema>;

export interface MissingPackage {
  /** The key in `packages`. */
  readonly key: string;
  readonly name: string;
  /** What the parent asks for. */
  readonly version: string;
  /** Key of the package that asks for it. */
  readonly parent: string;
}

/** The entries of a lock file by key; the empty key is the project itself. Throws if the text is no lock file. */
export function lockEntries(text: string): ReadonlyMap<string, LockEntry> {
  const { packages } = z.object({ packages: z.record(z.string(), entrySchema) }).parse(JSON.parse(text));
  return new Map(Object.entries(packages));
}

/** The lock file with an entry for everything that is missing, in npm's own order and form. */
export function completeLock(text: string): string {
  const entries = lockEntries(text);
  const lock = anyObject.parse(JSON.parse(text));
  const packages = new Map(Object.entries(anyObject.parse(lock['packages'])));
  for (const missing of missingPackages(entries)) packages.set(missing.key, platformEntry(missing, entries.get(missing.parent) ?? {}));
  const sorted = [...packages].sort(([a], [b]) => a.localeCompare(b, 'en'));
  return `${JSON.stringify({ ...lock, packages: Object.fromEntries(sorted) }, null, 2)}\n`;
}

/** The optional packages that some entry names and no entry provides, by key. */
export function missingPackages(packages: ReadonlyMap<string, LockEntry>): readonly MissingPackage[] {
  const missing = new Map<string, MissingPackage>();
  for (const [parent, entry] of packages) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      if (lookupKeys(parent, name).some((key) => packages.has(key))) continue;
      const key = `node_modules/${name}`;
      missing.set(key, { key, name, version, parent });
    }
  }
  return [...missing.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** The entry that npm writes for a platform package, without the hash of its contents. Throws if the name tells no platform or the version is a range. */
function platformEntry(missing: MissingPackage, parent: LockEntry): Readonly<Record<string, unknown>> {
  if (!/^\d+\.\d+\.\d+$/.test(missing.version))
    throw new Error(`${missing.name} is asked for as ${missing.version}, which is no exact version`);
  const words = missing.name.split(/[/-]/);
  const os = words.find((word) => SYSTEMS.has(word));
  const cpu = words.find((word) => PROCESSORS.has(word));
  if (os === undefined || cpu === undefined) throw new Error(`${missing.name} does not tell its platform`);
  const libc = words.map((word) => LIBRARIES.get(word)).find((found) => found !== undefined);
  return {
    version: missing.version,
    cpu: [cpu],
    ...(parent.dev === true ? { dev: true } : {}),
    ...(libc === undefined || os !== 'linux' ? {} : { libc: [libc] }),
    optional: true,
    os: [os],
    ...(parent.peer === true ? { peer: true } : {}),
  };
}

const SYSTEMS: ReadonlySet<string> = new Set(['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32']);
const PROCESSORS: ReadonlySet<string> = new Set(['arm', 'arm64', 'ia32', 'ppc64', 'riscv64', 's390x', 'x64']);
const LIBRARIES: ReadonlyMap<string, string> = new Map([
  ['gnu', 'glibc'],
  ['gnueabihf', 'glibc'],
  ['musl', 'musl'],
  ['musleabihf', 'musl'],
]);

/** Where Node would look for `name` from the package at `parent`, nearest first, as keys of the lock. */
function lookupKeys(parent: string, name: string): readonly string[] {
  const keys: string[] = [];
  for (let at = parent; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('node_modules/') - 1)))
    keys.push(`${at}/node_modules/${name}`);
  return [...keys, `node_modules/${name}`];
}
