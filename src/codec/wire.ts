/**
 * What crosses the boundary between the main thread and a worker: plain data. Buffers are transferred, not copied.
 */
import { Failure } from '../model/failure.ts';
import type { FailureCode } from '../model/failure.ts';
import type { Version } from '../model/version.ts';
import type { EncodeRequest, Segment } from '../ports/encoder.ts';

export type ToWorker =
  /** Encode this entry. Sent to a worker that has said `done` to all before. */
  | { readonly kind: 'job'; readonly request: EncodeRequest }
  /** The reader has taken a segment of this length: more may be made. */
  | { readonly kind: 'taken'; readonly bytes: number }
  /** Nobody reads on: end the job. */
  | { readonly kind: 'cancel' };

export type FromWorker =
  /** The thread has started. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'segment'; readonly segment: Segment }
  /** The job has ended, and the worker is free. */
  | { readonly kind: 'done'; readonly failure: FailureData | null; readonly heldBytes: number };

export interface FailureData {
  readonly code: FailureCode;
  readonly message: string;
  readonly version: Version;
}

export function flatten(failure: Failure, { entry, version }: EncodeRequest): FailureData {
  const about = failure.code.startsWith('file.') ? `file ${entry.file.id} of version ${version}: ${failure.message}` : failure.message;
  return { code: failure.code, message: about, version: failure.version ?? version };
}

export function rebuilt({ code, message, version }: FailureData): Failure {
  return new Failure(code, message, { version });
}
