/**
 * A whole version, encoded: for envelopes in which what becomes of a row depends on the other rows of its key (DESIGN §6).
 *
 * The version is worked in passes, each over the keys that hash to it, so that what is known of keys at one time is bounded:
 *
 *     pass p:  scan the keys of all files ─► what leaves, entry by entry ─► what arrives, entry by entry
 *              number the keys, count what    debezium: rows whose twin         debezium: a row that finds a kept twin
 *              leaves and arrives by key      arrives are kept, others `d`      is `u`, others `c`
 *                                             upsert: the last row of a key     upsert: the last row of a key
 *                                             that does not arrive: tombstone   : a value
 *
 * A pass that takes more memory than it may is done again as two, of twice as many: the keys that hash to pass p of n are those that hash to 2p and 2p + 1 of 2n, so what is
 * out before it stays as it is. Segments tell of how many passes their step is.
 *
 * Nothing but the request decides any of it, so a second reading gives the same records. Who goes on in the midst of it does the pass again from its scan, and drops what
 * is out: rows before the position count, and are not written.
 */
import { assert } from '../lib/assert.ts';
import type { ChangeFile, FileContent } from '../model/change-files.ts';
import type { PlanEntry } from '../model/plan.ts';
import type { Segment } from '../ports/encoder.ts';
import type { FileDecoder } from '../ports/file-decoder.ts';
import type { RecordWriter } from './record-writer.ts';
import { openSegment } from './segments.ts';
import { KeyMemory, VersionPass } from './version-pass.ts';
import type { VersionJob } from './version-pass.ts';

/** The generator is to be resumed with the content of this file. */
export interface Need {
  readonly kind: 'need';
  readonly file: ChangeFile;
}

/** The version's segments by the contract of `Encoder.encodeVersion`, and between them the files that are needed. */
export function* encodeVersion(
  job: VersionJob,
  decoder: FileDecoder,
  writer: RecordWriter,
): Generator<Segment | Need, void, FileContent | undefined> {
  assert(!job.plan.isSnapshot && job.layout.key.length > 0, 'a version whose rows are paired');
  const works = { files: new Files(job.keptBytes), decoder, writer };
  let memory = new KeyMemory();
  const { entries } = job.plan;
  let { passes, from } = job;
  let pass = Math.floor(from.step / entries.length);
  while (pass < passes) {
    const isDone = yield* encodePass({ ...job, passes, from }, pass, { ...works, memory });
    if (isDone) {
      pass += 1;
      continue;
    }
    memory = new KeyMemory();
    passes *= 2;
    pass *= 2;
    from = { step: pass * entries.length, row: 0 };
  }
}

interface PassWorks {
  readonly files: Files;
  readonly memory: KeyMemory;
  readonly decoder: FileDecoder;
  readonly writer: RecordWriter;
}

/** False: it takes too much memory, and nothing of it is out. */
function* encodePass(
  job: VersionJob,
  pass: number,
  { files, memory, decoder, writer }: PassWorks,
): Generator<Segment | Need, boolean, FileContent | undefined> {
  const { entries } = job.plan;
  const open = openSegment(job.layout, job, job.passes);
  const work = new VersionPass(job, pass, memory, decoder, writer, open);
  for (const entry of entries) {
    if (isScanned(job, entry)) work.scan(entry, yield* files.content(entry.file));
    if (work.isLeft) return false;
  }
  let covered = job.from.row;
  for (const [i, entry] of entries.entries()) {
    const step = pass * entries.length + i;
    if (work.isIdle(entry, step)) continue;
    covered = yield* work.encode(entry, step, yield* files.content(entry.file));
    if (work.isLeft) return false;
  }
  if (!open.isEmpty || pass === job.passes - 1) yield open.take((pass + 1) * entries.length - 1, covered);
  return true;
}

/** Files that are read again and again, some of which are kept. */
class Files {
  readonly #kept = new Map<string, FileContent>();
  #room: number;
  /** The one that came last, if it is not kept. */
  #passing: FileContent | null = null;

  constructor(keptBytes: number) {
    this.#room = keptBytes;
  }

  *content(file: ChangeFile): Generator<Need, FileContent, FileContent | undefined> {
    const name = `${file.kind} ${file.id}`;
    const kept = this.#kept.get(name);
    if (kept !== undefined) return kept;
    // Its memory is given back at once: garbage of such files would be collected when there is far too much of it.
    this.#passing?.bytes.buffer.transfer(0);
    this.#passing = null;
    const content = yield { kind: 'need', file };
    assert(content !== undefined, 'the content of a file that was asked for');
    if (content.bytes.length <= this.#room) {
      this.#room -= content.bytes.length;
      this.#kept.set(name, content);
    } else {
      this.#passing = content;
    }
    return content;
  }
}

/** A change file is scanned once, for both of its entries; files of which nothing is paired are not. */
function isScanned({ layout }: VersionJob, entry: PlanEntry): boolean {
  return entry.kind === 'cdf' ? entry.pass === 'leaves' : layout.envelope.kind === 'upsert';
}
