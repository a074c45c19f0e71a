/**
 * Kinds of bad input from a provider, and the failure and the sentence for each, which every way to the provider tells. Each answer is given to a source named `acme` that
 * asks about table `s.d.t`; `PROVIDER` and `STORAGE` stand for the server's host and port.
 */
import type { FailureCode } from '../../../../src/model/failure.ts';
import type { Scripted } from './scripted-server.ts';
import { cut, hangUp, json, lines, silence, stall, text } from './scripted-server.ts';
import {
  DELTA,
  deltaFile,
  deltaMetaData,
  deltaProtocol,
  END,
  file,
  metaData,
  PARQUET,
  PROTOCOL,
  schemaString,
  TOKEN,
  VERSION,
} from './wire-makers.ts';

export type Told = readonly [FailureCode, string];
export type BadAnswer = readonly [Scripted, Told];

export const ASKED_VERSION = 'asking acme for the latest version of s.d.t';
export const VERSION_CASES: Readonly<Record<string, BadAnswer>> = {
  'that refuses the token': [
    text(401, '401 Unauthorized', { 'content-type': 'text/plain' }),
    [
      'provider.unauthorized',
      `${ASKED_VERSION}: the provider answers 401: "401 Unauthorized"; the profile expired on 2026-01-01T00:00:00.000Z`,
    ],
  ],
  'that echoes the token': [
    json(403, { errorCode: 'X', message: `token ${TOKEN} may not` }),
    ['provider.forbidden', `${ASKED_VERSION}: the provider answers 403 X: "token [secret] may not"`],
  ],
  'that knows no such table': [
    json(404, { errorCode: 'RESOURCE_DOES_NOT_EXIST', message: "table 't' not found" }),
    ['table.unknown', `${ASKED_VERSION}: the provider answers 404 RESOURCE_DOES_NOT_EXIST: "table 't' not found"`],
  ],
  "that is a proxy's page": [
    text(502, '<!DOCTYPE html><html><head><title> Bad\n gateway </title></head><body>long</body></html>', {
      'content-type': 'text/html',
    }),
    ['provider.unavailable', `${ASKED_VERSION}: the provider answers 502: "an HTML page \\"Bad gateway\\""`],
  ],
  'that says nothing with its error (trap 28)': [
    text(500, '{"errorCode":"INTERNAL_ERROR","message":""}', { 'content-type': 'text/plain' }),
    ['provider.unavailable', `${ASKED_VERSION}: the provider answers 500 INTERNAL_ERROR`],
  ],
  'that throttles': [
    json(429, { error_code: 'REQUEST_LIMIT_EXCEEDED', message: 'Slow down.' }),
    ['provider.throttled', `${ASKED_VERSION}: the provider answers 429 REQUEST_LIMIT_EXCEEDED: "Slow down."`],
  ],
  'that quotes an address': [
    json(400, { errorCode: 'MALFORMED_REQUEST', message: 'Delta table at path `s3a://bucket/secret/path` is not found.' }),
    ['provider.refused', `${ASKED_VERSION}: the provider answers 400 MALFORMED_REQUEST: "Delta table at path \`[address]\` is not found."`],
  ],
  'that goes on for ever': [
    text(400, 'word '.repeat(20_000)),
    ['provider.refused', `${ASKED_VERSION}: the provider answers 400: "${'word '.repeat(60)}…"`],
  ],
  'without the version': [
    text(200, ''),
    ['provider.malformed', `${ASKED_VERSION}: the answer has no header Delta-Table-Version that is a version`],
  ],
  'whose version is no number': [
    text(200, '', { 'delta-table-version': '-1' }),
    ['provider.malformed', `${ASKED_VERSION}: the answer has no header Delta-Table-Version that is a version`],
  ],
  'whose version no double holds': [
    text(200, '', { 'delta-table-version': '9007199254740993' }),
    ['provider.malformed', `${ASKED_VERSION}: the answer has no header Delta-Table-Version that is a version`],
  ],
  'that leads to another origin': [
    text(301, '', { location: 'https://elsewhere.example/version?token=1' }),
    [
      'provider.malformed',
      `${ASKED_VERSION}: http://PROVIDER answers with a redirect to https://elsewhere.example, which is not followed, so that the token goes nowhere else`,
    ],
  ],
  'that leads in a circle': [
    text(307, '', { location: VERSION }),
    ['provider.malformed', `${ASKED_VERSION}: http://PROVIDER answers with more than 5 redirects, so that the token goes nowhere else`],
  ],
  'of an odd status': [text(206, ''), ['provider.malformed', `${ASKED_VERSION}: the provider answers 206`]],
  'that hangs up': [
    hangUp,
    ['provider.unreachable', `${ASKED_VERSION}: no answer from http://PROVIDER: other side closed (UND_ERR_SOCKET)`],
  ],
  'that never comes': [silence, ['provider.unreachable', `${ASKED_VERSION}: no answer from http://PROVIDER: nothing came for 0.05 s`]],
};

