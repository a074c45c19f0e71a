/**
 * What a provider remembers of a request, for tests to look at. It holds no secret.
 */
import type { EpochMs } from '../model/version.ts';
import type { FaultKind } from './fault-kinds.ts';
import type { Route } from './faults.ts';

export interface RequestRecord {
  readonly at: EpochMs;
  readonly method: string;
  readonly route: Route | null;
  /** `share.schema.table` in lower case. */
  readonly table: string | null;
  /** With the query, but of a file without its signature. */
  readonly path: string;
  /** Whether the Authorization header held the token, something else, or was missing. */
  readonly authorization: 'token' | 'other' | 'none';
  readonly capabilities: string | null;
  readonly range: string | null;
  readonly userAgent: string | null;
  readonly status: number;
  readonly faults: readonly FaultKind[];
}
