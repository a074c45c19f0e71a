import { expect, test } from 'vitest';
import { describeKafka } from '../kafka/use-kafka.ts';
import { shareTables } from '../support/shared-tables.ts';
import { Step, failingPublisher } from './failing.ts';
import { InProcess } from './in-process.ts';

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
});
