/**
 * An answer in lines about one table, read whole: what it is by its own header, its actions, and the proof that it is complete.
 */
import type { JsonObject } from '../../../src/lib/json.ts';
import { JsonMismatch } from '../../../src/lib/json.ts';
import type { ResponseFormat } from '../../../src/model/change-files.ts';
import { Failure } from '../../../src/model/failure.ts';
import type { Version } from '../../../src/model/version.ts';
import type { Action, EndOfStream, FileAction, MetaData } from './actions.ts';
import { actionOf } from './actions.ts';
import { CAPABILITIES_HEADER, capabilitiesGranted } from './capabilities.ts';
import type { Reply } from './exchange.ts';
import { jsonLines } from './ndjson.ts';
import type { ProviderError } from './provider-error.ts';
import { scrub } from './scrub.ts';

export interface Answer {
  readonly format: ResponseFormat;
  /** As the header `fileidhash` echoes it, in lower case. */
  readonly idHash: string | null;
  /** The header `Delta-Table-Version`. */
  readonly version: Version | null;
  /** The head's first, then those of later versions. */
  readonly metaData: readonly [MetaData, ...MetaData[]];
  readonly files: readonly FileAction[];
  readonly end: EndOfStream | null;
}

export const ANSWER_LINES_MAX = 1_000_000;
const LINE_BYTES_MAX = 16_777_216;

/**
 * Rejects with `provider.truncated`, `provider.malformed`, `provider.too_large`, `table.feature`; an answer whose last line says that it failed, with what
 * `refuse` makes of it. `doing` begins the messages.
 */
export async function readAnswer(
  reply: Reply,
  formats: readonly ResponseFormat[],
  doing: string,
  refuse: (error: ProviderError) => Failure,
): Promise<Answer> {
  const granted = capabilitiesGranted(reply.headers.get(CAPABILITIES_HEADER), formats);
  if ('unasked' in granted) {
    throw new Failure(
      'provider.malformed',
      `${doing}: the answer is in format ${JSON.stringify(granted.unasked.slice(0, 60))}, which was not asked for`,
    );
  }
  const metaData: MetaData[] = [];
  const files: FileAction[] = [];
  let protocols = 0;
  let end: EndOfStream | null = null;
  for await (const { number, object } of jsonLines(reply.body, { lineBytesMax: LINE_BYTES_MAX, linesMax: ANSWER_LINES_MAX }, doing)) {
    const action = readLine(object, granted.format, `${doing}, line ${number}`, doing);
    switch (action?.type) {
      case 'protocol':
        protocols++;
        break;
      case 'metaData':
        metaData.push(action.metaData);
        break;
      case 'file':
        files.push(action.file);
        break;
      case 'end':
        end = action.end;
        break;
      case undefined:
        break;
    }
  }
  if (end?.errorMessage !== null && end?.errorMessage !== undefined) {
    throw refuse({ status: end.errorStatus ?? 500, code: '', message: scrub(end.errorMessage), retryAfterMs: 0 });
  }
  if (granted.endPromised && end === null) {
    throw new Failure('provider.truncated', `${doing}: the answer ends without the endStreamAction that it promised`);
  }
  const [head, ...later] = metaData;
  if (head === undefined || protocols === 0) {
    throw new Failure('provider.truncated', `${doing}: the answer ends before the table's protocol and metadata`);
  }
  return {
    format: granted.format,
    idHash: reply.headers.get('fileidhash')?.toLowerCase() ?? null,
    version: versionHeader(reply),
    metaData: [head, ...later],
    files,
    end,
  };
}

/** `Delta-Table-Version`, or null where it is missing or no version. */
export function versionHeader(reply: Reply): Version | null {
  const text = reply.headers.get('delta-table-version')?.trim() ?? '';
  const version = Number(text);
  return /^\d+$/.test(text) && Number.isSafeInteger(version) ? version : null;
}

function readLine(object: JsonObject, format: ResponseFormat, where: string, doing: string): Action | null {
  try {
    return actionOf(object, format, doing);
  } catch (error) {
    if (error instanceof JsonMismatch) throw new Failure('provider.malformed', `${where}: ${error.message}`);
    throw error;
  }
}
