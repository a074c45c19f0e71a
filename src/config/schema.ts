/**
 * Every key of the config once: its type, its default and the one sentence that documents it. The JSON Schema (json-schema.ts) and what a person is told about a wrong
 * value (sentences.ts) come from here. Durations come out in milliseconds, sizes in bytes, secrets as `Secret`.
 */
import { z } from 'zod';
import { isAllowedHost } from './allowed-host.ts';
import { expectations, choice, cron, duration, flag, instant, integer, rate, secret, size, text, timezone, urls } from './values.ts';

const RECIPIENT_NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;
const RELAY_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/;
const SOURCE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const TABLE = /^[^/\s]+\.[^./\s]+\.[^./\s]+$/;
/** A secret goes there. */
const TOKEN_ENDPOINT = /^(https:\/\/[^\s@]+|http:\/\/(localhost|127(\.\d{1,3}){3}|\[::1\])([:/][^\s@]*)?)$/;
const BROKER = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):\d{1,5}$/;

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

/** Certificates in one of both places where they are asked for. */
function certificates(others: string): z.ZodObject<Certificates, z.core.$strict> {
  return z.strictObject({
    ca: text('a path, or a certificate in PEM')
      .optional()
      .describe(`Certificate authority of ${others}: a path relative to the config file's folder, or PEM text.`),
    cert: text('a path, or a certificate in PEM')
      .optional()
      .describe("Our certificate, where one is asked for: a path relative to the config file's folder, or PEM text."),
    key: secret().optional().describe("Its private key: a path relative to the config file's folder, or PEM text."),
  });
}

type Certificates = Readonly<{
  ca: z.ZodOptional<z.ZodString>;
  cert: z.ZodOptional<z.ZodString>;
  key: z.ZodOptional<ReturnType<typeof secret>>;
}>;

const PASSWORD_KEYS = { needs: ['username', 'password'], takes: [] } as const;

/** Which keys of `kafka.sasl` each mechanism needs and takes. */
const MECHANISM_KEYS = {
  plain: PASSWORD_KEYS,
  'scram-sha-256': PASSWORD_KEYS,
  'scram-sha-512': PASSWORD_KEYS,
  oauthbearer: { needs: ['tokenEndpoint', 'clientId', 'clientSecret'], takes: ['scope', 'extensions', 'tls'] },
  'aws-msk-iam': { needs: ['region'], takes: [] },
} as const;

const tls = z
  .union([z.boolean(), certificates('the brokers')])
  .register(expectations, { text: '`true`, or a map of `ca`, `cert` and `key`', kind: 'other', words: [] })
  .default(false)
  .describe('Encrypts the connection to the brokers: true for the authorities that Node trusts, or the certificates.');

