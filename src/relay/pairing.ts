/**
 * Whether a version is worked whole, since what becomes of its rows depends on others of their key (DESIGN §6), and in how many passes over its keys (§7).
 *
 * Passes bound what must be known of keys at one time. How many there are is guessed from the sizes of files before any of them is read, the encoder doubles them where that
 * was too few, and it is part of the plan: a version that is half published is gone on with in as many, whatever would be guessed then.
 */
import type { ChangeFile } from '../model/change-files.ts';
import type { VersionPlan } from '../model/plan.ts';
import type { RecordLayout } from '../ports/encoder.ts';

/** Numbers of passes that there may be. */
export const PASSES: readonly number[] = Array.from({ length: 11 }, (_, power) => 2 ** power);

/** Of the process's memory, what the keys and kept rows of one version may take. */
const MEMORY_SHARE = 1 / 8;
/** In memory, of a key: its bytes, hash, place and counters. */
const KEY_BYTES = 48;
/** In a file, of a row, at least: by column, and for the rest. */
const CELL_BYTES = 4;
const ROW_BYTES = 4;
/** However little memory there is. */
const MEMORY_MIN = 4 * 1024 * 1024;
/** A file whose size nobody says. */
const UNTOLD_BYTES = 32 * 1024 * 1024;

export interface Pairing {
  readonly passes: number;
  /** What the keys and kept rows of one pass take, as a guess, and what they may take. */
  readonly guessedBytes: number;
  readonly memoryBytes: number;
}

/** Null: its entries are worked one by one. */
export function pairingOf(plan: VersionPlan, layout: RecordLayout, memoryBytes: number): Pairing | null {
  if (!isPaired(plan, layout)) return null;
  const files = bytesOf(filesOf(plan));
  const keys = (files / (ROW_BYTES + CELL_BYTES * layout.schema.columns.length)) * KEY_BYTES;
  // Half of the rows of a change file are kept at most; as records they are about twice as long as in the file.
  const whole = layout.envelope.kind === 'debezium' ? keys / 2 + files : keys;
  const passes = PASSES.find((count) => whole / count <= memoryBytes * MEMORY_SHARE) ?? Math.max(...PASSES);
  return { passes, guessedBytes: Math.ceil(whole / passes), memoryBytes: Math.max(MEMORY_MIN, memoryBytes * MEMORY_SHARE) };
}

/** The plan's files, each once. */
export function filesOf({ entries }: VersionPlan): readonly ChangeFile[] {
  return [...new Set(entries.map(({ file }) => file))];
}

export function bytesOf(files: readonly ChangeFile[]): number {
  return files.reduce((sum, { size }) => sum + (size ?? UNTOLD_BYTES), 0);
}

function isPaired({ entries, isSnapshot }: VersionPlan, { envelope, key }: RecordLayout): boolean {
  if (isSnapshot || key.length === 0 || envelope.kind === 'change') return false;
  return envelope.kind === 'upsert' || entries.some(({ kind }) => kind === 'cdf');
}
