/**
 * Every key of the config once: its type, its default and the one sentence that documents it. The JSON Schema (json-schema.ts) and what a person is told about a wrong
 * value (sentences.ts) come from here. Durations come out in milliseconds, sizes in bytes, secrets as `Secret`.
 */
import { z } from 'zod';
import { isAllowedHost } from './allowed-host.ts';
import { certificates, kafka, kafkaTls } from './kafka-schema.ts';
import { expectations, choice, cron, duration, flag, instant, integer, rate, secret, size, text, timezone, urls } from './values.ts';

const RECIPIENT_NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;
const RELAY_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/;
const SOURCE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const TABLE = /^[^/\s]+\.[^./\s]+\.[^./\s]+$/;

const relay = z
  .strictObject({
    name: text('letters, digits, `.`, `_` and `-`, beginning with a letter or digit, 200 at most', RELAY_NAME).describe(
      'Prefix of the internal topics and of the transactional ids; one per deployment, and never changed.',
    ),
    checkpointPartitions: integer(1, 1000)
      .default(32)
      .describe('Partitions of the checkpoint topic: how many ways the work can be divided; fixed for life.'),
  })
  .describe('The relay itself.');

const registryTls = certificates('its servers')
  .optional()
  .describe('Certificates for https:// addresses; absent = the authorities that Node trusts, and no certificate of ours.');

const registry = z
  .strictObject({
    url: urls().describe("The registry's address, path included; of several the next one is asked where one fails."),
    auth: z
      .strictObject({
        basic: z
          .strictObject({
            username: text('a user name').describe('The user name.'),
            password: secret().describe('The password; better a reference than the text itself.'),
          })
          .optional()
          .describe('User name and password.'),
        bearer: secret('a token').optional().describe('A token; better a reference than the text itself.'),
      })
      .superRefine(({ basic, bearer }, context) => {
        if ((basic === undefined) !== (bearer === undefined)) return;
        context.addIssue({ code: 'custom', params: { predicate: 'must have one of `basic` and `bearer`' } });
      })
      .optional()
      .describe('Who we are to the registry; absent = it asks nobody.'),
    tls: registryTls,
    subjects: choice(['topic', 'record', 'topic-record'])
      .default('topic')
      .describe(
        "How subjects are named: `<topic>-key` and `<topic>-value`, by the record's full name, or `<topic>-<the record's full name>`.",
      ),
    framing: choice(['id', 'guid'])
      .default('id')
      .describe(
        "How records name their schema: by the registry's id (0x00 and 4 bytes), or by its GUID (0x01 and 16 bytes) where it gives GUIDs.",
      ),
    autoRegister: flag()
      .default(true)
      .describe('Whether the relay registers schemas; false: it looks them up, and a feed waits until somebody has registered its schema.'),
  })
  .optional()
  .describe("A schema registry that speaks Confluent's API; absent = schemas travel on the topic `{recipient}.schemas`.");

const poll = z
  .union([
    duration(1_000, 7 * 86_400_000),
    z.strictObject({
      cron: cron().describe('Minute, hour, day of month, month, day of week; a sixth field before them is the second.'),
      timezone: timezone().default('UTC').describe('IANA name of the time zone that the pattern is meant in.'),
    }),
  ])
  .register(expectations, {
    text: 'a duration of at least 1s such as `10s`, or `{cron: "*/5 * * * *", timezone: UTC}`',
    kind: 'duration',
    words: [],
  })
  .prefault('10s')
  .describe("How often each table's version is asked for: an interval, or a cron pattern.");

