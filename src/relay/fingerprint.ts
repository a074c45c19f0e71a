/**
 * The hashes by which a feed notices that something under it changed: its contract, the plan of a half-published version, the anchor of its history.
 * Each is the SHA-256 of compact JSON whose keys stand in a fixed order; what is not set is left out, so that a setting that a later relay brings does not change the
 * hash of a feed that does not use it.
 */
import { createHash } from 'node:crypto';
import type { ChangeFile, ResponseFormat, VersionChanges } from '../model/change-files.ts';
import type { FeedSpec } from '../model/feed.ts';
import type { VersionPlan } from '../model/plan.ts';
import type { Anchor, SchemaNames } from '../model/position.ts';
import { tableText } from '../model/version.ts';
import type { Framing } from '../ports/schema-registry.ts';

/** Raised whenever the order of records or the encoding of a row changes: a version half published by another encoding is not gone on with. */
const ENCODING = 1;

/** What a feed promises its consumers. `topic` and `partitions` are those of the generation. */
export function contractOf(spec: FeedSpec, endpoint: string, topic: string, partitions: number, framing: Framing): string {
  return sha256({
    endpoint,
    table: tableText(spec.table).toLowerCase(),
    topic,
    partitions,
    key: spec.key.map((column) => column.toLowerCase()),
    framing,
    envelope: spec.envelope,
  });
}

/** `passes`: of a version that is worked whole, into how many it is divided. */
export function planHash(plan: VersionPlan, contract: string, schemas: SchemaNames, passes: number | null): string {
  return sha256({
    encoding: ENCODING,
    contract,
    key: schemas.key,
    value: schemas.value,
    version: plan.version,
    timestamp: plan.timestamp,
    ...(plan.isSnapshot ? { snapshot: true } : {}),
    ...(passes === null ? {} : { passes }),
    entries: plan.entries.map(({ pass, kind, file }) => [
      pass,
      kind,
      file.id,
      file.size,
      partitionList(file),
      ...(file.rows === null ? [] : [file.rows.inside?.id ?? null, file.rows.outside?.id ?? null]),
    ]),
  });
}

export function anchorOf(changes: VersionChanges, responseFormat: ResponseFormat, idHash: string | null): Anchor {
  const files = changes.files.map(({ kind, id }) => `${kind} ${id}`).toSorted();
  return { version: changes.version, timestamp: changes.timestamp, hash: sha256(files), responseFormat, idHash };
}

function partitionList(file: ChangeFile): readonly (readonly [string, string | null])[] {
  return Object.entries(file.partitionValues).toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function sha256(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}
