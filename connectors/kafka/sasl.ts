/**
 * Who we are to the brokers: one set of options for everything that connects, told to each client library in its own words. Passwords are read when a connection is
 * opened, so that one that has changed is taken up by the next.
 */
import { saslOAuthBearer, saslPlain, saslScramSha } from '@platformatic/kafka';
import type { Connection, SASLOptions as WireOptions } from '@platformatic/kafka';
import kafkajs from 'kafkajs';
import type { Mechanism, SASLOptions as KafkajsOptions } from 'kafkajs';
import { Failure } from '../../src/model/failure.ts';
import type { Secret } from '../../src/model/secret.ts';
import { BearerTokens } from './bearer-tokens.ts';
import { awsCredentials, mskToken } from './msk-token.ts';
import { tokenFrom } from './token-endpoint.ts';
import type { TokenEndpoint } from './token-endpoint.ts';

/** As the config has it. */
export type SaslSettings =
  | PasswordSasl
  | ({ readonly mechanism: 'oauthbearer'; readonly extensions: Readonly<Record<string, string>> } & TokenEndpoint)
  | { readonly mechanism: 'aws-msk-iam'; readonly region: string };

export type Sasl = PasswordSasl | TokenSasl;

interface PasswordSasl {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly username: string;
  readonly password: Secret;
}

interface TokenSasl {
  readonly mechanism: 'oauthbearer';
  readonly tokens: BearerTokens;
  readonly extensions: Readonly<Record<string, string>>;
}

/** Asks for no token yet. */
export function openSasl(settings: SaslSettings): Sasl {
  switch (settings.mechanism) {
    case 'oauthbearer':
      return {
        mechanism: 'oauthbearer',
        tokens: new BearerTokens((signal) => tokenFrom(settings, signal)),
        extensions: settings.extensions,
      };
    case 'aws-msk-iam': {
      const { region } = settings;
      let credentials: ReturnType<typeof awsCredentials> | null = null;
      const fetch = async (): ReturnType<typeof mskToken> =>
        mskToken(region, await (credentials ??= awsCredentials(region)), () => new Date());
      return { mechanism: 'oauthbearer', tokens: new BearerTokens(fetch), extensions: {} };
    }
    default:
      return settings;
  }
}

export function kafkajsSasl(sasl: Sasl): KafkajsOptions | Mechanism {
  switch (sasl.mechanism) {
    case 'plain':
      return new KafkajsPassword(sasl.mechanism, sasl);
    case 'scram-sha-256':
      return new KafkajsPassword(sasl.mechanism, sasl);
    case 'scram-sha-512':
      return new KafkajsPassword(sasl.mechanism, sasl);
    case 'oauthbearer':
      return kafkajsMechanism(sasl);
  }
}

/** kafkajs reads the fields at each authentication. */
class KafkajsPassword<const T extends PasswordSasl['mechanism']> {
  readonly mechanism: T;
  readonly username: string;
  readonly #password: Secret;

  constructor(mechanism: T, { username, password }: PasswordSasl) {
    this.mechanism = mechanism;
    this.username = username;
    this.#password = password;
  }

  get password(): string {
    return this.#password.reveal();
  }
}

function kafkajsMechanism(sasl: TokenSasl): Mechanism {
  return {
    mechanism: sasl.mechanism,
    authenticationProvider: ({ saslAuthenticate }) => ({
      authenticate: async () => {
        try {
          const token = await sasl.tokens.current();
          const answer = await saslAuthenticate({
            request: { encode: () => withLength(initialMessage(token, sasl)) },
            response: { decode: (raw) => raw.subarray(LENGTH_BYTES), parse: (data) => data },
          });
          refuseErrors(answer, token, sasl);
        } catch (error) {
          // Told by its layers (kafka-failure.ts), and not tried again for as long as kafkajs would.
          const final = new kafkajs.KafkaJSNonRetriableError(error instanceof Error ? error.message : String(error));
          throw Object.assign(final, { cause: error });
        }
      },
    }),
  };
}

const WIRE_MECHANISMS = {
  plain: 'PLAIN',
  'scram-sha-256': 'SCRAM-SHA-256',
  'scram-sha-512': 'SCRAM-SHA-512',
  oauthbearer: 'OAUTHBEARER',
} as const;

/**
 * The library would prove anew who we are in the midst of our requests, which brokers do not take: `onSession` is told how long the broker lets the connection live
 * (0 = for ever), and whoever has it opens another in time.
 */
export function wireSasl(sasl: Sasl, onSession: (lifetimeMs: number) => void): WireOptions {
  return {
    mechanism: WIRE_MECHANISMS[sasl.mechanism],
    authenticate: (_mechanism, connection, api, _username, _password, _token, callback) => {
      authenticate(sasl, connection, api).then(
        (response) => {
          onSession(Number(response.sessionLifetimeMs));
          callback(null, { ...response, sessionLifetimeMs: 0n });
        },
        (error: unknown) => callback(error instanceof Error ? error : new Error(String(error))),
      );
    },
  };
}

type WireAuthenticate = Parameters<NonNullable<WireOptions['authenticate']>>[2];
type WireResponse = Awaited<ReturnType<typeof saslPlain.authenticate>>;

async function authenticate(sasl: Sasl, connection: Connection, api: WireAuthenticate): Promise<WireResponse> {
  switch (sasl.mechanism) {
    case 'plain':
      return saslPlain.authenticate(api, connection, sasl.username, sasl.password.reveal());
    case 'oauthbearer': {
      const token = await sasl.tokens.current();
      const response = await saslOAuthBearer.authenticate(api, connection, token.reveal(), { ...sasl.extensions });
      refuseErrors(response.authBytes, token, sasl);
      return response;
    }
    case 'scram-sha-256':
      return saslScramSha.authenticate(api, connection, 'SHA-256', sasl.username, sasl.password.reveal());
    case 'scram-sha-512':
      return saslScramSha.authenticate(api, connection, 'SHA-512', sasl.username, sasl.password.reveal());
  }
}

const LENGTH_BYTES = 4;
const WORDS_MAX = 200;

/** RFC 7628 §3.1. */
function initialMessage(token: Secret, { extensions }: TokenSasl): Buffer {
  const pairs = Object.entries(extensions).map(([key, value]) => `\x01${key}=${value}`);
  return Buffer.from(`n,,\x01auth=Bearer ${token.reveal()}${pairs.join('')}\x01\x01`);
}

function withLength(message: Buffer): Buffer {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeInt32BE(message.length);
  return Buffer.concat([length, message]);
}

/** A broker that refuses a token says so in what looks like an answer (RFC 7628 §3.2.2): one that takes it says nothing. */
function refuseErrors(answer: unknown, token: Secret, { tokens }: TokenSasl): void {
  if (!Buffer.isBuffer(answer) || answer.length === 0) return;
  tokens.refused(token);
  const words = answer
    .toString('utf8')
    .replaceAll(token.reveal(), '[redacted]')
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .slice(0, WORDS_MAX);
  throw new Failure('kafka.unauthorized', `the brokers refuse the token of \`kafka.sasl\`: ${words}`);
}
