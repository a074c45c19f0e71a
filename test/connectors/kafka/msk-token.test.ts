/**
 * The token for Amazon MSK, held against what Amazon's own signer (aws-msk-iam-sasl-signer-js 1.0.3) makes of the same credentials at the same time. That Amazon's brokers
 * take it cannot be shown without one.
 */
import { expect, test } from 'vitest';
import { awsCredentials, mskToken } from '../../../connectors/kafka/msk-token.ts';

const AT = new Date('2026-01-02T03:04:05Z');
/** An example of Amazon's documentation. */
const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';

async function addressOf(credentials: Parameters<typeof mskToken>[1]): Promise<URL> {
  const { value } = await mskToken('eu-north-1', credentials, () => AT);
  expect(value.reveal()).toMatch(/^[A-Za-z0-9_-]+$/);
  return new URL(Buffer.from(value.reveal(), 'base64url').toString());
}

test('is the address that Amazon signs', async () => {
  const address = await addressOf(async () => ({ accessKeyId: 'AKIDEXAMPLE', secretAccessKey: SECRET }));
  expect(address.origin + address.pathname).toBe('https://kafka.eu-north-1.amazonaws.com/');
  expect(Object.fromEntries(address.searchParams)).toEqual({
    Action: 'kafka-cluster:Connect',
    'User-Agent': 'cdf-relay',
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': 'AKIDEXAMPLE/20260102/eu-north-1/kafka-cluster/aws4_request',
    'X-Amz-Date': '20260102T030405Z',
    'X-Amz-Expires': '900',
    'X-Amz-Signature': '15f7cb6be67ad7ab0a33175cb42bfa6dfb86714f24cea05e1c4b97c56f8ff414',
    'X-Amz-SignedHeaders': 'host',
  });
});

test('carries the token of temporary credentials under the signature, and lives no longer than they do', async () => {
  const credentials = async () => ({
    accessKeyId: 'ASIAEXAMPLE',
    secretAccessKey: SECRET,
    sessionToken: 'FwoGZXIvYXdzE+/abc==',
    expiration: new Date(AT.getTime() + 60_000),
  });
  const { searchParams } = await addressOf(credentials);
  expect([searchParams.get('X-Amz-Security-Token'), searchParams.get('X-Amz-Signature')]).toEqual([
    'FwoGZXIvYXdzE+/abc==',
    'fd3b818df953d5f2346a7d3c928bc049338b0975525914b629920d000e4380d1',
  ]);
  expect((await mskToken('eu-north-1', credentials, () => AT)).lifetimeMs).toBe(60_000);
});

test('is made of what Amazon’s own package finds', async () => {
  const before = { ...process.env };
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'AKIDFROMENV', AWS_SECRET_ACCESS_KEY: SECRET });
  try {
    const address = await addressOf(await awsCredentials('eu-north-1'));
    expect(address.searchParams.get('X-Amz-Credential')).toMatch(/^AKIDFROMENV\//);
  } finally {
    process.env = before;
  }
});

test('says that there are no credentials, and what for', async () => {
  const none = async (): Promise<never> => {
    throw new Error('Could not load credentials\nfrom any providers');
  };
  await expect(mskToken('eu-north-1', none, () => AT)).rejects.toMatchObject({
    code: 'kafka.token',
    message: 'looking for AWS credentials: Could not load credentials from any providers',
  });
});
