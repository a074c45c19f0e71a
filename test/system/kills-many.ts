/**
 * `npm run test:kills`: the kill test of `npm test`, longer. `-- --kills 300 --seed 5` for more of it, `--envelope debezium` or `upsert` for another one.
 */
import { parseArgs } from 'node:util';
import { startBroker } from '../kafka/broker.ts';
import { killAgainAndAgain } from './kills.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    envelope: { type: 'string', default: 'change' },
  },
});
const envelope = (['change', 'debezium', 'upsert'] as const).find((kind) => kind === values.envelope);
if (envelope === undefined) throw new Error(`there is no envelope ${values.envelope}`);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const broker = await startBroker();
try {
  say(`Kafka: ${broker.origin}`);
  const report = await killAgainAndAgain({
    brokers: broker.brokers,
    kills: Number(values.kills),
    seed: Number(values.seed),
    versionsPerKill: 3,
    envelope,
    big: { oneIn: 2, least: 3_000, most: 9_000 },
    say,
  });
  const { kills, latest, changes, insideVersion, code, lost, doubled, disorder } = report;
  for (const problem of [...lost.map((row) => `lost ${row}`), ...doubled.map((row) => `doubled ${row}`), ...disorder].slice(0, 20))
    say(problem);
  say(`${kills} kills over ${latest} versions, ${insideVersion} of them inside a version: ${changes} changes read`);
  say(`lost ${lost.length}, doubled ${doubled.length}, out of order ${disorder.length}; the last run ended with ${String(code)}`);
  process.exitCode = code === 0 && lost.length + doubled.length + disorder.length === 0 ? 0 : 1;
} finally {
  await broker.stop();
}
