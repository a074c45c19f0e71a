/** Folders of a cache that test runs side by side share: filled once, then only read. */
import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** Where such folders stand. */
export const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'cdf-relay');

export async function isThere(place: string): Promise<boolean> {
  return (await stat(place).catch(() => null)) !== null;
}

/** Makes a folder beside its place and moves it there whole: nobody sees it half filled, and of two who make it at once one wins. */
export async function makeWhole(place: string, fill: (folder: string) => Promise<void>): Promise<void> {
  await mkdir(dirname(place), { recursive: true });
  const folder = await mkdtemp(`${place}.`);
  try {
    await fill(folder);
    await rename(folder, place).catch(async (error: unknown) => {
      if (!(await isThere(place))) throw error;
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
