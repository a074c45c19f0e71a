/**
 * The checkpoint record: JSON that people can read, on `<name>.checkpoints`, keyed by feed id (DESIGN §6). Keys that begin with `\0` are the relay's own.
 */
import { createHash } from 'node:crypto';
import { JsonMismatch, JsonObject } from '../lib/json.ts';
import { partitionOf } from '../lib/murmur2.ts';
import { NO_CHECKSUM, isChecksum } from '../model/checksum.ts';
import { Failure } from '../model/failure.ts';
import type { FeedId, Start } from '../model/feed.ts';
import { startOf } from '../model/position.ts';
import type { Anchor, ChangeCounts, Checkpoint, KnownColumn, OpenVersion, ParkedBy, Position, SchemaNames } from '../model/position.ts';
import type { EpochMs } from '../model/version.ts';

/** Value: `{partitions}`, the number of partitions that feeds were hashed over when the partition was first claimed. */
export const META_KEY = '\0meta';

/** The checkpoint partition of a feed: the only one its checkpoint is ever written to. */
export function checkpointPartition(feed: FeedId, partitions: number): number {
  return partitionOf(new TextEncoder().encode(feed), partitions);
}

/** Kafka's limit for the name of a topic. */
const TOPIC_NAME_MAX = 249;

/** The topic of a generation: the configured one for the first, with `.g2`, `.g3` … for those that started again; a name too long for that is cut and ends in a hash. */
export function topicOf(topic: string, generation: number): string {
  if (generation === 1) return topic;
  const suffix = `.g${generation}`;
  if (topic.length + suffix.length <= TOPIC_NAME_MAX) return topic + suffix;
  const hash = `-${createHash('sha256').update(topic).digest('hex').slice(0, 10)}`;
  return topic.slice(0, TOPIC_NAME_MAX - hash.length - suffix.length) + hash + suffix;
}

export const NO_COUNTS: ChangeCounts = { insert: 0, update_preimage: 0, update_postimage: 0, delete: 0 };
export const NOTHING_OPEN: OpenVersion = {
  counts: NO_COUNTS,
  records: 0,
  duplicates: 0,
  deadLetters: 0,
  checksum: NO_CHECKSUM,
  bytes: 0,
  firstOffsets: {},
  nextOffsets: {},
};

/** A feed that has not begun its generation. */
export function newCheckpoint(feed: FeedId, generation: number, seq: number, relay: string, at: EpochMs): Checkpoint {
  return {
    v: 1,
    feed,
    seq,
    generation,
    tableId: null,
    endpoint: '',
    topic: '',
    topicId: null,
    partitions: 0,
    contract: null,
    start: { asked: '', version: 0 },
    position: startOf(0),
    anchor: null,
    state: 'new',
    failure: null,
    schemas: { key: null, value: null },
    columns: null,
    open: null,
    relay,
    at,
  };
}

/** The feed starts again in a new generation, whose topic is a new one; what it published stays where it is. */
export function resetCheckpoint(last: Checkpoint, relay: string, at: EpochMs): Checkpoint {
  return {
    ...newCheckpoint(last.feed, last.generation + 1, last.seq + 1, relay, at),
    ...(last.toldParked === true ? { toldParked: true } : {}),
  };
}

/** As `resetCheckpoint`, and the generation begins where `start` says whatever the config says of the first. */
export function nextGeneration(last: Checkpoint, start: RaisedStart, relay: string, at: EpochMs): Checkpoint {
  const next = resetCheckpoint(last, relay, at);
  if (start.kind === 'snapshot') return { ...next, start: { asked: start.kind, version: 0 } };
  // It goes on with the same table, at a version that must not be another's.
  return { ...next, tableId: last.tableId, start: { asked: start.kind, version: start.version } };
}

/** What a generation that a policy raised begins with. */
export type RaisedStart = Extract<Start, { readonly kind: 'snapshot' | 'version' }>;

/** Where a feed in state `new` begins; null where the config says it. */
export function raisedStart({ start: { asked, version } }: Checkpoint): RaisedStart | null {
  if (asked === 'snapshot') return { kind: 'snapshot' };
  return asked === 'version' ? { kind: 'version', version } : null;
}

/**
 * The feed goes on at its position under whatever the config and the topic say at the next claim. Throws `arguments.invalid` for a feed without a position, and in the
 * middle of a version, whose records must all follow one contract.
 */
export function acceptCheckpoint(last: Checkpoint, relay: string, at: EpochMs): Checkpoint {
  if (last.state === 'new') {
    throw new Failure(
      'arguments.invalid',
      `${last.feed} has not begun, so there is no contract to be accepted: mend what parks it, and it begins by itself`,
    );
  }
  if (last.failure?.code === 'checkpoint.lost') {
    throw new Failure(
      'arguments.invalid',
      `${last.feed}: records behind its position are published already, and going on would double them; use \`checkpoint reset\``,
    );
  }
  if (last.position.records > 0) {
    throw new Failure(
      'arguments.invalid',
      `${last.feed}: ${last.position.records} records of version ${last.position.version} are published under the old contract; ` +
        'put the settings back until the version is whole, or use `checkpoint reset`',
    );
  }
  // A schema that was refused is accepted with all that it changes: what comes later is compared with it.
  const columns = last.failure?.code.startsWith('schema.') === true ? null : last.columns;
  return { ...last, seq: last.seq + 1, contract: null, topicId: null, columns, open: null, state: 'running', failure: null, relay, at };
}

export function parkedCheckpoint(last: Checkpoint, failure: ParkedBy, relay: string, at: EpochMs): Checkpoint {
  return { ...last, seq: last.seq + 1, state: last.state === 'new' ? 'new' : 'parked', failure, relay, at };
}

