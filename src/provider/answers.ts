/**
 * Answers that list nothing: documents, errors, and those that a fault gives in place of ours.
 */
import { STATUS_CODES } from 'node:http';
import type { FaultAction } from './fault-kinds.ts';
import type { ActiveFaults } from './faults.ts';
import { xmlError } from './file-store.ts';
import type { Refusal } from './refusal.ts';
import type { Answer } from './table-request.ts';

export function json(status: number, value: unknown): Answer {
  return { kind: 'body', status, headers: { 'content-type': 'application/json; charset=utf-8' }, body: JSON.stringify(value) };
}

export function plain(status: number): Answer {
  return {
    kind: 'body',
    status,
    headers: { 'content-type': 'text/plain; charset=utf-8' },
    body: `${status} ${STATUS_CODES[status] ?? ''}`.trimEnd(),
  };
}

/** What the reference server says to a fault of its own: JSON, labelled as text, with nothing in it. */
export function broken(): Answer {
  const body = JSON.stringify({ errorCode: 'INTERNAL_ERROR', message: '' });
  return { kind: 'body', status: 500, headers: { 'content-type': 'text/plain; charset=utf-8' }, body };
}

/** As the reference server spells it or, on purpose, as Databricks does. */
export function refusalAnswer(refusal: Refusal, faults: ActiveFaults): Answer {
  const { status, errorCode, message } = refusal;
  if (!faults.has('error-spelling')) return json(status, { errorCode, message });
  return json(status, { error_code: errorCode, message, details: errorCode === 'UNSUPPORTED_OPERATION' ? [UNSUPPORTED_FEATURES] : [] });
}

const UNSUPPORTED_FEATURES = {
  '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
  domain: 'data-sharing.databricks.com',
  metadata: { dsError: 'DS_UNSUPPORTED_DELTA_TABLE_FEATURES' },
};

/** Null where no fault answers. `isFile`: as object storage does, in XML. */
export function faultAnswer(faults: ActiveFaults, isFile: boolean): Answer | null {
  const redirect = faults.find('redirect');
  if (redirect !== null) return { kind: 'body', status: redirect.status, headers: { location: redirect.location }, body: '' };
  const fault = faults.find('status');
  if (fault === null) return null;
  const answer = statusAnswer(fault, isFile);
  return fault.retryAfter === undefined ? answer : { ...answer, headers: { ...answer.headers, 'retry-after': fault.retryAfter } };
}

function statusAnswer(fault: Extract<FaultAction, { readonly kind: 'status' }>, isFile: boolean): Answer {
  const { status, message = `status ${status} on purpose`, body = 'errorCode' } = fault;
  if (body === 'text') return plain(status);
  if (isFile) return xmlError(status, fault.errorCode ?? 'InternalError', message);
  return json(status, { [body]: fault.errorCode ?? 'INTERNAL_ERROR', message });
}
