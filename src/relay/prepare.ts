/**
 * What holds for a version before its first row is fetched: its schema follows from the last, the registry knows it, its plan is made, and if the version is half
 * published already, the plan is the one its first half was taken from.
 */
import { Failure } from '../model/failure.ts';
import type { VersionPlan } from '../model/plan.ts';
import type { Checkpoint, KnownColumn, SchemaNames } from '../model/position.ts';
import { tableText } from '../model/version.ts';
import type { TableSchema } from '../model/table-schema.ts';
import type { Envelope, RecordLayout } from '../ports/encoder.ts';
import type { ControlRecord } from '../ports/publisher.ts';
import type { EnsuredSchema, KnownSchema } from '../ports/schema-registry.ts';
import { must } from '../lib/assert.ts';
import type { VersionHead } from './chunk.ts';
import { evolve } from './evolve.ts';
import { anchorOf, planHash } from './fingerprint.ts';
import type { Line } from './line.ts';
import type { ListedVersion } from './listing.ts';
import { unkeyedPartition } from './open.ts';
import { planOf } from './order.ts';
import { PASSES, pairingOf } from './pairing.ts';
import type { Pairing } from './pairing.ts';
import { schemaTexts } from './schema-texts.ts';

export interface PlannedVersion {
  readonly head: VersionHead;
  readonly listed: ListedVersion;
  /** Null for a version without files. */
  readonly plan: VersionPlan | null;
  /** Its hash when worked in so many passes; null where its entries are worked one by one. */
  readonly hashOf: ((passes: number | null) => string) | null;
  readonly layout: RecordLayout | null;
  /** Null: its entries are worked one by one. */
  readonly pairing: Pairing | null;
}

interface Prepared {
  readonly text: string;
  /** All of it but the envelope, which may name the table's id. */
  readonly layout: Omit<RecordLayout, 'envelope'>;
  readonly schemas: SchemaNames;
  readonly records: readonly ControlRecord[];
}

export async function* planVersions(
  line: Line,
  checkpoint: Checkpoint,
  listed: readonly ListedVersion[],
  signal: AbortSignal,
): AsyncGenerator<PlannedVersion, void> {
  let columns = checkpoint.columns;
  let prepared: Prepared | null = null;
  for (const version of listed) {
    const { changes } = version;
    if (changes === null || changes.files.length === 0) {
      const head: VersionHead = { version: version.version, timestamp: changes?.timestamp ?? null, tableId: version.tableId, rows: null };
      yield { head, listed: version, plan: null, hashOf: null, layout: null, pairing: null };
      continue;
    }
    columns = evolve(columns, changes.schema, version.version, line.spec.onSchemaChange);
    const text = JSON.stringify(changes.schema);
    if (prepared?.text !== text) {
      const before: SchemaNames = prepared?.schemas ?? checkpoint.schemas;
      prepared = await prepareSchema(line, checkpoint, before, changes.schema, text, version, signal);
    }
    yield planned(line, checkpoint, version, prepared, columns);
  }
}

function planned(
  line: Line,
  checkpoint: Checkpoint,
  listed: ListedVersion,
  prepared: Prepared,
  columns: Readonly<Record<string, KnownColumn>>,
): PlannedVersion {
  const changes = must(listed.changes, 'the changes of a version with files');
  const { responseFormat, idHash } = listed.listing;
  const plan = planOf(changes, listed.isSnapshot);
  const contract = must(checkpoint.contract, 'the contract of an open feed');
  const layout: RecordLayout = { ...prepared.layout, envelope: envelopeOf(line, listed) };
  const guessed = pairingOf(plan, layout, line.works.memoryBytes);
  const hashOf = (passes: number | null): string => planHash(plan, contract, prepared.schemas, passes);
  const passes = guessed === null ? null : passesOf(checkpoint, plan, guessed.passes, hashOf);
  checkResumed(line, checkpoint, plan, hashOf(passes));
  return {
    head: {
      version: listed.version,
      timestamp: changes.timestamp,
      tableId: listed.tableId,
      rows: {
        schemas: prepared.schemas,
        columns,
        anchor: listed.isSnapshot ? null : anchorOf(changes, responseFormat, idHash),
        schemaRecords: prepared.records,
      },
    },
    listed,
    plan,
    hashOf,
    layout,
    pairing: guessed === null || passes === null ? null : { ...guessed, passes },
  };
}

/** As many as the version was begun with, if it is half published: another guess, under another `limits.memory`, is no other plan. */
function passesOf({ position }: Checkpoint, plan: VersionPlan, guessed: number, hashOf: (passes: number) => string): number {
  if (plan.version !== position.version || position.records === 0) return guessed;
  return PASSES.find((passes) => hashOf(passes) === position.plan) ?? guessed;
}

function envelopeOf({ spec }: Line, { tableId }: ListedVersion): Envelope {
  return spec.envelope === 'debezium' ? { kind: 'debezium', recipient: spec.recipient, tableId } : { kind: spec.envelope };
}

/** Never goes on by count alone: the rows that are out must be the first ones of this very plan. */
function checkResumed(line: Line, checkpoint: Checkpoint, plan: VersionPlan, hash: string): void {
  const { position } = checkpoint;
  if (plan.version !== position.version || position.records === 0 || position.plan === hash) return;
  const why =
    plan.timestamp === position.commitTimestamp
      ? 'the provider lists other files, or the schema or the relay that encodes it changed'
      : `its commit time is ${String(plan.timestamp)}, and was ${String(position.commitTimestamp)}`;
  throw new Failure(
    'plan.changed',
    `version ${plan.version} of ${tableText(line.spec.table)} is no longer what its first ${position.records} records were taken from: ${why}`,
    { version: plan.version },
  );
}

async function prepareSchema(
  line: Line,
  checkpoint: Checkpoint,
  before: SchemaNames,
  schema: TableSchema,
  text: string,
  listed: ListedVersion,
  signal: AbortSignal,
): Promise<Prepared> {
  const { spec, works } = line;
  const { version } = listed;
  const { key, texts } = schemaTexts(line, schema, version);
  const names = { recipient: spec.recipient, topic: checkpoint.topic };
  const keySchema =
    texts.key === null
      ? null
      : await works.registry.ensure({ ...names, part: 'key', text: texts.key, known: knownOf(before, 'key') }, signal);
  const valueSchema = await works.registry.ensure({ ...names, part: 'value', text: texts.value, known: knownOf(before, 'value') }, signal);
  if (before.key !== null && keySchema !== null && keySchema.name !== before.key) {
    throw new Failure(
      'key.changed',
      `version ${version} changes the key of ${spec.id}: its schema is ${keySchema.name}, and was ${before.key}`,
      { version },
    );
  }
  return {
    text,
    layout: {
      schema,
      table: spec.table,
      key,
      prefixes: { key: keySchema?.prefix ?? null, value: valueSchema.prefix },
      partitions: checkpoint.partitions,
      unkeyedPartition: unkeyedPartition(checkpoint),
    },
    schemas: namesOf(keySchema, valueSchema),
    records: [...(keySchema?.records ?? []), ...valueSchema.records],
  };
}

function namesOf(key: EnsuredSchema | null, value: EnsuredSchema): SchemaNames {
  const names = { key: key?.name ?? null, value: value.name };
  return value.digest === null ? names : { ...names, digests: { key: key?.digest ?? null, value: value.digest } };
}

function knownOf({ digests, ...names }: SchemaNames, part: 'key' | 'value'): KnownSchema | null {
  const name = names[part];
  const digest = digests?.[part] ?? null;
  return name === null || digest === null ? null : { name, digest };
}
