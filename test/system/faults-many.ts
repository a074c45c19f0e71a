/**
 * `npm run test:faults`: every fault of the provider at every request of a relay, one by one. `-- --sample 300 --seed 5` for some of them, `-- --only 'cut'` for those
 * whose text has it.
 */
import { parseArgs } from 'node:util';
import { startBroker } from '../kafka/broker.ts';
import { failEveryRequest, runText } from './fault-runs.ts';
import { sample } from './sample.ts';

const { values } = parseArgs({
  options: { sample: { type: 'string' }, seed: { type: 'string', default: '1' }, only: { type: 'string', default: '' } },
});
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const broker = await startBroker();
try {
  say(`Kafka: ${broker.origin}`);
  const startedAt = performance.now();
  const report = await failEveryRequest({
    brokers: broker.brokers,
    choose: (all) => {
      const some = all.filter((run) => runText(run).includes(values.only));
      return values.sample === undefined ? some : sample(some, Number(values.sample), Number(values.seed));
    },
    say,
  });
  const { runs, spared, parked, lost, doubled, disordered, problems } = report;
  for (const run of spared) say(`the fault never came: ${run}`);
  for (const problem of problems.slice(0, 60)) say(problem.slice(0, 1_000));
  say(
    `parked, and gone on with after a restart: ${Object.entries(parked)
      .map(([code, times]) => `${code} ${times}`)
      .join(', ')}`,
  );
  say(
    `${runs} runs in ${Math.round((performance.now() - startedAt) / 1000)} s, ${runs - spared.length} met their fault; ${problems.length} problems`,
  );
  say(`lost ${lost}, doubled ${doubled}, out of order ${disordered}`);
  process.exitCode = problems.length === 0 ? 0 : 1;
} finally {
  await broker.stop();
}
