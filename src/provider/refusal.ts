/**
 * What the server says when it does not do what was asked. The sentences are those of the reference server (notes: sharing-server), since clients match on them.
 */
export type ErrorCode = 'INVALID_PARAMETER_VALUE' | 'MALFORMED_REQUEST' | 'RESOURCE_DOES_NOT_EXIST' | 'UNSUPPORTED_OPERATION';

/** Thrown by whoever finds the fault in the request, answered by the server. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  readonly errorCode: ErrorCode;

  constructor(status: number, errorCode: ErrorCode, message: string) {
    super(message);
    this.status = status;
    this.errorCode = errorCode;
  }
}

export function invalid(message: string): Refusal {
  return new Refusal(400, 'INVALID_PARAMETER_VALUE', message);
}

export function malformed(message: string): Refusal {
  return new Refusal(400, 'MALFORMED_REQUEST', message);
}

export function missing(message: string): Refusal {
  return new Refusal(404, 'RESOURCE_DOES_NOT_EXIST', message);
}

/** What the reference server says where storage lacks a table's log. */
export function filesMissing(): Refusal {
  return new Refusal(400, 'RESOURCE_DOES_NOT_EXIST', 'table files missing');
}

export function unsupported(message: string): Refusal {
  return new Refusal(400, 'UNSUPPORTED_OPERATION', message);
}
