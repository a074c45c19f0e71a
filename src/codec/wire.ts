/**
 * What crosses the boundary between the main thread and a worker: plain data. Buffers are transferred, not copied.
 */
import { Failure } from '../model/failure.ts';
import type { FailureCode } from '../model/failure.ts';
import type { ChangeFile, FileContent } from '../model/change-files.ts';
import type { Version } from '../model/version.ts';
import type { EncodeRequest, Segment } from '../ports/encoder.ts';
import type { VersionJob } from './version-pass.ts';

/** What a worker is to encode. */
export type Work = { readonly kind: 'entry'; readonly request: EncodeRequest } | { readonly kind: 'version'; readonly request: VersionJob };

export type ToWorker =
  /** Encode this. Sent to a worker that has said `done` to all before. */
  | { readonly kind: 'job'; readonly work: Work }
  /** The file that it said to need. */
  | { readonly kind: 'content'; readonly content: FileContent }
  /** The reader has taken a segment of this length: more may be made. */
  | { readonly kind: 'taken'; readonly bytes: number }
  /** Nobody reads on: end the job. */
  | { readonly kind: 'cancel' };

export type FromWorker =
  /** The thread has started. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'segment'; readonly segment: Segment }
  /** The job goes on when it has this file, of a version that is worked whole. */
  | { readonly kind: 'need'; readonly file: ChangeFile }
  /** The job has ended, and the worker is free. */
  | { readonly kind: 'done'; readonly failure: FailureData | null; readonly heldBytes: number };

export interface FailureData {
  readonly code: FailureCode;
  readonly message: string;
  readonly version: Version;
}

export function versionOf(work: Work): Version {
  return work.kind === 'entry' ? work.request.version : work.request.plan.version;
}

/** `file`: the one that was being read, where one was. */
export function flatten(failure: Failure, file: ChangeFile | null, version: Version): FailureData {
  const isOfFile = file !== null && failure.code.startsWith('file.');
  const about = isOfFile ? `file ${file.id} of version ${version}: ${failure.message}` : failure.message;
  return { code: failure.code, message: about, version: failure.version ?? version };
}

export function rebuilt({ code, message, version }: FailureData): Failure {
  return new Failure(code, message, { version });
}
