/**
 * A profile and its key on the disk. What a profile names is read from the profile's own folder alone: whoever wrote the profile chooses no other file of ours.
 */
import { readFile, realpath, stat } from 'node:fs/promises';
import { isAbsolute, relative, resolve } from 'node:path';
import { Failure } from '../../../src/model/failure.ts';

/** A profile holds a few hundred bytes; whatever is larger than this is another file. */
const PROFILE_BYTES_MAX = 1_048_576;

/** The text of the file. Throws `profile.unreadable`, or `profile.invalid` for a large file. */
export async function readProfileFile(path: string, what: string): Promise<string> {
  return readable(what, async () => {
    const { size } = await stat(path);
    if (size > PROFILE_BYTES_MAX) throw new Failure('profile.invalid', `${what}: ${size} bytes are too many for a profile file`);
    return readFile(path, 'utf8');
  });
}

/**
 * The text of the key file `name`, in `folder` or below it by its name and by where its links lead. Throws `profile.invalid` where it is not, `profile.unreadable`.
 * `what` begins the messages.
 */
export async function readKeyFile(folder: string, name: string, what: string): Promise<string> {
  return readable(what, async () => {
    const home = await realpath(folder);
    const named = resolve(folder, name);
    if (name.split(/[/\\]/).includes('..') || !(isWithin(resolve(folder), named) || isWithin(home, named))) throw leadsOut(what);
    const real = await realpath(named);
    if (!isWithin(home, real)) throw leadsOut(what);
    const file = await stat(real);
    if (!file.isFile()) throw new Failure('profile.invalid', `${what} is not a file`);
    if (file.size > PROFILE_BYTES_MAX) throw new Failure('profile.invalid', `${what}: ${file.size} bytes are too many for a key`);
    return readFile(real, 'utf8');
  });
}

function isWithin(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '' && way !== '..' && !way.startsWith('../') && !isAbsolute(way);
}

function leadsOut(what: string): Failure {
  return new Failure(
    'profile.invalid',
    `${what} leads out of the profile's folder: put the key beside the profile, and name it without a folder`,
  );
}

async function readable<T>(what: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure('profile.unreadable', `${what}: ${unreadable(error)}`);
  }
}

function unreadable(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'there is no such file';
    case 'EISDIR':
      return 'it is a directory, not a file';
    case 'EACCES':
    case 'EPERM':
      return 'this user may not read it';
    default:
      return `it cannot be read (${code})`;
  }
}
