/**
 * Random histories: for the kill tests, benchmarks, and whatever needs a table of a given size. The seed determines every byte.
 */
import { DeltaTable } from './delta-table.ts';
import type { Step } from './delta-table.ts';
import { seededRandom } from './random.ts';
import type { Random } from './random.ts';
import type { EpochMs, Version } from '../../src/model/version.ts';

export interface HistoryOptions {
  readonly seed: number;
  /** Commits, the one that creates the table included. */
  readonly versions: number;
  /** Rows of the feed in an ordinary version: as likely between 10 and 100 as between 100 and 1000. */
  readonly rowsPerVersion: { readonly least: number; readonly most: number };
  /** Versions of their own size; a table smaller than an update or merge asks for gives what it has, so let a big insert go before. */
  readonly bigVersions: readonly BigVersion[];
  /** As of a `DeltaTable`. */
  readonly expected: 'rows' | 'checksum' | 'nothing';
  readonly createdAt: EpochMs;
}

export interface BigVersion {
  readonly version: Version;
  readonly kind: 'insert' | 'update' | 'merge';
  /** Rows of the feed. */
  readonly rows: number;
  /** Files that tell them: new data files of an insert, change files else. Some 50 bytes a row. */
  readonly files: number;
}

export interface WrittenHistory {
  /** Holds `_delta_log`. */
  readonly tableFolder: string;
  /** Null unless `expected: 'rows'`. */
  readonly expectedPath: string | null;
  readonly latest: Version;
  /** Rows of the change feed. */
  readonly rows: number;
  /** `RowChecksum` of them; null with `expected: 'nothing'`. */
  readonly checksum: string | null;
}

/** Writes a table below `folder` and its expected rows beside it. Memory holds one file and two numbers a live row. */
export async function writeHistory(folder: string, options: HistoryOptions): Promise<WrittenHistory> {
  const table = await DeltaTable.create({ folder, seed: options.seed, expected: options.expected, createdAt: options.createdAt });
  const random = seededRandom(options.seed + 1);
  const big = new Map(options.bigVersions.map((version) => [version.version, version]));
  let at = options.createdAt;
  for (let version = 1; version < options.versions; version++) {
    at += random.between(1, 60_000);
    await table.append(big.get(version) ?? randomStep(random, options.rowsPerVersion), at);
  }
  return {
    tableFolder: table.folder,
    expectedPath: table.expectedPath,
    latest: table.latest,
    rows: table.changeRows,
    checksum: table.checksum,
  };
}

/** A step as a busy table sees them: mostly inserts, updates and merges, now and then one that changes no row. */
export function randomStep(random: Random, size: { readonly least: number; readonly most: number }): Step {
  const rows = Math.round(size.least * (size.most / size.least) ** (random.below(1001) / 1000));
  const files = random.chance(60) ? 1 : random.between(2, 4);
  const dice = random.below(100);
  if (dice < 30) return { kind: 'insert', rows, files };
  if (dice < 55) return { kind: 'update', rows, files };
  if (dice < 78) return { kind: 'merge', rows, files };
  if (dice < 88) return { kind: 'delete', rows: Math.ceil(rows / 2), files };
  if (dice < 91) return { kind: 'drop-file' };
  return { kind: dice < 96 ? 'optimize' : 'properties' };
}
