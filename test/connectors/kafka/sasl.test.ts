/**
 * Who we are to the brokers, by each mechanism that a broker can be had for: tokens and certificates, for a short life and with secrets that change meanwhile. Both drivers,
 * what reads, and what joins groups are told by the same options. Amazon's brokers cannot be had here: of `aws-msk-iam` the token's form is tested (msk-token.test.ts), which
 * goes to the brokers as any other.
 */
import { randomBytes, pbkdf2Sync } from 'node:crypto';
import { alterUserScramCredentialsV0 } from '@platformatic/kafka';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { CONNECTORS } from '../../../connectors/index.ts';
import { KAFKA_DEFAULTS } from '../../../connectors/kafka/options.ts';
import type { KafkaOptions } from '../../../connectors/kafka/options.ts';
import { openSasl } from '../../../connectors/kafka/sasl.ts';
import type { Sasl } from '../../../connectors/kafka/sasl.ts';
import { Wire } from '../../../connectors/kafka/wire.ts';
import { must } from '../../../src/lib/assert.ts';
import type { Certificates } from '../../../src/model/certificates.ts';
import { Secret } from '../../../src/model/secret.ts';
import type { Publisher } from '../../../src/ports/publisher.ts';
import { describeOwnKafka, uniqueName } from '../../kafka/use-kafka.ts';
import { quiet } from '../../support/quiet-telemetry.ts';
import { blockOf } from '../../support/record-blocks.ts';
import { TokenIssuer } from '../../support/token-issuer.ts';
import { GroupToWatch } from './member-to-watch.ts';

const { signal } = new AbortController();
const DRIVERS = ['kafkajs', 'direct'] as const;
const USERS = { admin: 'correct horse', rotating: 'the first', known: 'nobody' };
const SESSION_MS = 3_000;
/** Brokers let a connection live so long. */
const SHORT = Object.fromEntries(
  ['oauthbearer', 'scram-sha-512'].map((mechanism) => [`listener.name.secured.${mechanism}.connections.max.reauth.ms`, String(SESSION_MS)]),
);

const issuer = await TokenIssuer.make();
afterAll(() => issuer[Symbol.asyncDispose]());
beforeEach(() => {
  issuer.requests.length = 0;
  issuer.answer = null;
  issuer.lifetimeSeconds = 300;
  issuer.subject = 'admin';
  issuer.audience = 'kafka';
});

