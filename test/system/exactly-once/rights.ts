/**
 * Exactly once, 8: on a cluster with ACLs the relay does all its work with the rights that README lists, none of them on the cluster; and where one of them lacks, it
 * says which.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import type { AclEntry, Admin } from 'kafkajs';
import { must } from '../../../src/lib/assert.ts';
import { quietKafka } from '../../demo/consumer.ts';
import type { Broker } from '../../kafka/cluster.ts';
import type { Arena, PointReport } from './arena.ts';
import { Trial, untilItSays } from './trial.ts';

const { AclResourceTypes, AclOperationTypes, AclPermissionTypes, ResourcePatternTypes } = kafkajs;

/** Of the cluster that the point is played on. */
export const RIGHTS_USERS = { admin: 'correct horse', relay: 'battery staple' } as const;

interface Names {
  readonly relay: string;
  readonly recipient: string;
}

interface Right {
  readonly on: 'topic' | 'transactional id' | 'group';
  /** Of all whose names begin so. */
  readonly prefix: (names: Names) => string;
  readonly operation: keyof typeof AclOperationTypes;
  /** What the relay says without it. */
  readonly sentence: (names: Names) => string;
}

const OF_RELAY = ({ relay }: Names): string => `${relay}.`;
const OF_RECIPIENT = ({ recipient }: Names): string => `${recipient}.`;

/** The list of README; Read and Write bring Describe with them. */
const RIGHTS: readonly Right[] = [
  {
    on: 'topic',
    prefix: OF_RELAY,
    operation: 'CREATE',
    sentence: ({ relay }) => `creating ${relay}.checkpoints: the right Create on topic ${relay}.checkpoints is lacking`,
  },
  { on: 'topic', prefix: OF_RELAY, operation: 'READ', sentence: ({ relay }) => `the right Read on topic ${relay}.checkpoints is lacking` },
  {
    on: 'topic',
    prefix: OF_RELAY,
    operation: 'WRITE',
    sentence: ({ relay }) => `the right Write on topic ${relay}.checkpoints is lacking`,
  },
  {
    on: 'topic',
    prefix: OF_RELAY,
    operation: 'DESCRIBE_CONFIGS',
    sentence: ({ relay }) => `the right DescribeConfigs on topic ${relay}.checkpoints is lacking`,
  },
  { on: 'topic', prefix: OF_RECIPIENT, operation: 'CREATE', sentence: ({ recipient }) => `the right Create on topic ${recipient}.` },
  {
    on: 'topic',
    prefix: OF_RECIPIENT,
    operation: 'READ',
    sentence: ({ recipient }) => `on topic ${recipient}.schemas the right Read is lacking`,
  },
  { on: 'topic', prefix: OF_RECIPIENT, operation: 'WRITE', sentence: ({ recipient }) => `the right Write on topic ${recipient}.` },
  {
    on: 'topic',
    prefix: OF_RECIPIENT,
    operation: 'DESCRIBE_CONFIGS',
    sentence: ({ recipient }) => `the right DescribeConfigs on topic ${recipient}.local.default.orders is lacking`,
  },
  {
    on: 'transactional id',
    prefix: OF_RELAY,
    operation: 'WRITE',
    sentence: ({ relay }) => `the rights Write and Describe on transactional id ${relay}.`,
  },
  { on: 'group', prefix: OF_RELAY, operation: 'READ', sentence: ({ relay }) => `the right Read on group ${relay}.relay is lacking` },
];

/** `broker` has `RIGHTS_USERS`. `few` = only the first so many rights of the list are taken away. */
export async function worksByRights(arena: Omit<Arena, 'brokers'>, broker: Broker, few = RIGHTS.length): Promise<PointReport> {
  const folder = await mkdtemp(join(tmpdir(), 'cdf-relay-rights-'));
  const admin = quietKafka(broker.brokers, 'grants').admin();
  await admin.connect();
  try {
    const { brokers, ca } = must(broker.secured, 'the listener that asks for users');
    const authority = join(folder, 'ca.pem');
    await writeFile(authority, ca);
    const kafka = [
      `brokers: ${JSON.stringify(brokers)}`,
      `tls: {ca: "\${file:${authority}}"}`,
      `sasl: {mechanism: plain, username: relay, password: ${RIGHTS_USERS.relay}}`,
    ];
    await using trial = await Trial.open(
      { ...arena, brokers: broker.brokers },
      { tables: [{ name: 'orders', key: ['id'] }], kafka, limits: { retryTimeout: '5m' } },
    );
    const { name: relay, recipient } = trial.stage;
    const problems: string[] = [];
    const names = { relay, recipient };
    const [create, ...others] = RIGHTS;
    for (const right of others) await admin.createAcls({ acl: [entryOf(right, names)] });
    await trial.grow(2);
    for (const right of [must(create, 'a right'), ...others].slice(0, few)) {
      if (right !== create) await take(admin, right, names);
      await trial.grow(1);
      const lacking = trial.start();
      await untilItSays(lacking, right.sentence(names)).catch((error: unknown) => problems.push(String(error)));
      await lacking.kill();
      await admin.createAcls({ acl: [entryOf(right, names)] });
      arena.say(`8: without ${right.operation} on ${right.on} ${right.prefix(names)} it said so`);
    }
    problems.push(...(await trial.finish()));
    return { kills: 0, problems, ...(await trial.verdict()) };
  } finally {
    await admin.disconnect();
    await rm(folder, { recursive: true, force: true });
  }
}

async function take(admin: Admin, right: Right, names: Names): Promise<void> {
  const { filterResponses } = await admin.deleteAcls({ filters: [entryOf(right, names)] });
  const taken = filterResponses.reduce((sum, { matchingAcls }) => sum + matchingAcls.length, 0);
  if (taken !== 1) throw new Error(`${taken} rights were taken away instead of one`);
}

function entryOf({ on, prefix, operation }: Right, names: Names): AclEntry {
  const types = { topic: AclResourceTypes.TOPIC, 'transactional id': AclResourceTypes.TRANSACTIONAL_ID, group: AclResourceTypes.GROUP };
  return {
    resourceType: types[on],
    resourceName: prefix(names),
    resourcePatternType: ResourcePatternTypes.PREFIXED,
    principal: 'User:relay',
    host: '*',
    operation: AclOperationTypes[operation],
    permissionType: AclPermissionTypes.ALLOW,
  };
}
