/**
 * `npm run test:epochs`: more transactions over one claim than a producer has epochs. Since KIP-890 each of them takes one, and there are 32,767 until the coordinator
 * gives the transactional id a new producer id. Each transaction has a record and a checkpoint; a producer that breaks is thrown away, and the checkpoint that is read back
 * says what comes next, as in the relay. At the end each record must stand there once, in order. `-- --driver direct --transactions 34000`.
 */
import { parseArgs } from 'node:util';
import { CONNECTORS } from '../../../connectors/index.ts';
import { Failure } from '../../../src/model/failure.ts';
import type { Publisher } from '../../../src/ports/publisher.ts';
import { startBroker } from '../../kafka/broker.ts';
import { quiet } from '../../support/quiet-telemetry.ts';
import { isDriver } from './arena.ts';

const COMMIT_MS = 20_000;
const CLAIMS_MAX = 10;
const TOLD_EVERY = 5_000;
const DATA = 'epochs';
const CHECKPOINTS = 'epochs.checkpoints';
const FEED = 'feed';

const { values } = parseArgs({
  options: { driver: { type: 'string', default: 'direct' }, transactions: { type: 'string', default: '34000' } },
});
const { driver } = values;
if (!isDriver(driver)) throw new Error(`there is no driver ${driver}`);
const wanted = Number(values.transactions);
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const { signal } = new AbortController();

const broker = await startBroker({ own: true });
try {
  say(`${broker.origin}, driver ${driver}, ${wanted} transactions`);
  const { open, defaults } = CONNECTORS.kafka[driver];
  await using publisher = open({ ...defaults, brokers: broker.brokers, clientId: 'epochs', telemetry: quiet });
  await publisher.admin.create(
    [
      { topic: DATA, partitions: 1, replicationFactor: -1, config: {} },
      { topic: CHECKPOINTS, partitions: 1, replicationFactor: -1, config: { 'cleanup.policy': 'compact' } },
    ],
    signal,
  );
  const startedAt = performance.now();
  const failures = await transact(publisher);
  say(`${((performance.now() - startedAt) / 1_000).toFixed(0)} s, ${failures.length + 1} claims`);
  for (const failure of failures) say(failure);
  const wrong = await misplaced(publisher);
  say(`${wrong} records out of their place`);
  process.exitCode = wrong === 0 ? 0 : 1;
} finally {
  await broker.stop();
}

/** What ended the producers that broke. */
async function transact(publisher: Publisher): Promise<readonly string[]> {
  const failures: string[] = [];
  let next = 0;
  while (next < wanted) {
    const nonce = `{"nonce":"${failures.length}"}`;
    const claim = await publisher.claim({ transactionalId: DATA, topic: CHECKPOINTS, partition: 0, claimValue: nonce }, signal);
    next = Number(claim.records.get(FEED) ?? 0);
    try {
      for (; next < wanted; next++) {
        await claim.producer.begin();
        await claim.producer.sendControl([{ topic: DATA, partition: 0, key: String(next), value: '' }]);
        await claim.producer.sendControl([{ topic: CHECKPOINTS, partition: 0, key: FEED, value: String(next + 1) }]);
        await claim.producer.commit(COMMIT_MS);
        if ((next + 1) % TOLD_EVERY === 0) say(`${next + 1} transactions`);
      }
    } catch (error) {
      if (!(error instanceof Failure) || failures.length >= CLAIMS_MAX) throw error;
      failures.push(`transaction ${next}: ${error.code}: ${error.message}`);
    } finally {
      await claim.producer.close();
    }
  }
  return failures;
}

/** Records that are not the next one, or are not there. */
async function misplaced(publisher: Publisher): Promise<number> {
  let expected = 0;
  let wrong = 0;
  for await (const { key } of publisher.read({ topic: DATA, partitions: null, untilEnd: true }, signal)) {
    if (Buffer.from(key ?? []).toString('utf8') !== String(expected)) wrong++;
    expected++;
  }
  return wrong + Math.abs(wanted - expected);
}
