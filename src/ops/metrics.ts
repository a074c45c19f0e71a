/**
 * Every metric of ours in one table, and the registry that holds them. Labels are bounded: feeds, sources and codes, never versions, files or URLs.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

interface MetricEntry {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
  /** Upper bounds in seconds; of histograms only. */
  readonly buckets?: readonly number[];
}

/** Without the prefix `cdf_relay_`. */
export const METRICS = {
  rows_total: { type: 'counter', labels: ['feed', 'change_type'], help: 'Records published in committed transactions, by change type.' },
  duplicate_keys_total: {
    type: 'counter',
    labels: ['feed'],
    help: 'Rows that arrived with a key that another row of the same version has too: the key is not unique.',
  },
  dead_letters_total: {
    type: 'counter',
    labels: ['feed'],
    help: 'Rows that could not be records of their topic and went to the dead letters of the recipient.',
  },
  bytes_total: { type: 'counter', labels: ['feed'], help: 'Bytes of records published in committed transactions, before compression.' },
  versions_total: { type: 'counter', labels: ['feed'], help: 'Table versions published whole.' },
  lag_seconds: {
    type: 'gauge',
    labels: ['feed'],
    help: 'Age of the first table version that is not yet published, by its commit time; 0 if there is none.',
  },
  lag_versions: { type: 'gauge', labels: ['feed'], help: 'Table versions known and not yet published.' },
  polls_total: {
    type: 'counter',
    labels: ['source', 'outcome'],
    help: 'Questions for the latest version of a table: advanced, unchanged or failed.',
  },
  failures_total: { type: 'counter', labels: ['feed', 'code'], help: 'Failures that a feed met, by code.' },
  transactions_total: { type: 'counter', labels: ['outcome'], help: 'Kafka transactions: committed, aborted, or unknown until read back.' },
  partitions_assigned: { type: 'gauge', labels: [], help: 'Checkpoint partitions that the group of replicas has given to this one.' },
  rebalances_total: { type: 'counter', labels: [], help: 'Times that the group of replicas shared its partitions out anew.' },
  transaction_seconds: {
    type: 'histogram',
    labels: [],
    help: 'Time from begin to the end of a Kafka transaction.',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30],
  },
  hanging_transaction_seconds: {
    type: 'gauge',
    labels: ['topic'],
    help: 'How long the oldest transaction that is open in the topic has been seen, whoever began it; 0 if there is none. Consumers of committed records wait at it: above 120 somebody must look.',
  },
  feed_state: { type: 'gauge', labels: ['feed', 'state'], help: '1 for the state the feed is in, 0 for the others.' },
  feed_last_commit_timestamp_seconds: {
    type: 'gauge',
    labels: ['feed'],
    help: 'When this process last committed records or progress of the feed.',
  },
  provider_requests_total: {
    type: 'counter',
    labels: ['source', 'status'],
    help: 'Requests to the provider by HTTP status, or error where no answer came.',
  },
  credential_expiry_timestamp_seconds: {
    type: 'gauge',
    labels: ['source'],
    help: "When the provider's token expires, where the profile says so.",
  },
  poll_interval_effective_seconds: {
    type: 'gauge',
    labels: ['source'],
    help: 'Time between two questions for the latest version of a table.',
  },
  stage_seconds: {
    type: 'histogram',
    labels: ['source', 'stage'],
    help: 'Time of one piece of work: listing a range, fetching a file, encoding an entry, committing a chunk.',
    buckets: [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
  },
} as const satisfies Record<string, MetricEntry>;

type Named<T extends MetricEntry['type']> = {
  readonly [N in keyof typeof METRICS]: (typeof METRICS)[N]['type'] extends T ? N : never;
}[keyof typeof METRICS];

/** The metrics of one process, made from the table. */
export class Metrics {
  readonly #registry = new Registry();

  counter(name: Named<'counter'>): Counter {
    return new Counter(this.#options(name));
  }

  /** `collect` runs at each scrape, before the gauge is read. */
  gauge(name: Named<'gauge'>, collect: (gauge: Gauge) => void = () => {}): Gauge {
    return new Gauge({
      ...this.#options(name),
      collect() {
        collect(this);
      },
    });
  }

  histogram(name: Named<'histogram'>): Histogram {
    return new Histogram({ ...this.#options(name), buckets: [...METRICS[name].buckets] });
  }

  /** Memory, CPU, event loop and garbage collection of this process. */
  addProcessMetrics(): void {
    collectDefaultMetrics({ register: this.#registry });
    // They are gauges whose names end like a counter's, which Prometheus's own linter refuses.
    for (const kind of ['handles', 'requests', 'resources']) {
      this.#registry.removeSingleMetric(`nodejs_active_${kind}_total`);
      this.#registry.removeSingleMetric(`nodejs_active_${kind}`);
    }
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** In Prometheus's text format. */
  async text(): Promise<string> {
    return this.#registry.metrics();
  }

  clear(): void {
    this.#registry.clear();
  }

  #options(name: keyof typeof METRICS): { name: string; help: string; labelNames: string[]; registers: Registry[] } {
    const { labels, help } = METRICS[name];
    return { name: `cdf_relay_${name}`, help, labelNames: [...labels], registers: [this.#registry] };
  }
}
