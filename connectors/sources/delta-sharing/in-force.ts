/**
 * What is in force at a version: the metadata of an answer, read under the protocol that goes with it.
 *
 * Whether a schema's physical names mean anything is for the protocol to say (Delta PROTOCOL.md, "Reader Requirements for Column Mapping"), which is a line of
 * its own and may come later, or on another page. Every answer is judged by its own protocol, never by what an earlier one said: a table may gain a feature at
 * any time.
 */
import { JsonMismatch } from '../../../src/lib/json.ts';
import type { ResponseFormat } from '../../../src/model/change-files.ts';
import { Failure } from '../../../src/model/failure.ts';
import type { ColumnMapping, TableSchema } from '../../../src/model/table-schema.ts';
import type { Version } from '../../../src/model/version.ts';
import { requireAccess } from './access.ts';
import type { MetaDataLine, ProtocolLine } from './actions.ts';
import { unreadFeatures } from './reader-features.ts';
import { parseSchema } from './schema.ts';

export interface MetaData {
  readonly tableId: string;
  readonly schema: TableSchema;
  /** The version it is in force from; null where the line does not say. */
  readonly version: Version | null;
  readonly changeFeed: boolean | null;
  readonly retentionMs: number | null;
}

/** The lines that say what the table is, over all pages of an answer: the head's first. Every page repeats the head. */
export interface TableLines {
  readonly protocols: readonly [ProtocolLine, ...ProtocolLine[]];
  readonly metaData: readonly [MetaDataLine, ...MetaDataLine[]];
}

/** Where an answer about a table begins: the version that its head is of, or null for the latest. `doing` begins the messages. */
export interface Asked {
  readonly from: Version | null;
  readonly format: ResponseFormat;
  readonly doing: string;
}

/**
 * The metadata of the lines, in their order. Throws `table.feature` for what the relay does not read, with the first version asked for that needs it where the
 * lines say which; `table.access` for a table whose files are not given as Parquet by signed URLs; `provider.malformed` for a schema that no protocol allows.
 */
export function metaDataInForce({ protocols, metaData }: TableLines, asked: Asked): readonly [MetaData, ...MetaData[]] {
  requireReadable(protocols, asked);
  const [head, ...later] = metaData;
  return [read(head, true, protocols, asked), ...later.map((line) => read(line, line.version === head.version, protocols, asked))];
}

/** Throws `table.feature` if one of the protocols asks for more than the relay reads. */
export function requireReadable(protocols: readonly ProtocolLine[], asked: Asked): void {
  for (const { readerVersion, readerFeatures, version } of byVersion(protocols)) {
    const features = unreadFeatures(readerFeatures, asked.format);
    if (features.length > 0) throw unreadable(`the table uses ${features.join(', ')}`, version, asked);
    if (readerVersion > (asked.format === 'parquet' ? 1 : 3))
      throw unreadable(`the table needs reader version ${readerVersion}`, version, asked);
  }
}

function read(line: MetaDataLine, isHead: boolean, protocols: TableLines['protocols'], asked: Asked): MetaData {
  requireFiles(line, asked);
  const { tableId, schemaString, partitionColumns, version, changeFeed, retentionMs } = line;
  try {
    const schema = parseSchema(schemaString, partitionColumns, mappingOf(line, isHead, protocols, asked));
    return { tableId, schema, version, changeFeed, retentionMs };
  } catch (error) {
    if (error instanceof JsonMismatch) throw new Failure('provider.malformed', `${asked.doing}: ${error.message}`);
    throw error;
  }
}

function requireFiles({ provider, accessModes }: MetaDataLine, { doing }: Asked): void {
  requireAccess({ formats: [], modes: accessModes }, doing);
  if (provider !== 'parquet')
    throw new Failure('table.access', `${doing}: the table's files are in format ${provider.slice(0, 60)}, and not in Parquet`);
}

function mappingOf(
  { mappingMode, version }: MetaDataLine,
  isHead: boolean,
  protocols: TableLines['protocols'],
  asked: Asked,
): ColumnMapping {
  if (mappingMode === 'none') return 'none';
  if (asked.format === 'parquet' || (mappingMode !== 'name' && mappingMode !== 'id'))
    throw unreadable(`the table uses columnMapping (mode ${JSON.stringify(mappingMode.slice(0, 60))})`, version, asked);
  // A server that tells one protocol, and no version of it, tells the head's; a later commit that sets the mode brings the protocol for it.
  if (!isHead && protocols.every((protocol) => protocol.version === null)) return mappingMode;
  const { readerVersion, readerFeatures } =
    byVersion(protocols).findLast((protocol) => version === null || (protocol.version ?? 0) <= version) ?? protocols[0];
  const isOn = readerVersion === 2 || (readerVersion === 3 && readerFeatures.some((feature) => feature.toLowerCase() === 'columnmapping'));
  return isOn ? mappingMode : 'none';
}

function byVersion(protocols: readonly ProtocolLine[]): readonly ProtocolLine[] {
  return protocols.toSorted((a, b) => (a.version ?? 0) - (b.version ?? 0));
}

function unreadable(what: string, version: Version | null, { from, doing }: Asked): Failure {
  if (version === null || from === null) return new Failure('table.feature', `${doing}: ${what}`);
  return new Failure('table.feature', `${doing}: ${what}${version > from ? ` from version ${version} on` : ''}`, {
    version: Math.max(version, from),
  });
}
