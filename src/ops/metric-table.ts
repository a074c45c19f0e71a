/**
 * Every metric of ours in one table: docs/metrics.md is made of it. Labels are bounded: feeds, sources, topics and codes, never versions, files or URLs.
 */

export interface MetricEntry {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
  /** Upper bounds, in the unit of the name; of histograms only. */
  readonly buckets?: readonly number[];
}

/** Begins the name of each of them. */
export const PREFIX = 'cdf_relay_';

/** Without the prefix. Where a metric has the label `feed`, that comes first. */
export const METRICS = {
  build_info: { type: 'gauge', labels: ['version', 'node'], help: '1, with the version of the relay and of Node.js that it runs on.' },

  feed_state: { type: 'gauge', labels: ['feed', 'state'], help: '1 for the state the feed is in, 0 for the others.' },
  feed_failure: {
    type: 'gauge',
    labels: ['feed', 'code'],
    help: '1 for the code that the feed last failed with; gone when it publishes again, or has nothing left to publish.',
  },
  failures_total: { type: 'counter', labels: ['feed', 'code'], help: 'Failures that a feed met, by code.' },
  lag_seconds: {
    type: 'gauge',
    labels: ['feed'],
    help: 'Age of the first table version that is not yet published, by its commit time; 0 if there is none.',
  },
  lag_versions: { type: 'gauge', labels: ['feed'], help: 'Table versions known and not yet published.' },
  feed_last_commit_timestamp_seconds: {
    type: 'gauge',
    labels: ['feed'],
    help: 'When this process last committed records or progress of the feed.',
  },
  feed_last_version_timestamp_seconds: {
    type: 'gauge',
    labels: ['feed'],
    help: 'Commit time, by the provider, of the last table version that this process published: how long ago that is says how long the table has been quiet, once lag_versions is 0.',
  },
  retention_left_seconds: {
    type: 'gauge',
    labels: ['feed'],
    help: 'How long the provider keeps the first version that is not yet published, or would keep one committed now: by delta.deletedFileRetentionDuration and delta.logRetentionDuration of the table, counted from the commit; Delta keeps to 7 and 30 days where the table does not set them. Below 0 a VACUUM may have removed its files. Absent where the provider does not tell the properties of the table, as in its Parquet format, and while a snapshot runs.',
  },
  snapshot_progress_ratio: {
    type: 'gauge',
    labels: ['feed'],
    help: 'Of the snapshot that this process publishes or has published, the share of the files whose rows are all committed; absent where there was none.',
  },

  rows_total: { type: 'counter', labels: ['feed', 'change_type'], help: 'Records published in committed transactions, by change type.' },
  bytes_total: { type: 'counter', labels: ['feed'], help: 'Bytes of records published in committed transactions, before compression.' },
  versions_total: { type: 'counter', labels: ['feed'], help: 'Table versions published whole.' },
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

  freshness_seconds: {
    type: 'histogram',
    labels: ['source'],
    help: 'From the commit of a version at the provider, by its clock, to its commit in Kafka. Of versions with rows that came while the relay watched the table: what was there before counts in lag_seconds alone.',
    buckets: [0.5, 1, 2, 3, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 21_600, 86_400],
  },
  freshness_stage_seconds: {
    type: 'histogram',
    labels: ['source', 'stage'],
    help: 'The parts of freshness_seconds, each from the end of the one before: polled (from the commit at the provider until a poll told of the version), fetched (its last file is in memory), encoded (its last record is taken up into a transaction), committed (Kafka confirmed it).',
    buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 15, 30, 60, 300, 1800, 3600],
  },
  stage_seconds: {
    type: 'histogram',
    labels: ['source', 'stage'],
    help: 'Time of one piece of work: listing a range, fetching a file, encoding an entry (until its last record is taken up), committing a chunk.',
    buckets: [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
  },

  polls_total: {
    type: 'counter',
    labels: ['source', 'outcome'],
    help: 'Questions for the latest version of a table: advanced, unchanged or failed.',
  },
  poll_interval_effective_seconds: {
    type: 'gauge',
    labels: ['source'],
    help: 'Time between two questions for the latest version of a table; 0 where a cron pattern says when.',
  },
  listings_total: {
    type: 'counter',
    labels: ['source', 'outcome'],
    help: 'Listings of the tables of a source that has patterns: complete or failed. Nothing joins or leaves after one that failed.',
  },
  provider_requests_total: {
    type: 'counter',
    labels: ['source', 'status'],
    help: 'Requests to the provider by HTTP status (429: it asks for less), or error where no answer came.',
  },
  provider_request_budget: {
    type: 'gauge',
    labels: ['source'],
    help: 'Requests that the provider may be asked at once, of those that requestsPerSecond gives for a second; 0 while it has asked for a pause.',
  },
  retries_total: {
    type: 'counter',
    labels: ['source', 'code'],
    help: 'Calls to the provider or its storage that were tried again in place, by the code of what went wrong: no feed has failed by them.',
  },
  credential_expiry_timestamp_seconds: {
    type: 'gauge',
    labels: ['source'],
    help: "When the provider's token expires, where the profile says so.",
  },

  transactions_total: { type: 'counter', labels: ['outcome'], help: 'Kafka transactions: committed, aborted, or unknown until read back.' },
  transaction_seconds: {
    type: 'histogram',
    labels: [],
    help: 'Time from begin to the end of a Kafka transaction.',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30],
  },
  transaction_records: {
    type: 'histogram',
    labels: [],
    help: 'Records of one committed transaction of rows, dead letters included.',
    buckets: [0, 1, 10, 100, 1000, 10_000, 50_000, 100_000, 500_000],
  },
  transaction_bytes: {
    type: 'histogram',
    labels: [],
    help: 'Bytes of records of one committed transaction of rows, before compression.',
    buckets: [0, 1024, 16_384, 131_072, 1_048_576, 4_194_304, 16_777_216, 67_108_864],
  },
  hanging_transaction_seconds: {
    type: 'gauge',
    labels: ['topic'],
    help: 'How long the oldest transaction that is open in the topic has been seen, whoever began it; 0 if there is none. Consumers of committed records wait at it: above 120 somebody must look.',
  },
  claims_total: {
    type: 'counter',
    labels: ['outcome'],
    help: 'Claims of checkpoint partitions: claimed, fenced (somebody else has claimed the partition), or failed (it could not be claimed, or was lost, for another reason).',
  },
  partitions_assigned: { type: 'gauge', labels: [], help: 'Checkpoint partitions that the group of replicas has given to this one.' },
  rebalances_total: { type: 'counter', labels: [], help: 'Times that the group of replicas shared its partitions out anew.' },
  registry_schemas_total: {
    type: 'counter',
    labels: ['outcome'],
    help: 'Schemas that the registry was asked about: confirmed, assumed (it was not there, and had confirmed the schema before), refused, or failed. Absent without a registry.',
  },

  memory_limit_bytes: { type: 'gauge', labels: [], help: 'limits.memory: what the process aims to stay under.' },
  fetched_bytes: { type: 'gauge', labels: [], help: 'Bytes of files fetched, or being fetched, and not encoded yet.' },
  fetched_limit_bytes: { type: 'gauge', labels: [], help: 'What fetched_bytes may be at most, by limits.memory.' },
  feeds_at_work: { type: 'gauge', labels: [], help: 'Feeds that hold rows in memory; others wait for a place.' },
  feeds_at_work_limit: {
    type: 'gauge',
    labels: [],
    help: 'How many feeds may hold rows in memory at the same time, by limits.memory and limits.chunkBytes.',
  },
  workers: { type: 'gauge', labels: [], help: 'Worker threads that decode and encode: limits.workers.' },
  workers_busy: { type: 'gauge', labels: [], help: 'Workers that have a file or a version in hand.' },
  worker_seconds_total: {
    type: 'counter',
    labels: [],
    help: 'Seconds that workers had a file or a version in hand for, all together, the time that they waited for Kafka included.',
  },
} as const satisfies Record<string, MetricEntry>;

export type MetricName = keyof typeof METRICS;

/** Names of the metrics of a type. */
export type Named<T extends MetricEntry['type']> = {
  readonly [N in MetricName]: (typeof METRICS)[N]['type'] extends T ? N : never;
}[MetricName];
