/**
 * `npm run test:soak`: half an hour of faults at random. `-- --minutes 60 --brokers 3 --replicas 2 --driver direct --rows 14000` for everything that can go wrong, under
 * so many rows a second; `--seed 7` for another one.
 */
import { parseArgs } from 'node:util';
import { startBroker } from '../kafka/broker.ts';
import { toldOf } from '../kafka/chaos.ts';
import { isDriver } from './exactly-once/arena.ts';
import { mebibytes, soak } from './soak.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string', default: '1' },
    brokers: { type: 'string', default: '1' },
    replicas: { type: 'string', default: '1' },
    driver: { type: 'string', default: 'direct' },
    rows: { type: 'string', default: '0' },
  },
});
const { driver } = values;
if (!isDriver(driver)) throw new Error(`there is no driver ${driver}`);
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const startedAt = performance.now();

const nodes = values.brokers === '3' ? 3 : 1;
const cluster = await startBroker(nodes === 3 ? { nodes, own: true } : {});
try {
  say(`Kafka: ${cluster.origin}, ${nodes} brokers, ${driver}; ${values.replicas} replicas, ${values.minutes} minutes, seed ${values.seed}`);
  const report = await soak({
    cluster,
    driver,
    replicas: Number(values.replicas),
    minutes: Number(values.minutes),
    seed: Number(values.seed),
    rowsPerSecond: Number(values.rows),
    say,
  });
  const { versions, changes, kills, stops, freezes, deeds, insideVersion, requests, faults, peakRssBytes, problems } = report;
  const wentWrong = Object.values(faults).reduce((sum, count) => sum + count, 0);
  const byKind = Object.entries(faults).toSorted(([, a], [, b]) => b - a);
  say(`faults: ${byKind.map(([kind, count]) => `${kind} ${count}`).join(', ')}`);
  for (const problem of problems.slice(0, 40)) say(problem);
  say(
    `${versions} versions, ${changes} records read; relays: ${kills} killed, ${insideVersion} of them inside a version, ${stops} stopped, ${freezes} frozen`,
  );
  if (deeds !== null) say(toldOf(deeds));
  say(`${requests} requests, ${wentWrong} of them with a fault; the relay took ${mebibytes(peakRssBytes)} at most`);
  say(`${problems.length} problems, ${Math.round((performance.now() - startedAt) / 1_000)} s`);
  process.exitCode = problems.length === 0 ? 0 : 1;
} finally {
  await cluster.stop();
}
