/** What a process does that is killed inside a transaction: it claims partition 0, commits a record and a checkpoint, and sends another of each. */
import type { Publisher } from '../../src/ports/publisher.ts';
import { blockOf } from '../support/record-blocks.ts';

export async function leaveDangling(publisher: Publisher, data: string, checkpoints: string): Promise<void> {
  const request = { transactionalId: `${checkpoints}.0`, topic: checkpoints, partition: 0, claimValue: 'nonce 1' };
  const { producer } = await publisher.claim(request, new AbortController().signal);
  for (const value of ['committed', 'dangling']) {
    await producer.begin();
    await producer.send(data, [blockOf(0, [{ key: 'k', value }])]);
    await producer.sendControl([{ topic: checkpoints, partition: 0, key: 'feed', value }]);
    if (value === 'committed') await producer.commit(20_000);
  }
}
