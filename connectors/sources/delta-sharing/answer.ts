/**
 * An answer in lines about one table, read whole: what it is by its own header, its actions, and the proof that it is complete.
 */
import type { JsonObject } from '../../../src/lib/json.ts';
import { JsonMismatch } from '../../../src/lib/json.ts';
import type { ResponseFormat } from '../../../src/model/change-files.ts';
import { Failure } from '../../../src/model/failure.ts';
import type { Version } from '../../../src/model/version.ts';
import type { About, Action, EndOfStream, FileAction, MetaDataLine, ProtocolLine } from './actions.ts';
import { actionOf } from './actions.ts';
import { CAPABILITIES_HEADER, capabilitiesGranted } from './capabilities.ts';
import type { Reply } from './exchange.ts';
import type { TableLines } from './in-force.ts';
import { requireReadable } from './in-force.ts';
import { jsonLines } from './ndjson.ts';
import type { ProviderError } from './provider-error.ts';
import { scrub } from './scrub.ts';

export interface Answer extends TableLines {
  readonly format: ResponseFormat;
  /** As the header `fileidhash` echoes it, in lower case. */
  readonly idHash: string | null;
  /** The header `Delta-Table-Version`. */
  readonly version: Version | null;
  readonly files: readonly FileAction[];
  readonly end: EndOfStream | null;
  /** About what it takes in memory. */
  readonly bytes: number;
}

export const ANSWER_LINES_MAX = 1_000_000;
const LINE_BYTES_MAX = 8_388_608;
/** What a schema takes when it is parsed, in lengths of its text. */
const SCHEMA_TIMES = 8;

/**
 * Rejects with `provider.truncated`, `provider.malformed`, `provider.too_large`; an answer whose last line says that it failed, with what `refuse` makes of it.
 * `doing` begins the messages. What the table needs of a reader is judged by in-force.ts.
 */
export async function readAnswer(
  reply: Reply,
  formats: readonly ResponseFormat[],
  kind: About['kind'],
  doing: string,
  refuse: (error: ProviderError) => Failure,
  bytesMax: number,
): Promise<Answer> {
  const granted = capabilitiesGranted(reply.headers.get(CAPABILITIES_HEADER), formats);
  if ('unasked' in granted) {
    throw new Failure(
      'provider.malformed',
      `${doing}: the answer is in format ${JSON.stringify(granted.unasked.slice(0, 60))}, which was not asked for`,
    );
  }
  const about = aboutOf(kind, reply, doing);
  const protocols: ProtocolLine[] = [];
  const metaData: MetaDataLine[] = [];
  const files: FileAction[] = [];
  let end: EndOfStream | null = null;
  let taken = 0;
  // What a table with a feature that is not read says may look like no protocol at all.
  const unlessUnreadable = (failure: Failure): Failure => {
    requireReadable(protocols, { from: null, format: granted.format, doing });
    return failure;
  };
  const readLine = (object: JsonObject, where: string): Action | null => {
    try {
      return actionOf(object, granted.format, about);
    } catch (error) {
      if (error instanceof JsonMismatch) throw unlessUnreadable(new Failure('provider.malformed', `${where}: ${error.message}`));
      throw error;
    }
  };
  for await (const { number, object, bytes } of jsonLines(
    reply.body,
    { lineBytesMax: LINE_BYTES_MAX, linesMax: ANSWER_LINES_MAX },
    doing,
  )) {
    const action = readLine(object, `${doing}, line ${number}`);
    taken += action?.type === 'metaData' ? bytes * SCHEMA_TIMES : bytes;
    if (taken > bytesMax)
      throw new Failure('provider.too_large', `${doing}, line ${number}: the answer takes more memory than is left for it`);
    switch (action?.type) {
      case 'protocol':
        protocols.push(action.protocol);
        break;
      case 'metaData':
        metaData.push(action.metaData);
        break;
      case 'file':
        files.push(action.file);
        break;
      case 'end':
        // An answer that says that it failed has failed, whatever it says after that.
        if ((end?.errorMessage ?? null) === null) end = action.end;
        break;
      case undefined:
        break;
    }
  }
  if (end?.errorMessage !== null && end?.errorMessage !== undefined) {
    throw refuse({ status: end.errorStatus ?? 500, code: '', message: scrub(end.errorMessage), retryAfterMs: 0 });
  }
  if (granted.endPromised && end === null) {
    throw unlessUnreadable(new Failure('provider.truncated', `${doing}: the answer ends without the endStreamAction that it promised`));
  }
  const [head, ...later] = metaData;
  const [protocol, ...otherProtocols] = protocols;
  if (head === undefined || protocol === undefined) {
    throw unlessUnreadable(new Failure('provider.truncated', `${doing}: the answer ends before the table's protocol and metadata`));
  }
  return {
    format: granted.format,
    idHash: reply.headers.get('fileidhash')?.toLowerCase() ?? null,
    version: versionHeader(reply),
    protocols: [protocol, ...otherProtocols],
    metaData: [head, ...later],
    files,
    end,
    bytes: taken,
  };
}

/** `Delta-Table-Version`, or null where it is missing or no version. */
export function versionHeader(reply: Reply): Version | null {
  const text = reply.headers.get('delta-table-version')?.trim() ?? '';
  const version = Number(text);
  return /^\d+$/.test(text) && Number.isSafeInteger(version) ? version : null;
}

/** The files of a snapshot need not say of which version they are: its header does. */
function aboutOf(kind: About['kind'], reply: Reply, doing: string): About {
  if (kind === 'changes') return { kind };
  const version = versionHeader(reply);
  if (version === null) throw new Failure('provider.malformed', `${doing}: the answer has no header Delta-Table-Version that is a version`);
  return { kind, version };
}
