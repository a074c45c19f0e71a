/**
 * Which tables a folder holds and what they are called.
 *
 * Every folder with `_delta_log` within four levels is a table. Of its path a last part `table` is dropped; three parts are share, schema and table; any other
 * number is a table of share `local`, schema `default`, its parts joined by `_`. Characters that the protocol does not allow in a name become `_`.
 * Names are compared without case; of two equal ones the first in the order of paths is served.
 */
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { must } from '../lib/assert.ts';
import { tableText } from '../model/version.ts';
import type { TableName } from '../model/version.ts';

const LEVELS_MAX = 4;
const FOLDERS_MAX = 20_000;

export interface CatalogTable {
  readonly name: TableName;
  /** Stable over restarts: made from the name. Not the id in the table's metadata. */
  readonly id: string;
  readonly folder: string;
}

/** In the order of their names. Rejects if the folder cannot be listed; subfolders that cannot be are passed over. */
export async function findTables(root: string, log: (line: string) => void): Promise<readonly CatalogTable[]> {
  const tables = new Map<string, CatalogTable>();
  const waiting: string[][] = [[]];
  for (let visited = 0; waiting.length > 0; visited += 1) {
    const parts = must(waiting.shift(), 'folder');
    if (visited === FOLDERS_MAX) {
      log(`${root} holds over ${FOLDERS_MAX} folders: only the tables in the first of them are served`);
      break;
    }
    const folder = join(root, ...parts);
    const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
      if (parts.length === 0) throw error;
      return [];
    });
    const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
    if (folders.includes('_delta_log')) {
      const name = tableName(root, parts);
      const key = keyOf(name);
      const taken = tables.get(key);
      if (taken !== undefined) log(`${folder} is not served: its name ${tableText(name)} is taken by ${taken.folder}`);
      else tables.set(key, { name, id: idOf(key), folder });
    } else if (parts.length < LEVELS_MAX) {
      waiting.push(
        ...folders
          .filter((entry) => !/^[._]|^node_modules$/.test(entry))
          .toSorted()
          .map((entry) => [...parts, entry]),
      );
    }
  }
  return [...tables.values()].toSorted((a, b) => (keyOf(a.name) < keyOf(b.name) ? -1 : 1));
}

export function keyOf(name: TableName): string {
  return tableText(name).toLowerCase();
}

function tableName(root: string, parts: readonly string[]): TableName {
  const named = parts.length > 1 && parts.at(-1) === 'table' ? parts.slice(0, -1) : parts;
  const clean = (named.length === 0 ? [basename(root)] : named).map((part) => part.replaceAll(/[./\s]/g, '_'));
  const [share = '', schema = '', table = ''] = clean;
  return clean.length === 3 ? { share, schema, table } : { share: 'local', schema: 'default', table: clean.join('_') };
}

function idOf(key: string): string {
  const hex = createHash('sha256').update(key).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-9${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
