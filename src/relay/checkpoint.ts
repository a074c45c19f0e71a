/**
 * The checkpoint record: JSON that people can read, on `<name>.checkpoints`, keyed by feed id (DESIGN §6). Keys that begin with `\0` are the relay's own.
 */
import { z } from 'zod';
import { assert } from '../lib/assert.ts';
import { partitionOf } from '../lib/murmur2.ts';
import { Failure } from '../model/failure.ts';
import type { FeedId } from '../model/feed.ts';
import { startOf } from '../model/position.ts';
import type { ChangeCounts, Checkpoint, OpenVersion, ParkedBy } from '../model/position.ts';
import type { EpochMs } from '../model/version.ts';

/** Value: `{nonce, owner, config, at}`. Written by each claim of the partition. */
export const CLAIM_KEY = '\0claim';
/** Value: `{partitions}`, the number of partitions that feeds were hashed over when the partition was first claimed. */
export const META_KEY = '\0meta';

/** The checkpoint partition of a feed: the only one its checkpoint is ever written to. */
export function checkpointPartition(feed: FeedId, partitions: number): number {
  return partitionOf(new TextEncoder().encode(feed), partitions);
}

/** The topic of a generation: the configured one for the first, with `.g2`, `.g3` … for those that started again. */
export function topicOf(topic: string, generation: number): string {
  return generation === 1 ? topic : `${topic}.g${generation}`;
}

export const NO_COUNTS: ChangeCounts = { insert: 0, update_preimage: 0, update_postimage: 0, delete: 0 };
export const NOTHING_OPEN: OpenVersion = { counts: NO_COUNTS, bytes: 0, firstOffsets: {}, nextOffsets: {} };

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
  return newCheckpoint(last.feed, last.generation + 1, last.seq + 1, relay, at);
}

/**
 * The feed goes on at its position under whatever the config and the topic say at the next claim. Throws `arguments.invalid` in the middle of a version, whose
 * records must all follow one contract.
 */
export function acceptCheckpoint(last: Checkpoint, relay: string, at: EpochMs): Checkpoint {
  if (last.position.records > 0) {
    throw new Failure(
      'arguments.invalid',
      `${last.feed}: ${last.position.records} records of version ${last.position.version} are published under the old contract; ` +
        'put the settings back until the version is whole, or use `checkpoint reset`',
    );
  }
  return { ...last, seq: last.seq + 1, contract: null, topicId: null, open: null, state: 'running', failure: null, relay, at };
}

export function parkedCheckpoint(last: Checkpoint, failure: ParkedBy, relay: string, at: EpochMs): Checkpoint {
  return { ...last, seq: last.seq + 1, state: last.state === 'new' ? 'new' : 'parked', failure, relay, at };
}

export function serialise(checkpoint: Checkpoint): string {
  return JSON.stringify(checkpoint);
}

const counts = z.object({ insert: z.number(), update_preimage: z.number(), update_postimage: z.number(), delete: z.number() });
const offsets = z.record(z.string(), z.number());
const responseFormat = z.enum(['parquet', 'delta']);
const shape = z.object({
  v: z.literal(1),
  feed: z.string(),
  seq: z.number(),
  generation: z.number(),
  tableId: z.string().nullable(),
  endpoint: z.string(),
  topic: z.string(),
  topicId: z.string().nullable(),
  partitions: z.number(),
  contract: z.string().nullable(),
  start: z.object({ asked: z.string(), version: z.number() }),
  position: z.object({
    kind: z.literal('changes'),
    version: z.number(),
    records: z.number(),
    entry: z.number(),
    row: z.number(),
    plan: z.string().nullable(),
    commitTimestamp: z.number().nullable(),
    responseFormat: responseFormat.nullable(),
    idHash: z.string().nullable(),
  }),
  anchor: z
    .object({ version: z.number(), timestamp: z.number().nullable(), hash: z.string(), responseFormat, idHash: z.string().nullable() })
    .nullable(),
  state: z.enum(['new', 'running', 'parked']),
  failure: z.object({ code: z.string(), version: z.number().nullable(), message: z.string(), at: z.number() }).nullable(),
  schemas: z.object({ key: z.string().nullable(), value: z.string().nullable() }),
  columns: z.record(z.string(), z.object({ identity: z.string(), type: z.string() })).nullable(),
  open: z.object({ counts, bytes: z.number(), firstOffsets: offsets, nextOffsets: offsets }).nullable(),
  relay: z.string(),
  at: z.number(),
});

/** Throws `checkpoint.version` for a record that this relay cannot read: it must not be guessed at, nor overwritten. */
export function parseCheckpoint(key: string, value: string): Checkpoint {
  let raw: unknown;
  try {
    raw = JSON.parse(value);
  } catch (cause) {
    throw new Failure('checkpoint.version', `the checkpoint of ${key} is not JSON`, { cause });
  }
  const parsed = shape.safeParse(raw);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new Failure('checkpoint.version', `the checkpoint of ${key} is not one of this relay's: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`);
  }
  assert(parsed.data.feed === key, `the checkpoint of ${parsed.data.feed} under the key ${key}`);
  return parsed.data;
}
