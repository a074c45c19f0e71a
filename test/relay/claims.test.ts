import { expect, test } from 'vitest';
import { orAbort } from '../../src/lib/abort.ts';
import type { Membership } from '../../src/ports/membership.ts';
import { checkpointTopic } from '../../src/relay/checkpoint-topic.ts';
import { claimText } from '../../src/relay/claim-record.ts';
import { poll } from '../kafka/probe.ts';
import { describeKafka, uniqueName } from '../kafka/use-kafka.ts';
import { shareTables } from '../support/shared-tables.ts';
import { Step, failingPublisher } from './failing.ts';
import { InProcess, listener } from './in-process.ts';
import { Playground } from './playground.ts';
import { rowsFrom } from './small-table.ts';

await describeKafka('failures inside a transaction, and files read once', (brokers) => {
  test('what a person must mend parks the feed, though it cost the claim; the other feed goes on', async () => {
    await using stage = new InProcess(brokers);
    await using shared = await shareTables();
    const relay = stage.another();
    const step = new Step(1, 'before', 'topic.lost', 'send');
    const outcomes = await relay.outcomes({
      source: shared.source,
      publisher: failingPublisher(stage.publisher, step),
      feeds: [{ table: 'basics' }, { table: 'merges' }],
    });
    expect(Object.values(outcomes).toSorted()).toEqual(['done', expect.stringContaining('topic.lost')]);
    const states = [(await relay.checkpoint('basics')).state, (await relay.checkpoint('merges')).state];
    expect(states.toSorted()).toEqual(['parked', 'running']);
  });

  test.for([
    ['kafka.unreachable', 'describe'],
    ['kafka.unreachable', 'create'],
    ['kafka.unreachable', 'config'],
    // Another replica has made the topic, and this broker has not heard of it yet.
    ['topic.missing', 'config'],
  ] as const)('what passes as the relay starts, %s at `%s`, is asked again', async ([code, call]) => {
    await using stage = new InProcess(brokers);
    await using shared = await shareTables();
    const step = new Step(1, 'before', code, call);
    const publisher = failingPublisher(stage.publisher, step);
    const outcomes = await stage.another().outcomes({ source: shared.source, publisher, feeds: [{ table: 'basics' }] });
    expect([step.failed, outcomes]).toEqual([call, { basics: 'done' }]);
  });

  test('a run that is to end does not wait for ever for a group of which nothing is heard', async () => {
    await using stage = new InProcess(brokers);
    await using shared = await shareTables();
    const mute: Membership = {
      join: (_, __, signal) => {
        const ended = orAbort(new Promise<never>(() => {}), signal);
        ended.catch(() => {});
        return { joined: ended, isConfirmed: false, announce: () => {}, leave: () => ended.catch(() => {}) };
      },
    };
    const relay = stage.another();
    const run = relay.outcomes({ source: shared.source, membership: mute, retryTimeoutMs: 50, feeds: [{ table: 'basics' }] });
    await expect(run).rejects.toThrow(`nothing was heard of the group ${relay.name}.relay for 0.05 s`);
  });

  test('a small change file is fetched once for both of its passes', async () => {
    await using stage = new InProcess(brokers);
    await using shared = await shareTables();
    const outcomes = await stage
      .another()
      .outcomes({ source: shared.source, feeds: [{ table: 'basics' }, { table: 'partition_strings' }] });
    expect(outcomes).toEqual({ basics: 'done', partition_strings: 'done' });
    const files = shared.provider.requests.filter(({ route }) => route === 'file').map(({ path }) => path);
    expect(files.length).toBe(new Set(files).size);
  });

  test('who took a claim away is named; under another config it is another deployment, of which is told once', async () => {
    await using play = await Playground.open(brokers);
    const { table, name } = play.table();
    await table.commit({ adds: [rowsFrom(0, 1)] });
    const relay = play.stage.another();
    const heard = listener();
    const stopping = new AbortController();
    const rob = async (config: string, at: number): Promise<void> => {
      const claimValue = claimText({ nonce: uniqueName('nonce'), owner: 'elsewhere/1', http: null, config, at });
      const request = { transactionalId: `${relay.name}.0`, topic: checkpointTopic(relay.name), partition: 0, claimValue };
      const { producer } = await relay.publisher.claim(request, AbortSignal.timeout(240_000));
      await producer.close();
    };
    /** The loss shows when there is something to publish. */
    const publish = async (version: number): Promise<void> => {
      if (version > 0) await table.commit({ adds: [rowsFrom(version, 1)] });
      await poll(`version ${version}`, 240_000, async () => heard.published.length === version + 1);
    };
    const run = { source: play.shared.source, feeds: [{ table: name }], forEver: true, stopping: stopping.signal };
    const ended = relay.run({ ...run, telemetry: heard.telemetry });
    await publish(0);
    await rob('test', 1_000);
    await publish(1);
    await rob('another', 2_000);
    await publish(2);
    await rob('another', 3_000);
    await publish(3);
    stopping.abort(new Error('the test is over'));
    await ended;
    expect(heard.claims).toEqual(['claimed', 'fenced', 'claimed', 'fenced', 'claimed', 'fenced', 'claimed']);
    const lost = heard.lines.filter((line) => line.includes('claim lost'));
    expect(lost.map((line) => /"owner":"([^"]+)","since":"([^"]+)"/.exec(line)?.slice(1))).toEqual([
      ['elsewhere/1', '1970-01-01T00:00:01.000Z'],
      ['elsewhere/1', '1970-01-01T00:00:02.000Z'],
      ['elsewhere/1', '1970-01-01T00:00:03.000Z'],
    ]);
    const message = 'error another deployment with other feeds in its config uses the same `relay.name`';
    expect(heard.lines.filter((line) => line.includes('another deployment'))).toEqual([
      `${message} {"partition":0,"owner":"elsewhere/1","since":"1970-01-01T00:00:02.000Z"}`,
    ]);
  });
});
