/**
 * Who we are to Amazon MSK with IAM access control: OAUTHBEARER with a token that is a signed address (Signature Version 4, in its query), as Amazon's own signers make
 * it (https://github.com/aws/aws-msk-iam-sasl-signer-js). Where the credentials come from — the environment, a web identity, a pod identity, the instance — is left to
 * Amazon's own package, which is loaded by this mechanism alone.
 */
import { createHash, createHmac } from 'node:crypto';
import { Failure } from '../../src/model/failure.ts';
import { Secret } from '../../src/model/secret.ts';
import type { BearerToken } from './bearer-tokens.ts';

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
  readonly expiration?: Date | undefined;
}

/** Gives credentials that live, and renews them by itself. */
export type AwsCredentialProvider = () => Promise<AwsCredentials>;

/** The longest that Amazon's brokers take. */
const LIFETIME_SECONDS = 900;
const ALGORITHM = 'AWS4-HMAC-SHA256';
const SERVICE = 'kafka-cluster';
const WORDS_MAX = 300;

/** The credentials that every AWS program finds. */
export async function awsCredentials(region: string): Promise<AwsCredentialProvider> {
  const { fromNodeProviderChain } = await import('@aws-sdk/credential-providers');
  return fromNodeProviderChain({ clientConfig: { region } });
}

/** Rejects with `kafka.token` where there are no credentials. */
export async function mskToken(region: string, credentials: AwsCredentialProvider, now: () => Date): Promise<BearerToken> {
  let found: AwsCredentials;
  try {
    found = await credentials();
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    throw new Failure('kafka.token', `looking for AWS credentials: ${words.replaceAll(/\s+/g, ' ').slice(0, WORDS_MAX)}`);
  }
  const at = now();
  const leftMs = found.expiration === undefined ? Infinity : found.expiration.getTime() - at.getTime();
  return { value: new Secret(signedToken(region, found, at)), lifetimeMs: Math.max(1, Math.min(LIFETIME_SECONDS * 1_000, leftMs)) };
}

/** The token itself: the signed address in base64url. */
function signedToken(region: string, { accessKeyId, secretAccessKey, sessionToken }: AwsCredentials, at: Date): string {
  const host = `kafka.${region}.amazonaws.com`;
  const time = at.toISOString().replaceAll(/[-:]|\.\d{3}/g, '');
  const scope = [time.slice(0, 8), region, SERVICE, 'aws4_request'];
  const query = Object.entries({
    Action: 'kafka-cluster:Connect',
    'X-Amz-Algorithm': ALGORITHM,
    'X-Amz-Credential': [accessKeyId, ...scope].join('/'),
    'X-Amz-Date': time,
    'X-Amz-Expires': String(LIFETIME_SECONDS),
    ...(sessionToken === undefined ? {} : { 'X-Amz-Security-Token': sessionToken }),
    'X-Amz-SignedHeaders': 'host',
  })
    .map(([key, value]) => `${key}=${encoded(value)}`)
    .join('&');
  const request = ['GET', '/', query, `host:${host}`, '', 'host', sha256('')].join('\n');
  const toSign = [ALGORITHM, time, scope.join('/'), sha256(request)].join('\n');
  const key = scope.reduce<string | Buffer>((last, part) => createHmac('sha256', last).update(part).digest(), `AWS4${secretAccessKey}`);
  const signature = createHmac('sha256', key).update(toSign).digest('hex');
  // The name of the program is for Amazon's logs and is not signed, as its own signers have it.
  return Buffer.from(`https://${host}/?${query}&X-Amz-Signature=${signature}&User-Agent=cdf-relay`).toString('base64url');
}

/** As AWS has it: `encodeURIComponent` leaves some characters that it does not. */
function encoded(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
