/**
 * What a table's routes are given, and what they answer.
 */
import type { EpochMs, TableName } from '../model/version.ts';
import type { Capabilities } from './capabilities.ts';
import type { ActiveFaults } from './faults.ts';
import type { PageContext } from './page-tokens.ts';
import type { LogState } from './log-state.ts';
import type { TableLog } from './table-log.ts';

export interface TableRequest {
  /** As the catalog spells it. */
  readonly name: TableName;
  readonly id: string;
  readonly log: TableLog;
  /** Whether another table stood in its folder before. */
  readonly isReplaced: boolean;
  /** The log as this request sees it. */
  readonly state: LogState;
  readonly query: Readonly<URLSearchParams>;
  /** The request's body; empty where there is none. */
  readonly body: string;
  readonly capabilities: Capabilities;
  /** The `fileidhash` header, or null. */
  readonly fileIdHash: string | null;
  readonly sign: (logPath: string) => string;
  /** What the answer says about the life of its URLs; null: nothing. */
  readonly expires: EpochMs | null;
  readonly faults: ActiveFaults;
}

export type Headers = Readonly<Record<string, string>>;

export type Answer =
  | { readonly kind: 'empty'; readonly headers: Headers }
  /** One JSON object a line, chunked. */
  | { readonly kind: 'lines'; readonly headers: Headers; readonly lines: readonly string[] }
  | { readonly kind: 'body'; readonly status: number; readonly headers: Headers; readonly body: string }
  /** Bytes `from` to `to`, the latter excluded, of a local file. */
  | {
      readonly kind: 'file';
      readonly status: 200 | 206;
      readonly headers: Headers;
      readonly path: string;
      readonly from: number;
      readonly to: number;
    };

export function pageContext(request: TableRequest, asked: string): PageContext {
  return { tableId: request.id, asked, first: request.state.first, latest: request.state.latest };
}
