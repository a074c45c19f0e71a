/**
 * Who may import whom (DESIGN §9). A room is a folder of src, or a part of connectors; every rule answers with sentences, one for each violation.
 */
import { packageName, references, target } from './source-file.ts';
import type { Reference, SourceFile } from './source-file.ts';

/** Room of src → the rooms it may import besides itself. */
const MAY_IMPORT: ReadonlyMap<string, readonly string[]> = new Map([
  ['lib', []],
  ['model', ['lib']],
  ['ports', ['model', 'lib']],
  ...['relay', 'codec', 'policy', 'config', 'ops', 'provider'].map((room): [string, readonly string[]] => [
    room,
    ['ports', 'model', 'lib'],
  ]),
]);
/** They wire: everything in src and connectors is open to them. */
const WIRING: ReadonlySet<string> = new Set(['cli', 'main.ts', 'worker.ts']);
/** Rooms that a room may take types from, though not code. */
const MAY_IMPORT_TYPES: ReadonlyMap<string, readonly string[]> = new Map([['relay', ['policy']]]);
/** Packages whose room is written in the design. */
const PACKAGE_ROOMS: ReadonlyMap<string, string> = new Map([
  ['kafkajs', 'connectors/kafka'],
  ['@platformatic/kafka', 'connectors/kafka'],
]);
const CONNECTOR_TABLE = 'connectors/index.ts';

/** Imports that cross a wall, imports of files that do not exist, and files that stand in no room. */
export function brokenWalls(files: readonly SourceFile[]): readonly string[] {
  const paths = new Set(files.map((file) => file.path));
  return productFiles(files).flatMap(({ path, text }) => {
    const room = roomOf(path);
    if (room === null) return [`${path} stands in no room: src has ${[...MAY_IMPORT.keys(), ...WIRING].join(', ')}.`];
    return references(text).flatMap((reference) => {
      if (reference.kind === 'computed')
        return [`${path} imports a module whose name is computed: write the name, so that the walls can be checked.`];
      const to = target(path, reference.specifier);
      if (to === null || (reference.kind === 'url' && !to.endsWith('.ts'))) return [];
      if (!paths.has(to)) return [`${path} refers to ${to}, which does not exist.`];
      return mayImport(room, to, reference.kind) ? [] : [`${path} imports ${to}: ${room} may import ${openTo(room)}.`];
    });
  });
}

/** Circles of imports, each told once. Types count: two files that need each other's words are one idea in two places. */
export function cycles(files: readonly SourceFile[]): readonly string[] {
  const graph = new Map(files.filter(isTypeScript).map((file) => [file.path, targetsOf(file)]));
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path);
    if (at !== -1) found.push(`${[...trail.slice(at), path].join(' imports ')}: break the circle.`);
    if (at !== -1 || done.has(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return found;
}

/** Packages imported in more than one room of src or connectors, or outside the room that is theirs. */
export function packagesAbroad(files: readonly SourceFile[]): readonly string[] {
  const rooms = packageRooms(files);
  return [...rooms].flatMap(([name, importers]) => {
    const home = PACKAGE_ROOMS.get(name) ?? null;
    const abroad = home === null ? [] : [...importers].filter((room) => room !== home);
    if (home !== null && abroad.length > 0) return [`${name} is imported in ${abroad.join(' and ')}: its room is ${home}.`];
    return importers.size > 1 ? [`${name} is imported in ${[...importers].join(' and ')}: a package lives in one room.`] : [];
  });
}

/** Package → rooms of src and parts of connectors that import it. */
export function packageRooms(files: readonly SourceFile[]): ReadonlyMap<string, ReadonlySet<string>> {
  const rooms = new Map<string, Set<string>>();
  for (const { path, text } of productFiles(files)) {
    for (const { specifier } of references(text)) {
      const name = packageName(specifier);
      if (name !== null) rooms.set(name, (rooms.get(name) ?? new Set()).add(packageRoomOf(path)));
    }
  }
  return rooms;
}

function productFiles(files: readonly SourceFile[]): readonly SourceFile[] {
  return files.filter((file) => isTypeScript(file) && /^(?:src|connectors)\//.test(file.path));
}

function isTypeScript(file: SourceFile): boolean {
  return file.path.endsWith('.ts');
}

/**
 * `src/relay/feed.ts` → `relay`; `src/main.ts` → `main.ts`; `connectors/sources/delta-sharing/client.ts` → `connectors/sources/delta-sharing`;
 * `connectors/kafka/claim.ts` → `connectors/kafka`; null outside src and connectors, and where src has no such room.
 */
function roomOf(path: string): string | null {
  const [top = '', ...rest] = path.split('/');
  if (top === 'connectors') return path === CONNECTOR_TABLE ? path : ['connectors', ...rest.slice(0, -1).slice(0, 2)].join('/');
  if (top !== 'src') return null;
  const room = rest[0] ?? '';
  const isRoom = rest.length > 1 ? MAY_IMPORT.has(room) || room === 'cli' : WIRING.has(room);
  return isRoom ? room : null;
}

/** As `roomOf`, but the parts of one kind of connector are one room: decoders share a Parquet library. */
function packageRoomOf(path: string): string {
  const room = roomOf(path) ?? path;
  return room.split('/').slice(0, 2).join('/');
}

function mayImport(from: string, to: string, kind: Reference['kind']): boolean {
  const room = roomOf(to);
  if (room === null || WIRING.has(from)) return room !== null;
  if (room === from) return true;
  if (from === CONNECTOR_TABLE && room.startsWith('connectors/')) return true;
  if (from.startsWith('connectors')) return ['ports', 'model', 'lib'].includes(room);
  return (MAY_IMPORT.get(from) ?? []).includes(room) || (kind === 'type' && (MAY_IMPORT_TYPES.get(from) ?? []).includes(room));
}

function openTo(room: string): string {
  if (room.startsWith('connectors'))
    return room === CONNECTOR_TABLE ? 'ports, model, lib and connectors only' : 'ports, model and lib only';
  if (WIRING.has(room)) return 'src and connectors only';
  const open = MAY_IMPORT.get(room) ?? [];
  return open.length === 0 ? 'nothing of ours' : `${open.join(', ')} only`;
}

function targetsOf({ path, text }: SourceFile): readonly string[] {
  return references(text)
    .filter(({ kind }) => kind !== 'url')
    .flatMap(({ specifier }) => target(path, specifier) ?? []);
}
