/**
 * What the world does wrong. Every failure has a code, and every code has one line in the table below: what becomes of whoever meets it, and the one
 * remedy that a person is told. What is wrong with the program itself is an assertion (lib/assert.ts).
 */
import type { EpochMs, Version } from './version.ts';

export type Disposition =
  /** Passing: try again with backoff, in place. */
  | 'retry'
  /** A person must act: the feed waits with the reason, the others go on. */
  | 'park'
  /** As `park`, but the cause lies outside and may heal by itself: probed slowly. */
  | 'probe'
  /** The transaction is in doubt or the claim is gone: throw the producer away, claim again, read again. */
  | 'reclaim'
  /** The config or the arguments are wrong: exit code 2. */
  | 'config'
  /** Something around the relay is missing at start: exit code 3. */
  | 'environment';

interface CodeEntry {
  readonly disposition: Disposition;
  readonly remedy: string;
}

// One line a code, so that it reads as a table.
// oxfmt-ignore
export const FAILURES = {
  'config.invalid': { disposition: 'config', remedy: 'Mend the lines named above; `validate -c` checks the file without touching the network.' },
  'config.unreadable': { disposition: 'config', remedy: 'Give the path of a readable config file with -c.' },
  'arguments.invalid': { disposition: 'config', remedy: 'See `--help`.' },
  'arguments.refused': { disposition: 'config', remedy: 'Answer `y`, or add `--yes`, to go on.' },
  'proxy.invalid': { disposition: 'config', remedy: 'Set HTTPS_PROXY and HTTP_PROXY to `http://host:port` or `https://host:port`, or unset them; NO_PROXY names what is asked without.' },
  'profile.unreadable': { disposition: 'config', remedy: 'Put the profile file that the provider sent at the path in `sources[].profile`.' },
  'profile.invalid': { disposition: 'config', remedy: 'Ask the provider for the profile file again and use it as it is.' },
  'profile.unsupported': { disposition: 'config', remedy: 'Ask the provider for a profile of shareCredentialsVersion 1 or 2 of a type that is supported, or run a newer relay.' },

  'provider.unreachable': { disposition: 'retry', remedy: 'Check the endpoint in the profile and the network between here and the provider.' },
  'provider.address': { disposition: 'probe', remedy: 'If the provider rightly keeps its files or its sign-in inside your network: name the host, the address or its block in `sources[].allowHosts`, or with `--allow-host` for `peek` and `tables`. Else ask the provider why it points there.' },
  'provider.certificate': { disposition: 'probe', remedy: "If the provider's authority is a private one, or a proxy's on the way: put it into `sources[].tls.ca` (NODE_EXTRA_CA_CERTS for `peek` and `tables`), and our own certificate, if the provider asks for one, into `cert` and `key`. Else tell the provider." },
  'provider.throttled': { disposition: 'retry', remedy: 'The provider limits requests: lower `sources[].requestsPerSecond`, or raise `sources[].poll`.' },
  'provider.unavailable': { disposition: 'retry', remedy: 'The provider fails by itself: if it lasts, tell the provider the time and the table.' },
  'provider.truncated': { disposition: 'retry', remedy: 'The answer was cut: if it lasts, look for a proxy between here and the provider that limits time or size.' },
  'provider.too_large': { disposition: 'probe', remedy: 'One answer for these versions is more than can be sent or held: ask the provider to raise its limit or to share a smaller table, or raise `limits.memory` if it is the relay that cannot hold it.' },
  'provider.malformed': { disposition: 'probe', remedy: 'The answer is not what the protocol allows: tell the provider, with the sentence above.' },
  'provider.unauthorized': { disposition: 'probe', remedy: 'The credential is refused or has expired: ask the provider for a new profile file and put it in the place of the old one.' },
  'provider.forbidden': { disposition: 'probe', remedy: 'Ask the provider to grant the recipient this table.' },
  'provider.refused': { disposition: 'probe', remedy: "The provider refuses the request for the reason above: ask the provider, or change the table's entry." },
  'table.unknown': { disposition: 'probe', remedy: 'Compare the name with `tables <profile>`, or ask the provider to share the table.' },
  'table.no_history': { disposition: 'probe', remedy: 'Ask the provider to share the table with its history: on Databricks `ALTER SHARE <share> REMOVE TABLE <table>` and `ALTER SHARE <share> ADD TABLE <table> WITH HISTORY`, `historyShared: true` in the config of the open-source server.' },
  'table.feature': { disposition: 'park', remedy: "The relay does not read this table feature, or the provider's server does not serve the changes of tables that have it: ask the provider to take it off (`ALTER TABLE … DROP FEATURE …`), to run a server that does, or to share a view or a copy of the table that does without." },
  'table.access': { disposition: 'park', remedy: 'The relay reads Delta tables by signed URLs, and no others yet: ask the provider to share the table in that way (access mode `url`), or a copy of it.' },
  'table.recreated': { disposition: 'park', remedy: 'If the new table is the one you want: `checkpoint reset`, or `onRecreate: snapshot` and a restart, starts it again in a new topic.' },
  'history.rewritten': { disposition: 'park', remedy: 'The provider changed versions that were already published: ask why, then `checkpoint reset` to start again in a new topic.' },
  'listing.changed': { disposition: 'retry', remedy: 'The provider lists these versions otherwise than a moment ago: they are listed anew by itself; if it lasts, tell the provider.' },
  'gap.feed_off': { disposition: 'park', remedy: 'These versions recorded no changes. To go on behind them set `onGap: skip`, to start again in a new topic from the table as it is set `onGap: snapshot`; then restart.' },
  'gap.history_gone': { disposition: 'park', remedy: 'The provider no longer keeps these versions. To go on with what is left set `onGap: skip`, to start again in a new topic from the table as it is set `onGap: snapshot`; then restart.' },
  'gap.unanswered': { disposition: 'probe', remedy: 'Asked again by itself. If it lasts, ask the provider which it is: its server fails at these versions, or their history was cleaned away; then set `onGap: skip` to go on with what is left, or `onGap: snapshot` to start again in a new topic, and restart.' },
  'gap.open': { disposition: 'probe', remedy: 'Asked again by itself: the feed goes on at the first version that gives its changes. Ask the provider to switch the change data feed on.' },
  'gap.file_gone': { disposition: 'park', remedy: 'The provider removed a file that this version needs. To go on behind it set `onGap: skip`, to start again in a new topic from the table as it is set `onGap: snapshot`; then restart.' },
  'start.beyond': { disposition: 'park', remedy: 'Set `start` to a version the table has, or to `latest`.' },
  'start.none': { disposition: 'probe', remedy: 'Ask the provider to switch the change data feed on: `ALTER TABLE <table> SET TBLPROPERTIES (delta.enableChangeDataFeed = true)`; or set `start` to a version at which it was on.' },

  'snapshot.moved': { disposition: 'park', remedy: 'The half-published snapshot can no longer be read at its version: `checkpoint reset` starts again in a new topic.' },

  'schema.type': { disposition: 'park', remedy: 'The relay does not carry this type yet: ask the provider to share a table or view without the column.' },
  'schema.name': { disposition: 'park', remedy: 'The column is named like one of the relay: ask the provider to share it under another name.' },
  'schema.changed': { disposition: 'park', remedy: '`onSchemaChange` is `park`: `checkpoint accept` goes on under the new schema, or set it to `evolve` or `follow`.' },
  'schema.breaking': { disposition: 'park', remedy: "Consumers that read by an older schema would read the topic wrong: `onSchemaChange: new-topic` and a restart, or `checkpoint reset`, go on in a new topic; `onSchemaChange: follow` or `checkpoint accept` go on in this one." },
  'policy.column': { disposition: 'park', remedy: 'Name columns in `key` that the table has, spelled as `tables <profile>` shows them.' },
  'key.type': { disposition: 'park', remedy: 'Choose key columns that are neither floating point nor nested.' },
  'key.changed': { disposition: 'park', remedy: "The key's type changed and so would its bytes: `checkpoint reset`, or `onSchemaChange: new-topic` and a restart, go on in a new topic." },
  'contract.changed': {
    disposition: 'park',
    remedy: 'Put the setting back, or `checkpoint accept` to go on under the new contract from here, or `checkpoint reset` to start again in a new topic.',
  },
  'plan.changed': { disposition: 'park', remedy: 'Half of this version is published from another plan: put back what changed, or `checkpoint reset` to start again in a new topic.' },

  'file.length': { disposition: 'retry', remedy: 'The file is not as long as the provider says: if it lasts, tell the provider the file id.' },
  'file.unavailable': { disposition: 'retry', remedy: 'The storage fails or cannot be reached: check the network to the host above.' },
  'file.forbidden': { disposition: 'probe', remedy: "The storage refuses freshly signed URLs: tell the provider; its signing key may have lost its rights." },
  'file.undecodable': { disposition: 'park', remedy: 'The file is not sound Parquet: tell the provider the file id and the version.' },
  'file.column': { disposition: 'park', remedy: "The file's column does not fit the table's schema: tell the provider the file id and the column." },
  'file.change_type': { disposition: 'park', remedy: 'The change file holds an illegal _change_type: tell the provider the file id and the value.' },
  'file.too_large': { disposition: 'park', remedy: 'Raise `limits.memory` to at least four times the size of the file.' },
  'version.too_large': { disposition: 'park', remedy: 'Raise `limits.memory`: so many keys change in this version that what must be known of them at one time does not fit.' },
  'file.vector': { disposition: 'park', remedy: 'The deletion vector is not what the provider says, or not of this file: tell the provider the file id and the version.' },
  'file.poison': { disposition: 'park', remedy: 'Decoding this file ends the worker each time: tell the provider the file id and the version.' },
  'worker.died': { disposition: 'retry', remedy: 'A worker ended while it decoded the file: raise `limits.memory` if it lasts.' },
  'record.too_large': { disposition: 'park', remedy: "Raise `max.message.bytes` of the topic above the record's size, then restart; or let `onBadRecord: dead-letter` send such records aside." },
  'record.too_many_bad': { disposition: 'park', remedy: 'See `{recipient}.dead-letters` for what is wrong, have it mended at the source or in the config, then `checkpoint reset` to start again in a new topic.' },
  'record.unreadable': { disposition: 'park', remedy: 'The record does not name a schema that can be found: something else wrote it, or the schema was deleted.' },

  'relay.bug': { disposition: 'retry', remedy: 'This is a mistake in the relay itself: report it with the lines above.' },

  'kafka.unreachable': { disposition: 'reclaim', remedy: 'Check `kafka.brokers`, and `kafka.tls` and `kafka.sasl` against the listener.' },
  'kafka.certificate': { disposition: 'reclaim', remedy: "Put the brokers' authority into `kafka.tls.ca`, and our own certificate, if they ask for one, into `kafka.tls.cert` and `key`; or mend the brokers' certificates." },
  'kafka.token': { disposition: 'reclaim', remedy: 'Check `kafka.sasl`, and the network, or the proxy, to where the token or the credentials are had.' },
  'kafka.unauthorized': { disposition: 'environment', remedy: 'Grant the right named above, or check `kafka.sasl`.' },
  'kafka.fenced': { disposition: 'reclaim', remedy: 'Another relay, or a `checkpoint` command, claimed the same partition. If it lasts, see that one `relay.name` is used by one deployment only.' },
  'kafka.unknown': { disposition: 'reclaim', remedy: 'Whether the transaction was committed is read back from Kafka. If it lasts, lower `limits.chunkRecords` and `limits.chunkBytes`: a transaction has to end within 20 s.' },
  'kafka.rejected': { disposition: 'reclaim', remedy: 'The broker refused the request for the reason above.' },
  'kafka.transaction_timeout': { disposition: 'environment', remedy: 'Set transaction.max.timeout.ms to 30000 or more (900000 is its default) in server.properties of every broker, and restart them one after the other.' },
  'kafka.stuck': { disposition: 'reclaim', remedy: 'A transaction hangs in the partition above: find it with `kafka-transactions.sh find-hanging`, and abort it.' },
  'feed.paused': { disposition: 'park', remedy: 'A person paused the feed: `resume` it, by the status page or `POST /api/feeds/<feed>/resume`.' },
  'feed.elsewhere': { disposition: 'retry', remedy: 'See the log of the replica that has the partition of the feed.' },
  'group.foreign': { disposition: 'environment', remedy: 'Another application uses the consumer group named above: give the relay another `relay.name` (before its first run), or that application another group.' },
  'group.full': { disposition: 'environment', remedy: 'The brokers take no more members into the group: run fewer replicas, or raise `group.max.size` of the brokers.' },
  'checkpoint.partitions': { disposition: 'environment', remedy: 'Set `relay.checkpointPartitions` back to the number the topic was made with.' },
  'checkpoint.version': { disposition: 'environment', remedy: 'The checkpoint was written by a newer relay: run that version.' },
  'checkpoint.lost': { disposition: 'park', remedy: 'Kafka lost acknowledged records: compare the topic with the share, then `checkpoint reset` to start again in a new topic.' },
  'checkpoint.settings': { disposition: 'environment', remedy: 'Mend the topic with the command above.' },
  'http.port': { disposition: 'environment', remedy: 'Free the port, or set `http.host` and `http.port` to others.' },
  'topic.missing': { disposition: 'environment', remedy: 'Create the topic, or set `kafka.topics.create: true`.' },
  'feed.not_begun': { disposition: 'environment', remedy: 'Start the relay with `run`; if it runs, `status` tells what the feed waits for.' },
  'ledger.unknown': { disposition: 'config', remedy: '`status` tells how far the feed is, and `tail --commits` all that its ledger says.' },
  'pattern.too_wide': { disposition: 'park', remedy: 'Narrow the patterns in `recipients[].tables[].table`, or divide the tables between several relays.' },
  'topic.taken': { disposition: 'park', remedy: 'Give one of the two an entry of its own with another `topic`, or a pattern whose `topic` keeps them apart; then restart.' },
  'topic.reserved': { disposition: 'park', remedy: 'Give the table an entry of its own, or its pattern, with another `topic`; then restart.' },
  'topic.not_empty': { disposition: 'park', remedy: 'Choose another `topic`, or set `adopt: true` to publish behind what is there. If this feed wrote it, the checkpoint topic is gone or `relay.name` is another: put it back; or `adopt: true` with `start: {version: …}`, one above the last version that `tail --commits` tells.' },
  'topic.recreated': { disposition: 'park', remedy: 'The topic is not the one the feed wrote to: `checkpoint accept` goes on in it, `checkpoint reset` starts again in a new one.' },
  'topic.foreign': { disposition: 'park', remedy: 'Somebody else writes to the topic: stop it, then `checkpoint accept` to go on behind its records.' },
  'topic.lost': { disposition: 'park', remedy: 'The topic ends before what was acknowledged: compare it with the share, then `checkpoint reset` to start again in a new topic.' },

  'registry.unreachable': { disposition: 'retry', remedy: 'Check `registry.url`, `registry.tls` and the network to it; what is already known goes on.' },
  'registry.certificate': { disposition: 'probe', remedy: "Put the registry's authority into `registry.tls.ca`, and our own certificate, if it asks for one, into `registry.tls.cert` and `key`; or mend the registry's certificate." },
  'registry.unauthorized': { disposition: 'probe', remedy: 'Check `registry.auth`, and that it may read and register the subject named above.' },
  'registry.malformed': { disposition: 'probe', remedy: "This is not how Confluent's API answers: check that `registry.url` leads to it, path included (Apicurio's ends in `/apis/ccompat/v7`)." },
  'registry.refused': { disposition: 'park', remedy: "The registry refuses the schema for the reason above: set the subject's compatibility level so that it takes it and restart, or `checkpoint reset` to start a new topic." },
  'registry.missing': { disposition: 'probe', remedy: '`registry.autoRegister` is false: register the schema above, unchanged, under that subject (`POST /subjects/<subject>/versions`), or set it to true. It is looked up again by itself.' },
  'registry.altered': { disposition: 'park', remedy: 'The registry gives back another schema than it was given: switch its normalisation off, or use another registry.' },
  'registry.no_guid': { disposition: 'park', remedy: 'Set `registry.framing: id`, or use a registry that gives GUIDs.' },
} as const satisfies Record<string, CodeEntry>;

export type FailureCode = keyof typeof FAILURES;

export interface FailureDetails {
  /** The first version concerned, where one is known. */
  readonly version?: Version;
  /** The last version concerned. */
  readonly toVersion?: Version;
  /** What the other side asks us to wait at least. */
  readonly retryAfterMs?: EpochMs;
  readonly cause?: unknown;
}

/** An error of the world. Its message says what was being done and to what; it never holds a token or a signed URL. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly code: FailureCode;
  readonly version: Version | null;
  readonly toVersion: Version | null;
  readonly retryAfterMs: number;

  constructor(code: FailureCode, message: string, details: FailureDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.version = details.version ?? null;
    this.toVersion = details.toVersion ?? details.version ?? null;
    this.retryAfterMs = details.retryAfterMs ?? 0;
  }

  get remedy(): string {
    return FAILURES[this.code].remedy;
  }

  get disposition(): Disposition {
    return FAILURES[this.code].disposition;
  }
}