const sasl = z
  .strictObject({
    mechanism: choice(['plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer', 'aws-msk-iam']).describe(
      'How the relay proves who it is: by a password, by an OAuth token (`oauthbearer`), or to Amazon MSK by the credentials of its AWS role.',
    ),
    username: text('a user name').optional().describe('The user name.'),
    password: secret().optional().describe('The password; better a reference than the text itself.'),
    tokenEndpoint: text('an https:// address without a user name or password in it', TOKEN_ENDPOINT)
      .refine((value) => URL.canParse(value))
      .optional()
      .describe(
        'With `oauthbearer`: where a token is had by the grant of client credentials; http:// for `localhost` and loopback addresses alone.',
      ),
    clientId: text('the name of the client').optional().describe('With `oauthbearer`: the name of the client at the token endpoint.'),
    clientSecret: secret().optional().describe('With `oauthbearer`: its secret; better a reference than the text itself.'),
    scope: text('one or several scopes with spaces between them').optional().describe('With `oauthbearer`: what the token is asked for.'),
    extensions: z
      .record(z.string().regex(/^[A-Za-z]+$/), z.string().regex(/^[\x20-\x7e\t\r\n]*$/))
      .refine((extensions) => !Object.hasOwn(extensions, 'auth'))
      .register(expectations, {
        text: 'a map of texts such as `{logicalCluster: lkc-1}`; names are of letters alone, and not `auth`',
        kind: 'other',
        words: [],
      })
      .optional()
      .describe(
        'With `oauthbearer`: SASL extensions that go with the token, such as `logicalCluster` and `identityPoolId` of Confluent Cloud.',
      ),
    tls: certificates('the token endpoint')
      .optional()
      .describe('With `oauthbearer`: certificates for the token endpoint; absent = the authorities that Node trusts.'),
    region: text('the name of a region such as `eu-north-1`', /^[a-z]{2}(-[a-z]+)+-\d$/)
      .optional()
      .describe('With `aws-msk-iam`: the region of the cluster. Credentials are found as every AWS program finds them.'),
  })
  .superRefine((value, context) => {
    const { mechanism, ...given } = value;
    const { needs, takes } = MECHANISM_KEYS[mechanism];
    for (const key of needs) if (given[key] === undefined) context.addIssue({ code: 'custom', path: [key] });
    for (const key of Object.keys(given)) {
      if ([...needs, ...takes].some((own) => own === key)) continue;
      const about = `is of no use with \`${mechanism}\`, whose keys are ${[...needs, ...takes].join(', ')}`;
      context.addIssue({ code: 'custom', path: [key], params: { about } });
    }
  })
  .optional()
  .describe('Who we are to the brokers; absent = they ask nobody.');

const topics = z
  .strictObject({
    create: flag().default(true).describe('Whether the relay creates missing topics; existing ones are never altered.'),
    partitions: integer(1, 10_000).default(6).describe('Partitions of a new data topic whose feed has a key.'),
    replicationFactor: integer(-1, 100)
      .default(-1)
      .describe("Copies of each partition of a new topic, internal ones too; -1 takes the broker's default."),
    config: z
      .record(
        z.string(),
        z
          .union([z.string(), z.number(), z.boolean()])
          .register(expectations, { text: 'a text, a number, true or false', kind: 'other', words: [] }),
      )
      .register(expectations, { text: 'a map of topic settings', kind: 'other', words: [] })
      .prefault({})
      .describe("Settings of new data topics, by Kafka's own names."),
  })
  .prefault({})
  .describe('How missing topics are created.');

const kafka = z
  .strictObject({
    brokers: z
      .union([text('brokers'), z.array(text('a host and a port such as `kafka-1:9092`', BROKER).refine(isBroker)).min(1)])
      .register(expectations, { text: 'a list of `host:port`, or one text with commas', kind: 'text', words: [] })
      .transform((brokers, context) => {
        if (typeof brokers !== 'string') return brokers;
        const list = brokers.split(',').map((broker) => broker.trim());
        if (!list.every(isBroker))
          context.addIssue({ code: 'custom', params: { predicate: 'must be `host:port`, several of them with commas' } });
        return list;
      })
      .describe('Where Kafka answers: `host:port`, as a list or as one text with commas.'),
    tls,
    sasl,
    compression: choice(['zstd', 'gzip', 'lz4', 'snappy', 'none']).default('zstd').describe('How record batches are compressed.'),
    driver: choice(['kafkajs', 'direct'])
      .default('direct')
      .describe('What writes to Kafka: `direct`, our own producer, or `kafkajs`, which takes some five times its CPU.'),
    topics,
  })
  .describe('The Kafka that the changes go to.');

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
      .describe('Who has it may pause, resume, restart and poll feeds by the HTTP port; absent = nobody may. Better a reference than the text itself.'),
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
    .object({ tls: tls.optional().catch(undefined) })
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

/** `host:port`, where the port is one. */
function isBroker(address: string): boolean {
  const port = Number(address.slice(address.lastIndexOf(':') + 1));
  return BROKER.test(address) && port >= 1 && port <= 65_535;
}
