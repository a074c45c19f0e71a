/**
 * `npm run test:soak`: half an hour of faults at random. `-- --minutes 5 --seed 7` for another one.
 */
import { parseArgs } from 'node:util';
import { startBroker } from '../kafka/broker.ts';
import { mebibytes, soak } from './soak.ts';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '30' }, seed: { type: 'string', default: '1' } } });
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const broker = await startBroker();
try {
  say(`Kafka: ${broker.origin}; ${values.minutes} minutes, seed ${values.seed}`);
  const report = await soak({ brokers: broker.brokers, minutes: Number(values.minutes), seed: Number(values.seed), say });
  const { versions, changes, kills, insideVersion, requests, faults, peakRssBytes, problems } = report;
  const wentWrong = Object.values(faults).reduce((sum, count) => sum + count, 0);
  const byKind = Object.entries(faults).toSorted(([, a], [, b]) => b - a);
  say(`faults: ${byKind.map(([kind, count]) => `${kind} ${count}`).join(', ')}`);
  for (const problem of problems.slice(0, 40)) say(problem);
  say(`${versions} versions, ${changes} records read; ${kills} kills, ${insideVersion} of them inside a version`);
  say(`${requests} requests, ${wentWrong} of them with a fault; the relay took ${mebibytes(peakRssBytes)} at most`);
  say(`${problems.length} problems`);
  process.exitCode = problems.length === 0 ? 0 : 1;
} finally {
  await broker.stop();
}