export const ASKED_CHANGES = 'asking acme for the changes 2..5 of s.d.t';
export const HEAD = [PROTOCOL, metaData(2)];
export const DELTA_HEAD = [deltaProtocol(), deltaMetaData(2)];
const refusal = (message: string, code = 'INVALID_PARAMETER_VALUE'): Scripted => json(400, { errorCode: code, message });
const saying = (message: string, code = 'INVALID_PARAMETER_VALUE'): string =>
  `${ASKED_CHANGES}: the provider answers 400 ${code}: ${JSON.stringify(message)}`;
const parquet = (...more: readonly unknown[]): Scripted => lines([...HEAD, ...more, END], PARQUET);
const delta = (...more: readonly unknown[]): Scripted => lines([...DELTA_HEAD, ...more, END], DELTA);
export const STANDS_STILL = stall('{"protocol"', PARQUET);
const TOO_NEW = '\nDelta protocol version (3,7) is too new for this version of Delta\nStandalone Reader/Writer (1,2).\n';

export const CHANGES_CASES: Readonly<Record<string, BadAnswer>> = {
  'that names the version without a feed': [
    refusal('Error getting change data for range [2, 5] as change data was not recorded for version [3]'),
    ['gap.feed_off', saying('Error getting change data for range [2, 5] as change data was not recorded for version [3]')],
  ],
  'that says the start is beyond the latest (trap 1)': [
    refusal(
      'Provided Start version(2) for reading change data is invalid. Start version cannot be greater than the latest version of the table(1).',
    ),
    [
      'start.beyond',
      saying(
        'Provided Start version(2) for reading change data is invalid. Start version cannot be greater than the latest version of the table(1).',
      ),
    ],
  ],
  'that names the first version that is shared': [
    refusal('You can only query table changes since version 4.'),
    ['gap.history_gone', saying('You can only query table changes since version 4.')],
  ],
  'that misses files of the log': [
    refusal('table files missing', 'RESOURCE_DOES_NOT_EXIST'),
    ['gap.history_gone', saying('table files missing', 'RESOURCE_DOES_NOT_EXIST')],
  ],
  'that says the history is not shared': [
    refusal('cdf is not enabled on table s.d.t'),
    ['table.no_history', saying('cdf is not enabled on table s.d.t')],
  ],
  'that needs a newer reader': [
    refusal(TOO_NEW, 'UNSUPPORTED_OPERATION'),
    ['table.feature', saying(TOO_NEW.trim().replace('\n', ' '), 'UNSUPPORTED_OPERATION')],
  ],
  'with the code of Databricks in its details': [
    json(400, {
      error_code: 'INVALID_PARAMETER_VALUE',
      message: 'No.',
      details: [{}, { metadata: { dsError: 'DS_UNSUPPORTED_DELTA_TABLE_FEATURES' } }],
    }),
    ['table.feature', `${ASKED_CHANGES}: the provider answers 400 DS_UNSUPPORTED_DELTA_TABLE_FEATURES: "No."`],
  ],
  'that is more than the provider can send': [
    json(400, { error_code: 'RESOURCE_LIMIT_EXCEEDED', message: 'Too many files.' }),
    ['provider.too_large', `${ASKED_CHANGES}: the provider answers 400 RESOURCE_LIMIT_EXCEEDED: "Too many files."`],
  ],
  'that refuses for a reason of its own': [
    refusal('CDF range from start 2 to end 1 was invalid.'),
    ['provider.refused', saying('CDF range from start 2 to end 1 was invalid.')],
  ],
  'in a format that was not asked for (trap 22)': [
    lines([PROTOCOL], { 'delta-sharing-capabilities': 'responseformat=iceberg' }),
    ['provider.malformed', `${ASKED_CHANGES}: the answer is in format "iceberg", which was not asked for`],
  ],
  'that lacks its promised end (trap 21)': [
    lines(HEAD, PARQUET),
    ['provider.truncated', `${ASKED_CHANGES}: the answer ends without the endStreamAction that it promised`],
  ],
  'that ends in an error (trap 21)': [
    lines([...HEAD, { endStreamAction: { errorMessage: 'lost it at https://x/?sig=1', httpStatusErrorCode: 503 } }], PARQUET),
    ['provider.unavailable', `${ASKED_CHANGES}: the provider answers 503: "lost it at [address]"`],
  ],
  'that breaks off': [
    cut('{"protocol":{"minReaderVersion":1}}\n{"met', PARQUET),
    ['provider.truncated', `${ASKED_CHANGES}: the answer broke off: other side closed (UND_ERR_SOCKET)`],
  ],
  'that stands still': [STANDS_STILL, ['provider.truncated', `${ASKED_CHANGES}: the answer broke off: nothing came for 0.05 s`]],
  'that ends inside a line': [
    text(200, '{"protocol":{"minReaderVersion":1}}\n{"met'),
    ['provider.truncated', `${ASKED_CHANGES}, line 2: the answer ends inside the line`],
  ],
  'that is empty': [text(200, ''), ['provider.truncated', `${ASKED_CHANGES}: the answer ends before the table's protocol and metadata`]],
  'that is not JSON': [lines([PROTOCOL, '<html>'], PARQUET), ['provider.malformed', `${ASKED_CHANGES}, line 2: it is not JSON`]],
  'that has a list for a line': [lines(['[1]'], PARQUET), ['provider.malformed', `${ASKED_CHANGES}, line 1: it is not a JSON object`]],
  'that has one endless line': [
    text(200, 'x'.repeat(9_000_000)),
    ['provider.too_large', `${ASKED_CHANGES}, line 1: it is longer than 8388608 bytes`],
  ],
  'with an action without a version': [
    parquet(file('cdf', 3, 'f', { version: undefined })),
    [
      'provider.malformed',
      `${ASKED_CHANGES}, line 3: cdf has no version; the changes of a view have none (cdfonviews), and cannot be put in order`,
    ],
  ],
  'with an action without an id': [
    parquet(file('cdf', 3, 'f', { id: undefined })),
    ['provider.malformed', `${ASKED_CHANGES}, line 3: cdf.id is not a string`],
  ],
  'with a version outside the range': [
    parquet(file('add', 6, 'f')),
    ['provider.malformed', `${ASKED_CHANGES}: the answer holds version 6`],
  ],
  'with a size that no double holds (trap 18)': [
    parquet('{"add":{"url":"https://x/y","id":"f","partitionValues":{},"size":9007199254740993,"version":3,"timestamp":1}}'),
    ['provider.malformed', `${ASKED_CHANGES}, line 3: add.size is not a whole number from 0 to 2^53 - 1`],
  ],
  'with a partition value that is a number (trap 18)': [
    parquet(file('add', 3, 'f', { partitionValues: { p: 0.1 }, rows: null })),
    ['provider.malformed', `${ASKED_CHANGES}, line 3: add.partitionValues.p is not a string`],
  ],
  'with an address that is none': [
    parquet(file('add', 3, 'f', { url: 's3://bucket/f' })),
    ['provider.malformed', `${ASKED_CHANGES}, line 3: add.url is not an https address`],
  ],
  'with a file of a snapshot': [
    parquet({ file: {} }),
    ['provider.malformed', `${ASKED_CHANGES}, line 3: it is a file of a snapshot in an answer about changes`],
  ],
  'with two commit times for a version': [
    parquet(file('add', 3, 'f'), file('add', 3, 'g', { timestamp: 5 })),
    ['provider.malformed', `${ASKED_CHANGES}: the answer gives version 3 more than one commit time`],
  ],
  'that adds and removes one file (trap 11)': [
    parquet(file('add', 3, 'f'), file('remove', 3, 'f')),
    ['provider.malformed', `${ASKED_CHANGES}: the answer adds and removes the same file f in version 3`],
  ],
  'with two files of one id': [
    parquet(file('add', 3, 'f'), file('add', 3, 'f', { size: 5 })),
    ['provider.malformed', `${ASKED_CHANGES}: the answer has two different files of id f in version 3`],
  ],
  'whose schema is not JSON': [
    lines([PROTOCOL, metaData(2, { schemaString: '{' }), END], PARQUET),
    ['provider.malformed', `${ASKED_CHANGES}: schemaString is not JSON`],
  ],
  'whose schema has two columns of one name': [
    lines([PROTOCOL, metaData(2, { schemaString: schemaString(['a', 'long'], ['A', 'long']) }), END], PARQUET),
    ['provider.malformed', `${ASKED_CHANGES}: schemaString has two columns named "A"`],
  ],
  'whose partition column is no column': [
    lines([PROTOCOL, metaData(2, { partitionColumns: ['day'], mapping: 'none' }), END], PARQUET),
    ['provider.malformed', `${ASKED_CHANGES}: partitionColumns names "day", which is no column`],
  ],
  'with two schemas for one version': [
    parquet(metaData(2, { schemaString: schemaString(['x', 'long']) })),
    ['provider.malformed', `${ASKED_CHANGES}: the answer has two schemas for version 2`],
  ],
  'in parquet format for a reader of version 3 (trap 44)': [
    lines([{ protocol: { minReaderVersion: 3 } }], PARQUET),
    ['table.feature', `${ASKED_CHANGES}: the table needs reader version 3`],
  ],
  'in delta format with a feature that is not read': [
    lines([deltaProtocol({ minReaderVersion: 3, readerFeatures: ['timestampNtz', 'geospatial', 'variantShredding'] })], DELTA),
    ['table.feature', `${ASKED_CHANGES}: the table uses geospatial, variantShredding`],
  ],
  'in delta format for a reader of version 4': [
    lines([deltaProtocol({ minReaderVersion: 4 })], DELTA),
    ['table.feature', `${ASKED_CHANGES}: the table needs reader version 4`],
  ],
  'whose protocol gains a feature on the way': [
    delta(deltaProtocol({ minReaderVersion: 3, readerFeatures: ['geospatial'] }, 4)),
    ['table.feature', `${ASKED_CHANGES}: the table uses geospatial from version 4 on`],
  ],
  'with column mapping of a kind that is not known': [
    lines(
      [deltaProtocol({ minReaderVersion: 2 }), deltaMetaData(2, { configuration: { 'delta.columnMapping.mode': 'hash' } }), END],
      DELTA,
    ),
    ['table.feature', `${ASKED_CHANGES}: the table uses columnMapping (mode "hash")`],
  ],
  'with column mapping in parquet format': [
    lines([PROTOCOL, metaData(2, { configuration: { 'delta.columnMapping.mode': 'name' } }), END], PARQUET),
    ['table.feature', `${ASKED_CHANGES}: the table uses columnMapping (mode "name")`],
  ],
  'with column mapping and a column without a physical name': [
    lines(
      [deltaProtocol({ minReaderVersion: 2 }), deltaMetaData(2, { configuration: { 'delta.columnMapping.mode': 'name' } }), END],
      DELTA,
    ),
    ['provider.malformed', `${ASKED_CHANGES}: schemaString.id has no physical name, and columns are mapped by name`],
  ],
  'about a table that is given by its directory alone': [
    lines([PROTOCOL, metaData(2, { accessModes: ['dir'] }), END], PARQUET),
    ['table.access', `${ASKED_CHANGES}: the table is given in access mode dir alone, and not by signed URLs`],
  ],
  'about a table of another file format': [
    lines([PROTOCOL, metaData(2, { format: { provider: 'iceberg' } }), END], PARQUET),
    ['table.access', `${ASKED_CHANGES}: the table's files are in format iceberg, and not in Parquet`],
  ],
  'that says to come back for it later': [
    lines([{ queryStatus: { queryId: 'q', status: 'pending' } }], PARQUET),
    ['provider.malformed', `${ASKED_CHANGES}, line 1: the provider answers that the query goes on (queryStatus), which was not asked for`],
  ],
  'with an action that is not known and names a file': [
    parquet({ patch: { url: 'https://x/y?sig=SIGNATURE', id: 'f' } }),
    ['provider.malformed', `${ASKED_CHANGES}, line 3: it is an action named "patch", which is not known and names a file`],
  ],
  'with two actions in a line': [
    parquet({ ...file('add', 3, 'f'), ...file('remove', 3, 'g') }),
    ['provider.malformed', `${ASKED_CHANGES}, line 3: it holds add and remove, and a line is one action`],
  ],
  'with a deletion vector that does not say how long it is': [
    delta(deltaFile('remove', 3, 'f', { deletionVector: { storageType: 'i' } })),
    ['provider.malformed', `${ASKED_CHANGES}, line 3: deletionVector has no sizeInBytes`],
  ],
  'with a deletion vector in the storage of the provider': [
    delta(deltaFile('add', 3, 'f', { deletionVector: { storageType: 'u', pathOrInlineDv: 'x', sizeInBytes: 34, cardinality: 1 } })),
    [
      'provider.malformed',
      `${ASKED_CHANGES}, line 3: deletionVector.storageType is "u", and only a URL (p) or the vector itself (i) can be read`,
    ],
  ],
  'with a deletion vector at a change file': [
    delta(deltaFile('cdc', 3, 'f', { deletionVector: { storageType: 'i', pathOrInlineDv: '00000', sizeInBytes: 4, cardinality: 1 } })),
    ['provider.malformed', `${ASKED_CHANGES}, line 3: a change file has a deletion vector`],
  ],
  'in delta format with a line of parquet format (trap 8)': [
    delta(file('cdf', 3, 'f')),
    ['provider.malformed', `${ASKED_CHANGES}, line 3: it is a parquet action in an answer in delta format`],
  ],
  'in delta format with an action that is none': [
    delta({ file: { id: 'f', version: 3, deltaSingleAction: { txn: {} } } }),
    ['provider.malformed', `${ASKED_CHANGES}, line 3: file.deltaSingleAction is not one of add, cdc and remove`],
  ],
  'whose pages go round in a circle': [
    lines([...HEAD, { endStreamAction: { nextPageToken: 'x' } }], PARQUET),
    ['provider.malformed', `${ASKED_CHANGES}: the answer's pages go round in a circle`],
  ],
};