export function serialise(checkpoint: Checkpoint): string {
  return JSON.stringify(checkpoint);
}

/** Throws `checkpoint.version` for a record that this relay cannot read: it must not be guessed at, nor overwritten. */
export function parseCheckpoint(key: string, value: string): Checkpoint {
  try {
    const checkpoint = readCheckpoint(new JsonObject(JSON.parse(value)));
    if (checkpoint.feed !== key) throw new JsonMismatch(`feed is ${checkpoint.feed}`);
    return checkpoint;
  } catch (cause) {
    if (!(cause instanceof JsonMismatch) && !(cause instanceof SyntaxError)) throw cause;
    throw new Failure('checkpoint.version', `the checkpoint of ${key} is not one of this relay's: ${cause.message}`, { cause });
  }
}

function readCheckpoint(json: JsonObject): Checkpoint {
  if (json.integer('v') !== 1) throw new JsonMismatch(`v is ${json.integer('v')}, and this relay reads 1`);
  const start = json.object('start');
  return {
    v: 1,
    feed: json.string('feed'),
    seq: json.integer('seq'),
    generation: json.integer('generation'),
    tableId: json.nullable('tableId', (field) => json.string(field)),
    endpoint: json.string('endpoint'),
    topic: json.string('topic'),
    topicId: json.nullable('topicId', (field) => json.string(field)),
    partitions: json.integer('partitions'),
    contract: json.nullable('contract', (field) => json.string(field)),
    start: { asked: start.string('asked'), version: start.integer('version') },
    position: readPosition(json.object('position')),
    anchor: json.nullable('anchor', (field) => readAnchor(json.object(field))),
    state: json.oneOf('state', ['new', 'running', 'parked']),
    failure: json.nullable('failure', (field) => readParkedBy(json.object(field))),
    schemas: readSchemas(json.object('schemas')),
    columns: json.nullable('columns', (field) => json.record(field, readColumn)),
    open: json.nullable('open', (field) => readOpen(json.object(field))),
    ...readMarks(json),
    ...readLedger(json),
    relay: json.string('relay'),
    at: json.integer('at'),
  };
}

function readMarks(json: JsonObject): Pick<Checkpoint, 'marks'> {
  const marks = json.nullable('marks', (field) => json.strings(field));
  return marks === null ? {} : { marks };
}

function readLedger(json: JsonObject): Pick<Checkpoint, 'toldParked' | 'commitsSchema'> {
  const schema = json.nullable('commitsSchema', (field) => json.object(field));
  return {
    ...(json.raw('toldParked') === true ? { toldParked: true } : {}),
    ...(schema === null ? {} : { commitsSchema: { name: schema.string('name'), digest: schema.string('digest') } }),
  };
}

function readSchemas(json: JsonObject): SchemaNames {
  const name = (key: string): string | null => json.nullable(key, (field) => json.string(field));
  const digests = json.nullable('digests', (field) => json.object(field));
  return {
    key: name('key'),
    value: name('value'),
    ...(digests === null
      ? {}
      : { digests: { key: digests.nullable('key', (field) => digests.string(field)), value: digests.string('value') } }),
  };
}

function readPosition(json: JsonObject): Position {
  return {
    kind: json.oneOf('kind', ['snapshot', 'changes']),
    version: json.integer('version'),
    records: json.integer('records'),
    entry: json.integer('entry'),
    row: json.integer('row'),
    plan: json.nullable('plan', (field) => json.string(field)),
    commitTimestamp: json.nullable('commitTimestamp', (field) => json.integer(field)),
    responseFormat: json.nullable('responseFormat', (field) => json.oneOf(field, ['parquet', 'delta'])),
    idHash: json.nullable('idHash', (field) => json.string(field)),
  };
}

function readAnchor(json: JsonObject): Anchor {
  return {
    version: json.integer('version'),
    timestamp: json.nullable('timestamp', (field) => json.integer(field)),
    hash: json.string('hash'),
    responseFormat: json.oneOf('responseFormat', ['parquet', 'delta']),
    idHash: json.nullable('idHash', (field) => json.string(field)),
  };
}

function readParkedBy(json: JsonObject): ParkedBy {
  return {
    code: json.string('code'),
    version: json.nullable('version', (field) => json.integer(field)),
    message: json.string('message'),
    at: json.integer('at'),
  };
}

function readColumn(object: JsonObject, name: string): KnownColumn {
  const column = object.object(name);
  return { identity: column.string('identity'), type: column.string('type'), ...(column.raw('dropped') === true ? { dropped: true } : {}) };
}

function readOpen(json: JsonObject): OpenVersion {
  const counts = json.object('counts');
  const offset = (object: JsonObject, partition: string): number => object.integer(partition);
  return {
    counts: {
      insert: counts.integer('insert'),
      update_preimage: counts.integer('update_preimage'),
      update_postimage: counts.integer('update_postimage'),
      delete: counts.integer('delete'),
    },
    records: json.nullable('records', (field) => json.integer(field)),
    duplicates: json.nullable('duplicates', (field) => json.integer(field)),
    deadLetters: json.nullable('deadLetters', (field) => json.integer(field)),
    checksum: json.nullable('checksum', (field) => readChecksum(json, field)),
    bytes: json.integer('bytes'),
    firstOffsets: json.record('firstOffsets', offset),
    nextOffsets: json.record('nextOffsets', offset),
  };
}

function readChecksum(json: JsonObject, field: string): string {
  const text = json.string(field);
  if (!isChecksum(text)) throw new JsonMismatch(`${field} is not 32 hexadecimal digits`);
  return text;
}
