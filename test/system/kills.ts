/**
 * SIGKILL at random moments: a table grows, a relay follows it, and is killed again and again; at the end everything must be there, once and in order.
 *
 *   append some versions ─► start the relay ─► kill it after a random while ─► append …    × kills, then let it finish
 *
 * The moments are spread over claim, resume and publishing; some versions are larger than a chunk, so that kills fall inside of them. The seed determines the table
 * and the waits; where a kill falls in the relay's work is the machine's to say.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { must } from '../../src/lib/assert.ts';
import type { EnvelopeKind } from '../../src/model/feed.ts';
import { expectedLines, reconcile, versionOf } from '../demo/reconcile.ts';
import type { Reconciliation } from '../demo/reconcile.ts';
import { DeltaTable } from '../delta-writer/delta-table.ts';
import { randomStep } from '../delta-writer/history.ts';
import { seededRandom } from '../delta-writer/random.ts';
import type { Child } from '../processes/child.ts';
import { expectedByKey, saidByKey } from '../support/said-records.ts';
import type { ReadRecord } from '../support/said-records.ts';
import { readRecords, readTopic } from './read-topic.ts';
import { Stage } from './stage.ts';

export interface KillRun {
  readonly brokers: readonly string[];
  readonly kills: number;
  readonly seed: number;
  /** Commits between two kills. */
  readonly versionsPerKill: number;
  readonly envelope?: EnvelopeKind;
  /** One version in so many is of several chunks, with rows between the two bounds. */
  readonly big: { readonly oneIn: number; readonly least: number; readonly most: number };
  readonly say: (line: string) => void;
}

export interface KillReport extends Reconciliation {
  readonly kills: number;
  readonly latest: number;
  /** Kills after which the checkpoint stood inside a version. */
  readonly insideVersion: number;
  readonly code: number | null;
}

const CHUNK_RECORDS = 500;
/** In the midst of publishing: after so many transactions, and some while into the next. */
const TRANSACTIONS = { least: 1, most: 10 };
const TRANSACTION_MS = 60;
const CAUGHT_UP_MS = 6_000;
/** After the process was started: while it starts, claims and reads back. */
const STARTING_MS = { least: 200, most: 1_500 };

export async function killAgainAndAgain({
  brokers,
  kills,
  seed,
  versionsPerKill,
  envelope = 'change',
  big,
  say,
}: KillRun): Promise<KillReport> {
  const random = seededRandom(seed);
  const folder = await mkdtemp(join(tmpdir(), 'cdf-relay-kills-'));
  let at = Date.UTC(2026, 0, 1);
  try {
    const table = await DeltaTable.create({ folder: join(folder, 'orders'), seed, expected: 'rows', createdAt: at });
    await using stage = await Stage.open({
      brokers,
      folder,
      tables: [{ name: 'orders', key: ['id'], start: '{version: 0}', envelope }],
      limits: { chunkRecords: CHUNK_RECORDS, chunkTime: '10ms' },
    });
    const grow = async (): Promise<void> => {
      for (let i = 0; i < versionsPerKill; i++) {
        const isBig = random.between(1, 4) === 1;
        const step = isBig
          ? ({ kind: envelope === 'change' ? 'insert' : 'merge', rows: random.between(big.least, big.most), files: 3 } as const)
          : randomStep(random, { least: 1, most: 400 });
        await table.append(step, (at += random.between(1, 60_000)));
      }
    };
    let insideVersion = 0;
    for (let kill = 1; kill <= kills; kill++) {
      await grow();
      const relay = stage.startRelay();
      const isStarting = random.between(1, 4) === 1;
      if (isStarting) await wait(random.between(STARTING_MS.least, STARTING_MS.most));
      else await untilCommitted(stage, relay, random.between(TRANSACTIONS.least, TRANSACTIONS.most));
      await wait(random.between(0, TRANSACTION_MS));
      if (!relay.isRunning) throw new Error(`the relay ended by itself: ${relay.stderr.slice(-2_000)}`);
      await relay.kill();
      if (await stage.isInsideVersion()) insideVersion++;
      if (kill % 10 === 0) say(`${kill} kills, ${table.latest} versions, ${insideVersion} of the kills inside a version`);
    }
    const last = stage.startRelay('--until-current');
    const { code } = await last.exited;
    if (code !== 0) say(last.stderr.slice(-2_000));
    const topic = { brokers, topic: stage.topic('orders'), schemasTopic: stage.schemasTopic };
    const expected = await expectedLines(must(table.expectedPath, 'the expected rows'));
    const found =
      envelope === 'change' ? reconcile(expected, await readTopic(topic)) : compareKeys(expected, await readRecords(topic), envelope);
    return { ...found, kills, latest: table.latest, insideVersion, code };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Until the relay has committed so many transactions, or has had the time to catch up. */
async function untilCommitted(stage: Stage, relay: Child, transactions: number): Promise<void> {
  const deadline = performance.now() + CAUGHT_UP_MS;
  while (performance.now() < deadline && (await stage.transactions()) < transactions) {
    if (!relay.isRunning) throw new Error(`the relay ended by itself: ${relay.stderr.slice(-2_000)}`);
    await wait(5);
  }
}

/** Of each key what comes for it, in order: keys of which that is not as it must be. */
function compareKeys(lines: readonly string[], read: readonly ReadRecord[], envelope: 'debezium' | 'upsert'): Reconciliation {
  const said = saidByKey(read);
  const expected = expectedByKey(lines, envelope, ['id']);
  const differences = [...new Set([...Object.keys(said), ...Object.keys(expected)])].flatMap((key) => {
    const [found, wanted] = [JSON.stringify(said[key]), JSON.stringify(expected[key])];
    return found === wanted ? [] : [`${key}: ${found}, not ${wanted}`];
  });
  return { changes: read.length, versions: new Set(lines.map(versionOf)).size, lost: [], doubled: [], disorder: differences };
}