export const LISTING_CASES: Readonly<Record<string, BadAnswer>> = {
  'that is not JSON': [text(200, '<html>'), ['provider.malformed', 'asking acme for the shares: the answer is not JSON']],
  'that is no object': [json(200, []), ['provider.malformed', 'asking acme for the shares: it is not an object']],
  'whose items are no list': [json(200, { items: {} }), ['provider.malformed', 'asking acme for the shares: items is not a list']],
  'with an item without a name': [
    json(200, { items: [{}] }),
    ['provider.malformed', 'asking acme for the shares: items[0].name is not a string'],
  ],
  'whose pages go round in a circle': [
    json(200, { nextPageToken: 'x' }),
    ['provider.malformed', 'asking acme for the shares: the pages go round in a circle'],
  ],
  'at another address than the endpoint': [
    text(404, 'Not Found'),
    [
      'provider.refused',
      'asking acme for the shares: the provider answers 404: the endpoint in the profile is not one of a Delta Sharing server',
    ],
  ],
};

export const READING = "reading file f of acme's s.d.t at version 3";
export const STORAGE_CASES: Readonly<Record<string, BadAnswer>> = {
  'has lost the file (trap 26)': [text(404, '<Error/>'), ['gap.file_gone', `${READING}: STORAGE answers 404: the file is gone`]],
  'refuses fresh URLs (trap 26)': [
    text(403, '<Error/>'),
    ['file.forbidden', `${READING}: STORAGE answers 403, to a freshly signed URL too`],
  ],
  fails: [text(503, 'SlowDown'), ['file.unavailable', `${READING}: STORAGE answers 503`]],
  'has a shorter file': [text(200, 'PAR'), ['file.length', `${READING}: it has 3 bytes, and the provider says 4`]],
  'sends more than it should': [unannounced('PAR1+'), ['file.length', `${READING}: it has at least 5 bytes, and the provider says 4`]],
  'sends less than it should': [unannounced('P'), ['file.length', `${READING}: it has 1 bytes, and the provider says 4`]],
  'breaks off': [
    cut('PA', { 'content-length': '4' }),
    ['file.unavailable', `${READING}: STORAGE broke off: other side closed (UND_ERR_SOCKET)`],
  ],
  'hangs up': [hangUp, ['file.unavailable', `${READING}: no answer from STORAGE: other side closed (UND_ERR_SOCKET)`]],
  'leads elsewhere': [
    text(302, '', { location: 'https://elsewhere.example/f?sig=SIGNATURE' }),
    ['file.forbidden', `${READING}: STORAGE answers with a redirect to https://elsewhere.example, which is not followed`],
  ],
};

/** A whole body without its length in front. */
function unannounced(body: string): Scripted {
  return (response) => {
    response.writeHead(200);
    response.write(body, () => response.end());
  };
}