await describeOwnKafka('a cluster that asks who we are', { users: USERS, jwks: issuer.jwks, properties: SHORT }, (broker) => {
  const { brokers, mutual, ca, issued } = must(broker.secured, 'the secured listeners');
  const trusting = (): Certificates => ({ ca, cert: null, key: null });
  const opened: Publisher[] = [];
  afterAll(async () => {
    for (const one of opened) await one[Symbol.asyncDispose]();
  });

  function open(driver: (typeof DRIVERS)[number], settings: Partial<KafkaOptions>): Publisher {
    const options = { ...KAFKA_DEFAULTS, brokers, tls: trusting, clientId: 'who', telemetry: quiet, reachTimeoutMs: 500, ...settings };
    const publisher = CONNECTORS.kafka[driver].open(options);
    opened.push(publisher);
    return publisher;
  }

  function oauth(more: { readonly clientSecret?: Secret; readonly extensions?: Readonly<Record<string, string>> } = {}): Sasl {
    const clientSecret = new Secret('s+cret/');
    const extensions = { logicalCluster: 'lkc-1' };
    return openSasl({
      mechanism: 'oauthbearer',
      tokenEndpoint: issuer.url,
      clientId: 'relay',
      clientSecret,
      scope: 'produce',
      extensions,
      tls: null,
      ...more,
    });
  }

  /** A topic that a claim wrote to, its producer, and what is read of it. */
  async function working(
    publisher: Publisher,
  ): Promise<{ readonly send: () => Promise<void>; readonly close: () => Promise<void>; readonly read: () => Promise<number> }> {
    const topic = uniqueName('who');
    await publisher.admin.create([{ topic, partitions: 1, replicationFactor: -1, config: {} }], signal);
    const claim = { transactionalId: `${topic}.0`, topic, partition: 0, claimValue: 'nonce' };
    const { producer } = await publisher.claim(claim, signal);
    return {
      send: async () => {
        await producer.begin();
        await producer.send(topic, [blockOf(0, [{ key: 'k', value: 'v' }])]);
        await producer.commit(20_000);
      },
      close: () => producer.close(),
      read: async () => {
        let records = 0;
        for await (const record of publisher.read({ topic, partitions: null, untilEnd: true }, signal))
          records += Number(record.offset >= 0);
        return records;
      },
    };
  }

  describe.each(DRIVERS)('with the driver %s', (driver) => {
    test('tokens are taken, of which one does for all connections', async () => {
      const publisher = open(driver, { sasl: oauth() });
      const work = await working(publisher);
      await work.send();
      await work.close();
      expect(await work.read()).toBe(2);
      expect(issuer.requests).toEqual([
        { authorization: `Basic ${Buffer.from('relay:s+cret/').toString('base64')}`, body: 'grant_type=client_credentials&scope=produce' },
      ]);
    });

    test('a token that the brokers refuse is told, and no longer used', async () => {
      issuer.audience = 'others';
      const publisher = open(driver, { sasl: oauth() });
      const sentence = 'the brokers refuse the token of `kafka.sasl`: {"status":"invalid_token"}';
      await expect(publisher.admin.reach(signal)).rejects.toMatchObject({
        code: 'kafka.unauthorized',
        message: `connecting to ${brokers.join(', ')}: ${sentence}`,
      });
      const request = { transactionalId: 'any.0', topic: 'any', partition: 0, claimValue: 'nonce' };
      await expect(publisher.claim(request, signal)).rejects.toMatchObject({
        code: 'kafka.unauthorized',
        message: `claiming as any.0: ${sentence}`,
      });
      issuer.audience = 'kafka';
      expect(await publisher.admin.reach(signal)).toEqual({ brokers: 1 });
    });

    test('a client that the endpoint refuses is told, without its secret', async () => {
      issuer.answer = { status: 401, body: '{"error": "invalid_client", "error_description": "no relay:s+cret/ here"}' };
      const publisher = open(driver, { sasl: oauth() });
      const sentence = `asking ${new URL(issuer.url).origin} for a token: it answers 401 invalid_client no relay:[redacted] here`;
      const told = { code: 'kafka.unauthorized', message: expect.stringContaining(sentence) };
      await expect(publisher.admin.reach(signal)).rejects.toMatchObject(told);
      const request = { transactionalId: 'any.0', topic: 'any', partition: 0, claimValue: 'nonce' };
      await expect(publisher.claim(request, signal)).rejects.toMatchObject(told);
    });

    test('an endpoint that fails is waited for', async () => {
      issuer.answer = { status: 503, body: 'not now' };
      const publisher = open(driver, { sasl: oauth(), reachTimeoutMs: 60_000 });
      const reaching = publisher.admin.reach(signal);
      await expect.poll(() => issuer.requests.length).toBeGreaterThan(0);
      issuer.answer = null;
      expect(await reaching).toEqual({ brokers: 1 });
    });

    test('a certificate says who we are, and the brokers refuse whoever has none', async () => {
      const { cert, key } = must(issued['admin'], 'the certificate');
      const publisher = open(driver, { brokers: mutual, tls: () => ({ ca, cert, key: new Secret(key) }) });
      const work = await working(publisher);
      await work.send();
      await work.close();
      expect(await work.read()).toBe(2);
      await expect(open(driver, { brokers: mutual }).admin.reach(signal)).rejects.toMatchObject({
        code: 'kafka.certificate',
        message: expect.stringMatching(/^connecting to 127\.0\.0\.1:\d+: it asks for a certificate of ours, and does not take what it got/),
      });
    });

    test('a certificate that has changed is shown by the next connection', async () => {
      let name = 'known';
      const tls = (): Certificates => {
        const { cert, key } = must(issued[name], 'the certificate');
        return { ca, cert, key: new Secret(key) };
      };
      const publisher = open(driver, { brokers: mutual, tls });
      const topic = uniqueName('shown');
      await expect(publisher.admin.create([{ topic, partitions: 1, replicationFactor: -1, config: {} }], signal)).rejects.toMatchObject({
        code: 'kafka.unauthorized',
      });
      name = 'admin';
      const work = await working(open(driver, { brokers: mutual, tls }));
      await work.send();
      await work.close();
    });

    test('a password that has changed on both sides is taken up', async () => {
      const username = 'rotating';
      let password = USERS.rotating;
      const sasl: Sasl = { mechanism: 'scram-sha-512', username, password: new Secret(() => password) };
      const publisher = open(driver, { sasl });
      expect(await publisher.admin.reach(signal)).toEqual({ brokers: 1 });
      const next = uniqueName('the next');
      await changePassword(broker.brokers, username, next);
      await expect(open(driver, { sasl }).admin.reach(signal)).rejects.toMatchObject({ code: 'kafka.unauthorized' });
      password = next;
      expect(await open(driver, { sasl }).admin.reach(signal)).toEqual({ brokers: 1 });
      USERS.rotating = next;
    });
  });

  test.each(['oauthbearer', 'scram-sha-512'] as const)(
    'producers and members of groups outlive the sessions of their connections (%s)',
    async (mechanism) => {
      issuer.lifetimeSeconds = 6;
      const sasl: Sasl = mechanism === 'oauthbearer' ? oauth() : { mechanism, username: 'admin', password: new Secret(USERS.admin) };
      const options = { brokers, tls: trusting, sasl, clientId: 'member', sessionMs: 6_000, beatMs: 50 };
      await using group = new GroupToWatch(options, uniqueName('sessions.relay'), 2);
      const { member, told } = group.join();
      await member.joined;
      const until = performance.now() + 1.5 * SESSION_MS;
      const sending = DRIVERS.map(async (driver) => {
        const work = await working(open(driver, { sasl }));
        let sent = 0;
        for (; performance.now() < until; sent++) await work.send();
        await work.close();
        return (await work.read()) - sent;
      });
      expect(await Promise.all(sending)).toEqual([1, 1]);
      expect({ told, isConfirmed: member.isConfirmed }).toEqual({ told: ['assigned 0', 'assigned 1'], isConfirmed: true });
      await member.leave();
      if (mechanism === 'oauthbearer') expect(issuer.requests.length).toBeGreaterThan(1);
    },
  );
});

const SCRAM_SHA_512 = 2;
const ITERATIONS = 4_096;

async function changePassword(brokers: readonly string[], name: string, password: string): Promise<void> {
  const wire = new Wire({ brokers, tls: null, sasl: null, clientId: 'operator' });
  const salt = randomBytes(16);
  const saltedPassword = pbkdf2Sync(password, salt, ITERATIONS, 64, 'sha512');
  const changed = { name, mechanism: SCRAM_SHA_512, iterations: ITERATIONS, salt, saltedPassword };
  await wire.ask(null, (connection) => alterUserScramCredentialsV0.api.async(connection, [], [changed]), signal);
  await wire.close();
}
