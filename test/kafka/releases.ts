/** Apache Kafka's releases that tests run on, and the log backend that each of them needs and does not bring. */
import type { KafkaRelease } from './cluster.ts';

export interface Release {
  readonly version: string;
  /** `group:artifact:version` in Maven's words. */
  readonly logBackend: readonly string[];
}

export const RELEASES: Readonly<Record<KafkaRelease, Release>> = {
  '4': { version: '4.3.1', logBackend: ['org.apache.logging.log4j:log4j-slf4j-impl:2.25.3'] },
  '3.9': { version: '3.9.2', logBackend: ['ch.qos.reload4j:reload4j:1.2.25', 'org.slf4j:slf4j-reload4j:1.7.36'] },
};
