import kafkajs from 'kafkajs';
import type { AclEntry } from 'kafkajs';
import { afterAll, describe, expect, test } from 'vitest';
import { CONNECTORS } from '../../../connectors/index.ts';
import { KAFKA_DEFAULTS } from '../../../connectors/kafka/options.ts';
import type { KafkaOptions } from '../../../connectors/kafka/options.ts';
import type { Sasl } from '../../../connectors/kafka/sasl.ts';
import { must } from '../../../src/lib/assert.ts';
import type { Certificates } from '../../../src/model/certificates.ts';
import { Secret } from '../../../src/model/secret.ts';
import type { Publisher } from '../../../src/ports/publisher.ts';
import { describeOwnKafka } from '../../kafka/use-kafka.ts';
import { quiet } from '../../support/quiet-telemetry.ts';
import { blockOf } from '../../support/record-blocks.ts';
import { GroupToWatch } from './member-to-watch.ts';

const { signal } = new AbortController();
const USERS = { admin: 'correct horse', alice: 'battery staple', bob: 'paper clip' };
const MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;
const DRIVERS = ['kafkajs', 'direct'] as const;

/** For members of groups: few of them, and an empty group waits for more as long as Kafka has it by default. */
const GROUPS = { 'group.max.size': '2', 'group.initial.rebalance.delay.ms': '3000' };

