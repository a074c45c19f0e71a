import { checkpointTopic } from '../../src/relay/checkpoint-topic.ts';
import { KafkaWatch } from '../../src/relay/watch.ts';
import type { WatchOptions } from '../../src/relay/watch.ts';

export interface WatchedRelay extends Pick<WatchOptions, 'admin' | 'telemetry' | 'clock' | 'checkpointPartitions'> {
  readonly name: string;
  readonly brokers: readonly string[];
}

/** The watch that `run` gives a relay of this name. */
export function watchOf({ name, brokers, ...options }: WatchedRelay): KafkaWatch {
  return new KafkaWatch({
    ...options,
    site: { brokers, principal: null },
    checkpoints: checkpointTopic(name),
    group: `${name}.relay`,
    transactionTimeoutMs: 30_000,
    sessionTimeoutMs: 6_000,
  });
}