export const source = z
  .strictObject({
    name: text('letters, digits, `.`, `_` and `-`, beginning with a letter or digit, 63 at most', SOURCE_NAME).describe(
      "The source's name here: part of each feed's identity, so it is never changed.",
    ),
    profile: secret('the path of a profile file, or its JSON by a reference').describe(
      "The credential file of the provider: a path relative to the config file's folder, or a reference that holds its JSON. A file that changes is taken up without a restart.",
    ),
    tls: certificates('the provider')
      .optional()
      .describe(
        'Certificates for the provider: `ca` is trusted beside the authorities that Node trusts, for its storage and its token endpoint too; `cert` and `key` are shown to the endpoint of the profile alone.',
      ),
    poll,
    requestsPerSecond: rate(0.01, 1_000)
      .default(5)
      .describe(
        "Requests to the provider's API that all feeds of the source may make together in a second, on average; files are not counted.",
      ),
    partitionTimeZone: timezone()
      .default('UTC')
      .describe('IANA name of the time zone that the provider writes timestamps of partitions in, where they do not say their own.'),
    allowHosts: z
      .array(text('a host name, an address, or a block such as `10.1.0.0/16`').refine(isAllowedHost))
      .max(1_000)
      .register(expectations, { text: 'a list of host names, addresses and blocks such as `10.1.0.0/16`', kind: 'other', words: [] })
      .prefault([])
      .describe(
        'Hosts, addresses and blocks outside the open Internet that signed URLs and token endpoints may lead to; the host of the endpoint itself is let in where it is `localhost` or such an address.',
      ),
  })
  .describe('A provider that shares tables with us.');

export const table = z
  .strictObject({
    table: text('`share.schema.table`', TABLE).describe(
      'The table, as `share.schema.table`; or a pattern such as `sales.public.*`, with `*` and `?` in any of its parts: every table that it matches is a feed, those that come later too.',
    ),
    source: text('the name of a source').optional().describe("The source of the table; left out, the recipient's."),
    topic: text('a topic name, in which {recipient}, {share}, {schema} and {table} are filled in')
      .default('{recipient}.{share}.{schema}.{table}')
      .describe(
        'The topic, in which {recipient}, {share}, {schema} and {table} are filled in; other characters than letters, digits, `.`, `_` and `-` become `_`.',
      ),
    start: z
      .union([
        z.enum(['snapshot', 'earliest', 'latest']),
        z.strictObject({ version: integer(0, Number.MAX_SAFE_INTEGER).describe('The first version to be published.') }),
        z.strictObject({ timestamp: instant().describe('The first version published is the earliest one at or after this time.') }),
      ])
      .register(expectations, {
        text: '`snapshot`, `earliest`, `latest`, `{version: 12}` or `{timestamp: 2026-01-01T00:00:00Z}`',
        kind: 'choice',
        words: ['snapshot', 'earliest', 'latest'],
      })
      .default('snapshot')
      .describe(
        'Where a feed without a checkpoint begins: with the table as it is now, at the first version that the provider still gives, after the latest one, at a version or at a time.',
      ),
    key: z
      .array(text('a column name'))
      .max(64)
      .register(expectations, { text: 'a list of column names', kind: 'other', words: [] })
      .prefault([])
      .describe('The columns that make up the record key, in this order; without it the feed uses one partition.'),
    envelope: choice(['change', 'debezium', 'upsert'])
      .default('change')
      .describe(
        "What a record's value is: each change with its type, version and time; Debezium's envelope with both images of an update, which are paired by `key` (without one every image is a `c` or a `d`); or the row as it is now, by its `key`, in a compacted topic.",
      ),
    onGap: choice(['park', 'skip', 'snapshot'])
      .default('park')
      .describe(
        'What becomes of versions whose changes the provider does not give: a person decides, the feed goes on behind them and says so on `{recipient}.commits`, or it starts again in a new topic from a snapshot.',
      ),
    onSchemaChange: choice(['evolve', 'follow', 'new-topic', 'park'])
      .default('evolve')
      .describe(
        'What becomes of a schema that changes: what every consumer reads right goes on and anything else parks, everything goes on, what would be read wrong goes on in a new topic, or everything parks.',
      ),
    onBadRecord: choice(['park', 'dead-letter'])
      .default('park')
      .describe(
        'What becomes of a row whose record is longer than the topic takes, or of which a value outside its key does not fit its type: a person decides, or it goes to `{recipient}.dead-letters` and later records of its key say so.',
      ),
    onRecreate: choice(['park', 'snapshot'])
      .default('park')
      .describe(
        'What becomes of a table that was dropped and made again: a person decides, or it starts again in a new topic from a snapshot.',
      ),
    adopt: flag().default(false).describe('Whether the feed may publish into a topic that holds records of which no checkpoint knows.'),
  })
  .describe('One table for the recipient, or those of a pattern: each is a feed.');

