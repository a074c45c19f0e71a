/**
 * A process that is killed inside a transaction: `publisher-child.ts <driver> <brokers> <data topic> <checkpoint topic>`. It claims partition 0, commits a record and a
 * checkpoint, sends another of each, says `sent` and waits for its end.
 */
import { setInterval } from 'node:timers';
import { CONNECTORS } from '../../connectors/index.ts';
import { quiet } from '../support/quiet-telemetry.ts';
import { blockOf } from '../support/record-blocks.ts';

const [driver = '', brokers = '', data = '', checkpoints = ''] = process.argv.slice(2);
const known = Object.entries(CONNECTORS.kafka).find(([name]) => name === driver);
if (known === undefined) throw new Error(`no driver ${driver}`);
const [, { open, defaults }] = known;
const publisher = open({ ...defaults, brokers: brokers.split(','), clientId: 'killed', telemetry: quiet });
const request = { transactionalId: `${checkpoints}.0`, topic: checkpoints, partition: 0, claimValue: 'nonce 1' };
const { producer } = await publisher.claim(request, new AbortController().signal);
for (const value of ['committed', 'dangling']) {
  await producer.begin();
  await producer.send(data, [blockOf(0, [{ key: 'k', value }])]);
  await producer.sendControl([{ topic: checkpoints, partition: 0, key: 'feed', value }]);
  if (value === 'committed') await producer.commit(20_000);
}
process.stdout.write('sent\n');
setInterval(() => {}, 60_000);
