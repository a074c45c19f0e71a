/**
 * Where consumers find the schema of a record. Implementations live in connectors/registries: a Confluent registry, or the recipient's own schemas topic.
 */
import type { ControlRecord } from './publisher.ts';

/** How a topic's records name their schema: part of what a feed promises. */
export type Framing =
  /** 0x00 and the registry's id. */
  | 'id'
  /** 0x01 and a GUID made of the schema's text; the schema stands on the recipient's schemas topic. */
  | 'guid'
  /** 0x01 and the registry's own GUID. */
  | 'registry-guid';

export interface SchemaRequest {
  readonly recipient: string;
  readonly topic: string;
  readonly part: 'key' | 'value';
  /** Compact JSON, just as consumers will get it. */
  readonly text: string;
  /** What the feed's checkpoint keeps of the last schema of this part. By it a registry that is down stops no feed whose schema is still the same. */
  readonly known?: KnownSchema | null;
}

/** A schema that was registered and read back once, as a checkpoint keeps it. */
export interface KnownSchema {
  readonly name: string;
  readonly digest: string;
}

export interface EnsuredSchema {
  /** What stands before every Avro body of this schema: 0x00 + id (4 bytes, big endian), or 0x01 + GUID. */
  readonly prefix: Uint8Array;
  /** GUID in lower case with hyphens, or the id in decimal: what the checkpoint keeps. */
  readonly name: string;
  /** Over the schema's text and where its name holds; null where the name follows from the text alone, so that nobody needs to be asked. */
  readonly digest: string | null;
  /** To be published in the feed's first transaction after each claim and at each new schema; repeats are harmless. */
  readonly records: readonly ControlRecord[];
}

/** Where schemas are kept, as whoever keeps them says. */
export interface RegistryLook {
  /** The address that answered, or the topic's name for people. */
  readonly place: string;
  /** `READWRITE`, `READONLY` and the like; null = not told. */
  readonly mode: string | null;
  /** The level that holds for subjects without one of their own; null = not told. */
  readonly compatibility: string | null;
}

/** What `ensure` would come to. */
export interface SchemaOutlook {
  /** Null: there are no subjects. */
  readonly subject: string | null;
  /** As `EnsuredSchema.name`. Null: it would be given when the schema is registered. */
  readonly name: string | null;
}

export interface SchemaRegistry {
  /**
   * Makes the schema known and says how records name it. Idempotent; answers from memory once known. Rejects with `registry.unreachable`,
   * `registry.unauthorized`, `registry.refused`, `registry.altered`, `registry.missing`, `registry.malformed`, `registry.no_guid`.
   */
  ensure(request: SchemaRequest, signal: AbortSignal): Promise<EnsuredSchema>;

  /** Rejects with `registry.unreachable`, `registry.unauthorized`, `registry.malformed`. */
  look(signal: AbortSignal): Promise<RegistryLook>;

  /** Registers nothing. Rejects as `look` does, and with `registry.refused`, `registry.missing` where `ensure` would. */
  foresee(request: SchemaRequest, signal: AbortSignal): Promise<SchemaOutlook>;

  /** Topics that `ensure`'s records go to, to be there before the first transaction. */
  topics(
    recipient: string,
  ): readonly { readonly topic: string; readonly partitions: 1; readonly config: Readonly<Record<string, string>> }[];

  /** The schema that stands before an Avro body of a record read back: its text and the body. For `tail`. */
  resolve(recipient: string, payload: Uint8Array, signal: AbortSignal): Promise<{ readonly text: string; readonly body: Uint8Array }>;
}

/** A schema as it stands on a recipient's schemas topic. */
export interface PublishedSchema {
  /** In lower case with hyphens. */
  readonly guid: string;
  readonly text: string;
}

/**
 * The schemas topics of all recipients, for whoever serves them to consumers. Bounded in memory. Rejects with `kafka.*`; a topic that does not exist holds nothing.
 */
export interface SchemaCatalog {
  /** Null = the topic does not have it, up to now. */
  find(recipient: string, guid: string, signal: AbortSignal): Promise<PublishedSchema | null>;
  /** As of a second ago at most, in the order in which the topic holds them: the one that was published last is the last. */
  list(recipient: string, signal: AbortSignal): Promise<readonly PublishedSchema[]>;
}
