/**
 * Prometheus and promtool, for the tests of what it reads: those on the PATH, else those of Debian's package in the cache, where `npm run parts` puts them.
 */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../kafka/run.ts';
import { PartMissing } from '../registry/parts.ts';
import { CACHE, isThere, makeWhole } from '../support/whole-folder.ts';

const HOME = join(CACHE, 'prometheus-debian');
const BINARIES = join(HOME, 'usr', 'bin');

/** The command. Rejects with `PartMissing`. */
export async function findPrometheus(name: 'prometheus' | 'promtool'): Promise<string> {
  for (const command of [name, join(BINARIES, name)]) {
    const answer = await run(command, ['--version'], process.cwd()).catch(() => null);
    if (answer !== null) return command;
  }
  throw new PartMissing(`${name} is not on the PATH, and not in the cache: \`npm run parts\` fetches it from Debian's package`);
}

/** Brings it if it is not there; resolves with a sentence if it cannot be had. */
export async function providePrometheus(): Promise<readonly string[]> {
  try {
    await findPrometheus('promtool').catch(fetchPrometheus);
    return [];
  } catch (error) {
    return [`Prometheus cannot be had: ${error instanceof Error ? (error.message.trim().split('\n').at(-1) ?? '') : String(error)}`];
  }
}

async function fetchPrometheus(): Promise<void> {
  if (await isThere(HOME)) return;
  await makeWhole(HOME, async (folder) => {
    await run('apt-get', ['download', '--quiet', 'prometheus'], folder);
    for (const file of await readdir(folder)) {
      if (!file.endsWith('.deb')) continue;
      await run('dpkg', ['--extract', file, '.'], folder);
      await rm(join(folder, file));
    }
  });
}