await describeOwnKafka('a cluster with TLS, SASL and ACLs', { users: USERS, properties: GROUPS }, (broker) => {
  const { brokers, ca } = must(broker.secured, 'the secured listener');
  const opened: Publisher[] = [];
  afterAll(async () => {
    for (const one of opened) await one[Symbol.asyncDispose]();
  });

  function open(settings: Partial<KafkaOptions>, driver: (typeof DRIVERS)[number] = 'kafkajs'): Publisher {
    const tls = (): Certificates => ({ ca, cert: null, key: null });
    const publisher = CONNECTORS.kafka[driver].open({
      ...KAFKA_DEFAULTS,
      brokers,
      tls,
      clientId: 'secured',
      telemetry: quiet,
      reachTimeoutMs: 500,
      ...settings,
    });
    opened.push(publisher);
    return publisher;
  }

  const request = (topic: string): { transactionalId: string; topic: string; partition: number; claimValue: string } => ({
    transactionalId: `${topic}.0`,
    topic,
    partition: 0,
    claimValue: 'nonce',
  });
  const create = (publisher: Publisher, topic: string): Promise<void> =>
    publisher.admin.create([{ topic, partitions: 1, replicationFactor: -1, config: {} }], signal);

  describe.each(MECHANISMS)('with %s', (mechanism) => {
    const sasl = (username: string, password: string): Sasl => ({ mechanism, username, password: new Secret(password) });

    test.each(DRIVERS)('everything works with the driver %s', async (driver) => {
      const publisher = open({ sasl: sasl('admin', USERS.admin) }, driver);
      const topic = `works-${mechanism}-${driver}`;
      expect(await publisher.admin.reach(signal)).toEqual({ brokers: 1 });
      await create(publisher, topic);
      const { producer } = await publisher.claim(request(topic), signal);
      await producer.begin();
      await producer.send(topic, [blockOf(0, [{ key: 'k', value: 'v' }])]);
      await producer.commit(20_000);
      await producer.close();
      const offsets: number[] = [];
      for await (const { offset } of publisher.read({ topic, partitions: null, untilEnd: true }, signal)) offsets.push(offset);
      expect(offsets).toEqual([0, 2]);
    });

    test.each(DRIVERS)('a wrong password is told by the driver %s', async (driver) => {
      const publisher = open({ sasl: sasl('admin', 'wrong secret') }, driver);
      const sentence = 'the brokers refuse the user name or the password of `kafka.sasl`';
      await expect(publisher.admin.reach(signal)).rejects.toMatchObject({
        code: 'kafka.unauthorized',
        message: `connecting to ${brokers.join(', ')}: ${sentence}`,
      });
      const claiming = publisher.claim(request('any'), signal);
      await expect(claiming).rejects.toMatchObject({ code: 'kafka.unauthorized', message: `claiming as any.0: ${sentence}` });
    });
  });

  test('a listener that asks for credentials is unreachable without them', async () => {
    await expect(open({}).admin.reach(signal)).rejects.toMatchObject({
      code: 'kafka.unreachable',
      message: expect.stringContaining('connecting to'),
    });
  });

  test('brokers whose authority is unknown are not talked to', async () => {
    const publisher = open({
      tls: () => ({ ca: null, cert: null, key: null }),
      sasl: { mechanism: 'plain', username: 'admin', password: new Secret(USERS.admin) },
    });
    await expect(publisher.admin.reach(signal)).rejects.toMatchObject({
      code: 'kafka.certificate',
      message: `connecting to ${brokers.join(', ')}: its certificate is signed by an authority that is not trusted here (UNABLE_TO_VERIFY_LEAF_SIGNATURE)`,
    });
  });

  test('TLS is missed on a listener that wants it', async () => {
    const publisher = open({ tls: null, sasl: { mechanism: 'plain', username: 'admin', password: new Secret(USERS.admin) } });
    await expect(publisher.admin.reach(signal)).rejects.toMatchObject({ code: 'kafka.unreachable' });
  });

  test.each(DRIVERS)('the right that lacks is named, one after the other, by the driver %s', async (driver) => {
    const topic = `guarded-${driver}`;
    const fresh = `new-${driver}`;
    const anybody = new kafkajs.Kafka({ brokers: [...broker.brokers], logLevel: kafkajs.logLevel.NOTHING });
    const grants = anybody.admin();
    await grants.connect();
    await grants.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: false });
    const { AclResourceTypes, AclOperationTypes, AclPermissionTypes, ResourcePatternTypes } = kafkajs;
    const allow = async (resourceType: AclEntry['resourceType'], resourceName: string, operation: AclEntry['operation']): Promise<void> => {
      const entry: AclEntry = {
        resourceType,
        resourceName,
        resourcePatternType: ResourcePatternTypes.LITERAL,
        principal: 'User:alice',
        host: '*',
        operation,
        permissionType: AclPermissionTypes.ALLOW,
      };
      await grants.createAcls({ acl: [entry] });
      // The answer comes before the broker goes by it.
      while ((await grants.describeAcls(entry)).resources.length === 0) await grants.listTopics();
    };
    const publisher = open({ sasl: { mechanism: 'scram-sha-512', username: 'alice', password: new Secret(USERS.alice) } }, driver);
    const refusal = async (act: () => Promise<unknown>): Promise<string> => {
      const failure = await act().then(
        () => null,
        (error: unknown) => error,
      );
      expect(failure).toMatchObject({ code: 'kafka.unauthorized' });
      return failure instanceof Error ? failure.message : '';
    };
    const claim = async (): Promise<void> => {
      const { producer } = await publisher.claim(request(topic), signal);
      await producer.close();
    };

    expect(await refusal(() => publisher.admin.describe(topic, signal))).toBe(
      `looking for ${topic}: the right Describe on topic ${topic} is lacking`,
    );
    expect(await refusal(claim)).toBe(`claiming as ${topic}.0: the rights Write and Describe on transactional id ${topic}.0 are lacking`);
    await allow(AclResourceTypes.TRANSACTIONAL_ID, `${topic}.0`, AclOperationTypes.WRITE);
    await allow(AclResourceTypes.TOPIC, topic, AclOperationTypes.DESCRIBE);
    expect(await refusal(claim)).toBe(`sending a record to ${topic}-0 as ${topic}.0: the right Write on topic ${topic} is lacking`);
    await allow(AclResourceTypes.TOPIC, topic, AclOperationTypes.WRITE);
    expect(await refusal(claim)).toBe(`reading ${topic}: the right Read on topic ${topic} is lacking`);
    await allow(AclResourceTypes.TOPIC, topic, AclOperationTypes.READ);
    await claim();
    expect(await refusal(() => publisher.admin.config(topic, signal))).toBe(
      `reading the settings of ${topic}: the right DescribeConfigs on topic ${topic} is lacking`,
    );
    expect(await refusal(() => create(publisher, fresh))).toBe(`looking for ${fresh}: the right Describe on topic ${fresh} is lacking`);
    await allow(AclResourceTypes.TOPIC, fresh, AclOperationTypes.DESCRIBE);
    expect(await refusal(() => create(publisher, fresh))).toBe(`creating ${fresh}: the right Create on topic ${fresh} is lacking`);
    await grants.disconnect();
  });

  test('whoever watches learns what it may do, and what it may not see', async () => {
    const anybody = new kafkajs.Kafka({ brokers: [...broker.brokers], logLevel: kafkajs.logLevel.NOTHING });
    const grants = anybody.admin();
    await grants.connect();
    const topics = ['seen', 'sealed', 'known', 'unseen'];
    await grants.createTopics({ topics: topics.map((topic) => ({ topic, numPartitions: 1 })) });
    const { AclResourceTypes, AclOperationTypes, AclPermissionTypes, ResourcePatternTypes } = kafkajs;
    const allow = (resourceType: AclEntry['resourceType'], resourceName: string, operation: AclEntry['operation']): AclEntry => ({
      resourceType,
      resourceName,
      resourcePatternType: ResourcePatternTypes.LITERAL,
      principal: 'User:bob',
      host: '*',
      operation,
      permissionType: AclPermissionTypes.ALLOW,
    });
    const { TOPIC, GROUP, TRANSACTIONAL_ID } = AclResourceTypes;
    const { READ, WRITE, DESCRIBE, DESCRIBE_CONFIGS, CREATE } = AclOperationTypes;
    await grants.createAcls({
      acl: [
        ...[READ, WRITE, DESCRIBE_CONFIGS].map((operation) => allow(TOPIC, 'seen', operation)),
        allow(TOPIC, 'sealed', WRITE),
        allow(TOPIC, 'known', DESCRIBE),
        allow(GROUP, 'ours', READ),
        allow(TRANSACTIONAL_ID, 'ours.doctor', WRITE),
        allow(TRANSACTIONAL_ID, 'half.doctor', DESCRIBE),
        allow(TOPIC, 'to-be', DESCRIBE),
        allow(TOPIC, 'to-be', CREATE),
        allow(TOPIC, 'not-to-be', DESCRIBE),
      ],
    });
    await grants.disconnect();
    const { admin } = open({ sasl: { mechanism: 'plain', username: 'bob', password: new Secret(USERS.bob) } });
    const looks = await admin.look([...topics, 'missing'], signal);
    const told = topics.map((topic) => {
      const look = looks.get(topic);
      return [topic, look?.state?.partitions, look?.settings?.['cleanup.policy'], [...(look?.rights ?? [])].toSorted()];
    });
    expect(told).toEqual([
      ['seen', 1, 'delete', ['Describe', 'DescribeConfigs', 'Read', 'Write']],
      ['sealed', 1, undefined, ['Describe', 'Write']],
      ['known', 1, undefined, ['Describe']],
      ['unseen', undefined, undefined, []],
    ]);
    const tails = await admin.tails([...topics, 'missing'], signal);
    expect([...tails.keys()].toSorted()).toEqual(['known', 'sealed', 'seen']);
    // The first question for a group has the brokers make the topic of groups.
    const ours = async (): Promise<unknown> => admin.lookAtCluster(['transaction.max.timeout.ms'], 'ours', signal);
    await expect
      .poll(ours, { timeout: 30_000 })
      .toEqual({ brokers: [{ id: 1, settings: null }], groupRights: new Set(['Read', 'Describe']) });
    expect((await admin.lookAtCluster([], 'theirs', signal)).groupRights).toEqual(new Set());

    const mayTransact = async (id: string): Promise<boolean | null> => (await admin.lookAtTransactions(id, signal)).mayWrite;
    expect(await mayTransact('ours.doctor')).toBe(true);
    expect(await mayTransact('half.doctor')).toBe(false);
    expect(await mayTransact('theirs.doctor')).toBe(false);

    const spec = { partitions: 1, replicationFactor: -1, config: {} };
    await admin.rehearse({ ...spec, topic: 'to-be' }, signal);
    expect(await admin.describe('to-be', signal)).toBe(null);
    await expect(admin.rehearse({ ...spec, topic: 'to-be', config: { 'retention.ms': 'soon' } }, signal)).rejects.toMatchObject({
      code: 'kafka.rejected',
    });
    await expect(admin.rehearse({ ...spec, topic: 'to-be', replicationFactor: 3 }, signal)).rejects.toMatchObject({
      code: 'kafka.rejected',
    });
    await expect(admin.rehearse({ ...spec, topic: 'not-to-be' }, signal)).rejects.toMatchObject({
      code: 'kafka.unauthorized',
      message: 'creating not-to-be: the right Create on topic not-to-be is lacking',
    });
  });

  const unguarded = {
    brokers: broker.brokers,
    tls: null,
    sasl: null,
    clientId: 'member',
    sessionMs: 30_000,
    beatMs: 50,
    rebalanceMs: 8_000,
  };

  test('the right that a member of a group lacks is named', async () => {
    const sasl: Sasl = { mechanism: 'plain', username: 'alice', password: new Secret(USERS.alice) };
    await using group = new GroupToWatch({ ...unguarded, brokers, tls: () => ({ ca, cert: null, key: null }), sasl }, 'guarded.relay', 1);
    await expect(group.join().member.joined).rejects.toMatchObject({
      code: 'kafka.unauthorized',
      message: 'working in the group guarded.relay: the right Read on group guarded.relay is lacking',
    });
  });

  test('a member that finds itself alone in a group that waits for more works on everything meanwhile', async () => {
    await using group = new GroupToWatch(unguarded, 'patient.relay', 3);
    const member = group.join();
    await member.member.joined;
    expect(member.told).toEqual(['assigned 0', 'assigned 1', 'assigned 2']);
    expect(member.member.isConfirmed).toBe(true);
    await member.member.leave();
    expect(member.told.slice(3)).toEqual(['revoked 0', 'revoked 1', 'revoked 2']);
  });

  test('one that comes meanwhile gets its share when the group has waited, and not before it is given up', async () => {
    await using group = new GroupToWatch(unguarded, 'eager.relay', 4);
    const first = group.join();
    await first.member.joined;
    const second = group.join();
    await group.untilShared(2, 2);
    expect(first.told).toEqual(['assigned 0', 'assigned 1', 'assigned 2', 'assigned 3', 'revoked 2', 'revoked 3']);
    expect({ told: second.told, twice: group.twice }).toEqual({ told: ['assigned 2', 'assigned 3'], twice: [] });
  });

  test('a group that takes no more members says so', async () => {
    await using group = new GroupToWatch(unguarded, 'crowded.relay', 3);
    const refused = await Promise.any(
      [1, 2, 3].map(async () =>
        group.join().member.joined.then(
          () => Promise.reject(new Error('joined')),
          (error: unknown) => error,
        ),
      ),
    );
    expect(refused).toMatchObject({
      code: 'group.full',
      message: 'working in the group crowded.relay: the broker answered GROUP_MAX_SIZE_REACHED (81)',
    });
  });
});
