/**
 * The keys of the config that lead to Kafka, and certificates, which others have too: as schema.ts has the rest.
 */
import { z } from 'zod';
import { choice, expectations, flag, integer, secret, text } from './values.ts';

/** A secret goes there. */
const TOKEN_ENDPOINT = /^(https:\/\/[^\s@]+|http:\/\/(localhost|127(\.\d{1,3}){3}|\[::1\])([:/][^\s@]*)?)$/;
const BROKER = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):\d{1,5}$/;

/** Certificates, wherever they are asked for. */
export function certificates(others: string): z.ZodObject<Certificates, z.core.$strict> {
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

export const kafkaTls = z
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
    partitions: integer(1, 10_000).default(6).describe('Partitions of a new data topic, of which a feed without a key uses one.'),
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

export const kafka = z
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
    tls: kafkaTls,
    sasl,
    compression: choice(['zstd', 'gzip', 'lz4', 'snappy', 'none']).default('zstd').describe('How record batches are compressed.'),
    driver: choice(['kafkajs', 'direct'])
      .default('direct')
      .describe('What writes to Kafka: `direct`, our own producer, or `kafkajs`, which takes some five times its CPU.'),
    topics,
  })
  .describe('The Kafka that the changes go to.');

/** `host:port`, where the port is one. */
function isBroker(address: string): boolean {
  const port = Number(address.slice(address.lastIndexOf(':') + 1));
  return BROKER.test(address) && port >= 1 && port <= 65_535;
}
