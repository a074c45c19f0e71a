/**
 * `npm run test:exactly-once -- --driver direct --brokers 3 --kafka 4 --kills 300`: the points of notes/kafka.md §6, one after the other, each with a relay name of its
 * own, and a table of what came of them. `--points 1,4` for some of them, `--transactions 1` for a Kafka 4 without KIP-890.
 */
import { parseArgs } from 'node:util';
import { startBroker } from '../../kafka/broker.ts';
import { isClean, isDriver } from './arena.ts';
import type { PointReport, WildArena } from './arena.ts';
import { chaosOfBrokers, chaosOfControl } from './broker-chaos.ts';
import { killAtEveryStep } from './kill-every-step.ts';
import { changeReplicas } from './replicas.ts';
import { RIGHTS_USERS, worksByRights } from './rights.ts';
import { changePlan, killBetweenChunks } from './ten-chunks.ts';
import { hangForeignTransaction, timeOutTransaction } from './timeouts.ts';
import { twoOwners } from './two-owners.ts';
import { everyMoment, wakeZombies } from './zombies.ts';

const { values } = parseArgs({
  options: {
    driver: { type: 'string', default: 'direct' },
    brokers: { type: 'string', default: '1' },
    kafka: { type: 'string', default: '4' },
    transactions: { type: 'string', default: '2' },
    kills: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    points: { type: 'string', default: '' },
  },
});
const { driver } = values;
if (!isDriver(driver)) throw new Error(`there is no driver ${driver}`);
const kafka = values.kafka === '3.9' ? '3.9' : '4';
const nodes = values.brokers === '3' ? 3 : 1;
const kills = Number(values.kills);

interface Point {
  readonly name: string;
  readonly play: (arena: WildArena) => Promise<PointReport>;
  /** The control is expected to lose. */
  readonly isControl?: true;
}

const POINTS: readonly Point[] = [
  { name: '1 killed at every step', play: (arena) => killAtEveryStep(arena, { kills }) },
  { name: '2 zombies', play: (arena) => wakeZombies(arena, everyMoment(Math.ceil(kills / 10))) },
  { name: '3 two owners', play: (arena) => twoOwners(arena, 6) },
  { name: '4 brokers die and freeze', play: (arena) => chaosOfBrokers(arena, { kills: Math.ceil(kills / 10) }) },
  { name: '5 transaction timed out', play: timeOutTransaction },
  { name: '5 foreign transaction hangs', play: hangForeignTransaction },
  { name: '6 replicas come and go', play: (arena) => changeReplicas(arena, 1_500) },
  { name: '7 kills between chunks', play: (arena) => killBetweenChunks(arena, Math.ceil(kills / 5)) },
  { name: '7 another plan', play: changePlan },
  { name: '8 rights', play: playRights },
  { name: '9 control: kafkajs sendBatch', play: (arena) => chaosOfControl(arena, { kills: Math.ceil(kills / 10) }), isControl: true },
];

/** On a cluster of its own, which asks who one is. */
async function playRights({ driver: by, seed, kafka: release, say: tell }: WildArena): Promise<PointReport> {
  const guarded = await startBroker({ kafka: release, users: RIGHTS_USERS, own: true });
  try {
    return await worksByRights({ driver: by, seed, say: tell }, guarded);
  } finally {
    await guarded.stop();
  }
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const startedAt = performance.now();
const transactions = values.transactions === '1' ? 1 : 2;
const cluster = await startBroker({ nodes, kafka, transactions, own: true });
const arena: WildArena = { cluster, brokers: cluster.brokers, driver, kafka, seed: Number(values.seed), say };
const rows: string[] = [];
try {
  say(`${cluster.origin}, ${nodes} nodes, driver ${driver}, seed ${values.seed}`);
  for (const { name, play, isControl } of POINTS) {
    if (values.points !== '' && !values.points.split(',').includes(name.slice(0, 1))) continue;
    const report = await play(arena);
    const isWell = isControl === true || isClean(report);
    if (!isWell) process.exitCode = 1;
    rows.push(rowOf(name, report, isWell));
    const { lost, doubled, disorder, problems } = report;
    const wrong = [...problems, ...lost.map((row) => `lost ${row}`), ...doubled.map((row) => `doubled ${row}`), ...disorder];
    if (isControl !== true) for (const problem of wrong.slice(0, 20)) say(problem);
    say(rows.at(-1) ?? '');
  }
} finally {
  await cluster.stop();
}
say(`\n${['point'.padEnd(32), ...['kills', 'records', 'lost', 'doubled', 'disorder'].map((text) => text.padStart(9))].join(' ')}`);
for (const row of rows) say(row);
say(`${Math.round((performance.now() - startedAt) / 1000)} s`);

function rowOf(name: string, { kills: killed, records, lost, doubled, disorder }: PointReport, isWell: boolean): string {
  const figures = [killed, records, lost.length, doubled.length, disorder.length].map((figure) => String(figure).padStart(9));
  return [name.padEnd(32), ...figures, isWell ? '' : '  NOT WELL'].join(' ');
}
