/**
 * Writes a table from the command line:
 *
 *   node test/delta-writer/main.ts <folder> [--versions 50] [--rows 1-1000] [--seed 1] [--big <version>:<insert|update|merge>:<rows>:<files>]… [--checksum]
 *
 * and prints what it wrote as one JSON line. `node src/main.ts serve <folder>` shares it.
 */
import { parseArgs } from 'node:util';
import { writeHistory } from './history.ts';
import type { BigVersion } from './history.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    versions: { type: 'string', default: '50' },
    rows: { type: 'string', default: '1-1000' },
    seed: { type: 'string', default: '1' },
    big: { type: 'string', multiple: true, default: [] },
    checksum: { type: 'boolean', default: false },
  },
});
const [folder] = positionals;
const range = /^(\d+)-(\d+)$/.exec(values.rows);
if (folder === undefined || range === null) {
  process.stderr.write(
    'usage: main.ts <folder> [--versions 50] [--rows 1-1000] [--seed 1] [--big <version>:<insert|update|merge>:<rows>:<files>]… [--checksum]\n',
  );
  process.exitCode = 2;
} else {
  const written = await writeHistory(folder, {
    seed: Number(values.seed),
    versions: Number(values.versions),
    rowsPerVersion: { least: Number(range[1]), most: Number(range[2]) },
    bigVersions: values.big.map(bigVersion),
    expected: values.checksum ? 'checksum' : 'rows',
    createdAt: Date.parse('2026-01-01T00:00:00Z'),
  });
  process.stdout.write(`${JSON.stringify(written)}\n`);
}

function bigVersion(text: string): BigVersion {
  const [version, kind, rows, files] = text.split(':');
  if (kind !== 'insert' && kind !== 'update' && kind !== 'merge')
    throw new Error(`--big ${text}: <version>:<insert|update|merge>:<rows>:<files>`);
  return { version: Number(version), kind, rows: Number(rows), files: Number(files) };
}
