/**
 * The one table of what can be plugged in: name → how it is opened. Only src/cli reads it; a worker thread imports its decoder alone.
 */
import { openDecoder } from './decoders/parquet.ts';
import { openDirect } from './kafka/direct-driver.ts';
import { openKafkajs } from './kafka/kafkajs-driver.ts';
import { MEMBERSHIP_DEFAULTS, openMembership } from './kafka/membership.ts';
import { KAFKA_DEFAULTS } from './kafka/options.ts';
import { openSasl } from './kafka/sasl.ts';
import { CONFLUENT_DEFAULTS, openConfluentRegistry } from './registries/confluent.ts';
import { openSchemaCatalog } from './registries/schemas-topic.ts';
import { openTopicRegistry } from './registries/topic.ts';
import { parseProfile, readProfile } from './sources/delta-sharing/profile.ts';
import { openSource } from './sources/delta-sharing/source.ts';

export const CONNECTORS = {
  sources: {
    'delta-sharing': { open: openSource, parseProfile, readProfile },
  },
  decoders: {
    parquet: { open: openDecoder },
  },
  registries: {
    /** With `registry` in the config. */
    confluent: { open: openConfluentRegistry, defaults: CONFLUENT_DEFAULTS },
    /** Without. */
    topic: { open: openTopicRegistry, openCatalog: openSchemaCatalog },
  },
  /** Beside whichever driver writes. */
  membership: { open: openMembership, defaults: MEMBERSHIP_DEFAULTS },
  /** What drivers and membership take as `sasl`. */
  sasl: { open: openSasl },
  kafka: {
    direct: { open: openDirect, defaults: KAFKA_DEFAULTS },
    kafkajs: { open: openKafkajs, defaults: KAFKA_DEFAULTS },
  },
} as const;
