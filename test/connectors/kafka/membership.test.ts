import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { platform } from 'node:os';
import { joinGroupV7 } from '@platformatic/kafka';
import { afterEach, expect, test } from 'vitest';
import { Connections } from '../../../connectors/kafka/connections.ts';
import { writeSubscription } from '../../../connectors/kafka/membership-messages.ts';
import { newInstanceId } from '../../../connectors/kafka/membership-process.ts';
import { GroupWire } from '../../../connectors/kafka/membership-wire.ts';
import { must } from '../../../src/lib/assert.ts';
import { poll } from '../../kafka/probe.ts';
import { describeKafka, uniqueName } from '../../kafka/use-kafka.ts';
import { GroupToWatch } from './member-to-watch.ts';
import type { WatchedMember } from './member-to-watch.ts';

const signal = new AbortController().signal;
const TIMES = { sessionMs: 1_000, rebalanceMs: 8_000 };

await describeKafka('a member of the group', (brokers) => {
  const options = { brokers, tls: null, sasl: null, clientId: 'member', beatMs: 50 };
  const opened: { close(): void }[] = [];
  afterEach(() => {
    for (const one of opened.splice(0)) one.close();
  });

  let name = '';
  const newGroup = (partitions: number, sessionMs = 30_000): GroupToWatch => {
    name = `${uniqueName('member')}.relay`;
    return new GroupToWatch({ ...options, sessionMs }, name, partitions);
  };
  function wire(): GroupWire {
    const opening = new GroupWire(options, name);
    opened.push(opening);
    return opening;
  }
  const metadata = writeSubscription({
    topic: 'watched.checkpoints',
    owned: [],
    generation: -1,
    busy: [],
    isLeaving: false,
    owner: 'raw',
    since: 0,
    config: 'one',
  });

  test('has everything while it is alone, and shares with those that come and go: never two have one partition', async () => {
    await using group = newGroup(10);
    const busy = new Set([0, 1, 2, 3]);
    const first = group.join({ busy });
    await group.untilShared(10);
    const second = group.join({ busy });
    await group.untilShared(5, 5);
    expect(busyOf(first, busy)).toBe(2);
    const third = group.join({ busy });
    await group.untilShared(4, 3, 3);
    expect([first, second, third].map((one) => busyOf(one, busy)).toSorted((a, b) => a - b)).toEqual([1, 1, 2]);
    await second.member.leave();
    await group.untilShared(5, 5);
    await first.member.leave();
    await group.untilShared(10);
    expect(third.own.size).toBe(10);
    expect(group.twice).toEqual([]);
    expect([first, second, third].flatMap(({ told }) => told).filter((line) => line.startsWith('lost'))).toEqual([]);
  });

  test('gets a partition when its owner has given it up, and not before', async () => {
    await using group = newGroup(1);
    const gate = Promise.withResolvers<void>();
    const owner = group.join({ untilRevoked: () => gate.promise });
    await group.untilShared(1);
    const next = group.join();
    await next.member.joined;
    const left = owner.member.leave();
    const rounds = next.rounds();
    await poll('a round in which the owner says that it leaves', 240_000, async () => next.rounds() > rounds);
    expect(next.told).toEqual([]);
    gate.resolve();
    await left;
    await poll('the partition', 240_000, async () => next.own.size === 1);
    expect({ twice: group.twice, told: owner.told }).toEqual({ twice: [], told: ['assigned 0', 'revoked 0'] });
  });

  test('stands by while there are fewer partitions than members, and says so', async () => {
    await using group = newGroup(1);
    group.join();
    await group.untilShared(1);
    const spare = group.join();
    await spare.member.joined;
    await poll('the line of the log', 240_000, async () => spare.lines.includes('info no partition for this replica: it stands by'));
    expect(spare.member.isConfirmed).toBe(true);
  });

  test('loses everything when the group has gone on without it, and comes back as a new one', async () => {
    await using group = newGroup(2);
    const member = group.join();
    await group.untilShared(2);
    const [known] = await wire().members(signal);
    await wire().leave([must(known, 'the member')], 'a test', signal);
    await poll('its return', 240_000, async () => member.told.length === 6);
    expect(member.told).toEqual(['assigned 0', 'assigned 1', 'lost 0', 'lost 1', 'assigned 0', 'assigned 1']);
  });

  test('takes another name when somebody else comes with its own', async () => {
    await using group = newGroup(1, 1_000);
    const member = group.join();
    await group.untilShared(1);
    const { instanceId } = must((await wire().members(signal))[0], 'the member');
    await wire()
      .join({ memberId: '', instanceId }, TIMES, metadata, signal)
      .catch(() => {});
    await poll('its return', 240_000, async () => member.told.length === 3);
    expect(member.told).toEqual(['assigned 0', 'lost 0', 'assigned 0']);
    expect((await wire().members(signal)).map((one) => one.instanceId)).not.toContain(instanceId);
  });

  test('waits for the session of a member of another machine that was killed', async () => {
    await using group = newGroup(1);
    const killed = wire();
    const joined = await killed.join({ memberId: '', instanceId: 'elsewhere_b_1_2_3_ab' }, TIMES, metadata, signal);
    killed.close();
    const member = group.join();
    await group.untilShared(1);
    expect(joined.members?.length).toBe(1);
    expect(member.lines.some((line) => line.includes('process is gone'))).toBe(false);
  });

  test.skipIf(platform() !== 'linux')('does not wait for one of its own machine', async () => {
    await using group = newGroup(1);
    const child = spawn(process.execPath, ['-e', '']);
    await once(child, 'exit');
    const killed = wire();
    const instanceId = newInstanceId().replace(`_${process.pid}_`, `_${String(child.pid)}_`);
    // Longer than the test may take: who waits for this session fails.
    await killed.join({ memberId: '', instanceId }, { ...TIMES, sessionMs: 300_000 }, metadata, signal);
    killed.close();
    const member = group.join();
    await group.untilShared(1);
    expect(member.lines).toContain('info members whose process is gone are taken out of the group');
  });

  test('tells once of another one that has other feeds in its config', async () => {
    await using group = newGroup(2);
    const member = group.join();
    await group.untilShared(2);
    group.join({ owner: 'same' });
    await group.untilShared(1, 1);
    const other = group.join({ owner: 'other', config: 'two' });
    await other.member.joined;
    await other.member.leave();
    await group.join({ owner: 'other', config: 'two' }).member.joined;
    expect(member.lines.filter((line) => line.includes('other feeds'))).toEqual([
      'warn another replica has other feeds in its config: unless the config is just being changed, two deployments use one `relay.name` (other)',
    ]);
  });

  test('refuses a group that another application uses', async () => {
    await using group = newGroup(1);
    const connections = new Connections(options);
    opened.push(connections);
    const other = await connections.to(must(connections.seeds[0], 'a broker'), signal);
    const protocols = [{ name: 'range', metadata: Buffer.alloc(0) }];
    await joinGroupV7.api.async(other, name, 1_000, 8_000, '', 'other-1', 'consumer', protocols, null);
    const member = group.join();
    await expect(member.member.joined).rejects.toMatchObject({
      code: 'group.foreign',
      message: `working in the group ${name}: the broker answered INCONSISTENT_GROUP_PROTOCOL (23)`,
    });
    expect(member.told).toEqual([]);
  });

  test('asks for a longer session where the broker takes none as short', async () => {
    await using group = newGroup(1, 500);
    const member = group.join();
    await group.untilShared(1);
    expect(member.told).toEqual(['assigned 0']);
  });

  test('that is ended without ado leaves the group, and calls nothing any more', async () => {
    await using group = newGroup(1);
    const member = group.join();
    await group.untilShared(1);
    member.scope.abort(new Error('over'));
    await member.member.leave();
    expect(await wire().members(signal)).toEqual([]);
    expect(member.told).toEqual(['assigned 0']);
  });
});

function busyOf({ own }: WatchedMember, busy: ReadonlySet<number>): number {
  return [...own].filter((one) => busy.has(one)).length;
}