const recipientKeys = {
  name: text('lower-case letters, digits and `-`, beginning with a letter or digit, 63 at most', RECIPIENT_NAME).describe(
    "The recipient's name: the prefix of all its topics, and part of each feed's identity, so it is never changed.",
  ),
  source: text('the name of a source').optional().describe('The source of its tables; may be left out when there is one source.'),
};

/** A recipient without its tables, which are read one by one. */
export const recipientHead = z.object(recipientKeys);

const limits = z
  .strictObject({
    memory: size(128 * 2 ** 20, 2 ** 40)
      .prefault('512MiB')
      .describe('The memory that the process aims to stay under; a quarter of it is the largest file that can be read.'),
    workers: z
      .union([z.literal('auto'), integer(1, 256)])
      .register(expectations, { text: '`auto` or a whole number from 1 to 256', kind: 'number', words: ['auto'] })
      .default('auto')
      .describe('Threads that decode and encode; auto = one less than the cores, at least one.'),
    chunkRecords: integer(1, 10_000_000)
      .default(50_000)
      .describe('Records of one transaction at most; a version with more is published in several.'),
    chunkBytes: size(2 ** 10, 2 ** 30)
      .prefault('16MiB')
      .describe('Bytes of one transaction at most; a version with more is published in several.'),
    chunkTime: duration(1, 15_000).prefault('2s').describe('How long finished versions of one feed are gathered into one transaction.'),
    retryTimeout: duration(1_000, 7 * 86_400_000)
      .prefault('10m')
      .describe('How long `run --until-current` goes on with a feed that keeps failing.'),
  })
  .prefault({})
  .describe('Bounds on memory, threads and transactions.');

const http = z
  .strictObject({
    host: text('a host name or an address').default('0.0.0.0').describe('The address that the port is opened on.'),
    port: integer(0, 65_535)
      .default(9464)
      .describe('The port of the status page, /metrics and probes, and without a registry of /registry; 0 = any that is free.'),
    adminToken: secret('a token of 16 characters or more')
      .optional()
      .describe(
        'Who has it may pause, resume, restart and poll feeds by the HTTP port; absent = nobody may. Better a reference than the text itself.',
      ),
  })
  .prefault({})
  .describe('The HTTP port for the status page, metrics and probes, and without a registry for schemas.');

const log = z
  .strictObject({
    level: choice(['debug', 'info', 'warn', 'error']).default('info').describe('The least important lines that are written.'),
    format: choice(['json', 'pretty']).default('json').describe('One JSON object a line, or text for people.'),
  })
  .prefault({})
  .describe('The log, which goes to stderr.');

/** The whole file. */
export const configSchema = z
  .strictObject({
    relay,
    kafka,
    registry,
    sources: z
      .array(source)
      .min(1)
      .max(1_000)
      .register(expectations, { text: 'a list with at least one source', kind: 'other', words: [] })
      .describe('The providers that share tables with us.'),
    recipients: z
      .array(
        z
          .strictObject({
            ...recipientKeys,
            tables: z
              .array(table)
              .min(1)
              .max(10_000)
              .register(expectations, { text: 'a list with at least one table', kind: 'other', words: [] })
              .describe('The tables it receives, each with a topic of its own.'),
          })
          .describe('Somebody who reads our topics.'),
      )
      .min(1)
      .max(1_000)
      .register(expectations, { text: 'a list with at least one recipient', kind: 'other', words: [] })
      .describe('Who reads our topics, and which tables each of them receives.'),
    limits,
    http,
    log,
  })
  .register(expectations, { text: 'a map that begins with `relay:`', kind: 'other', words: [] });

/** Sources and certificates alone, null or absent where their own shape is wrong. */
export const partsSchema = z.object({
  kafka: z
    .object({ tls: kafkaTls.optional().catch(undefined) })
    .optional()
    .catch(undefined),
  registry: z
    .object({ tls: registryTls.catch(undefined) })
    .optional()
    .catch(undefined),
  sources: z.array(source.nullable().catch(null)).catch([]),
});

export type ConfigShape = z.output<typeof configSchema>;
export type TableShape = z.output<typeof table>;
