import { expect, test } from 'vitest';
import { describeKafka } from '../kafka/use-kafka.ts';
import { killAgainAndAgain } from './kills.ts';

await describeKafka('a relay that is killed at random moments', (brokers) => {
  test('loses no row, doubles none, and keeps the order', { timeout: 600_000 }, async () => {
    const said: string[] = [];
    const report = await killAgainAndAgain({
      brokers,
      kills: 6,
      seed: 7,
      versionsPerKill: 10,
      big: { oneIn: 6, least: 1_000, most: 2_500 },
      say: (line) => said.push(line),
    });
    const { code, latest, lost, doubled, disorder } = report;
    const few = { lost: lost.slice(0, 3), doubled: doubled.slice(0, 3), disorder: disorder.slice(0, 3) };
    expect({ code, latest, ...few }, said.join('\n')).toEqual({ code: 0, latest: 60, lost: [], doubled: [], disorder: [] });
  });

  test.each(['debezium', 'upsert'] as const)('keeps what comes for each key of %s', { timeout: 600_000 }, async (envelope) => {
    const said: string[] = [];
    const report = await killAgainAndAgain({
      brokers,
      kills: 3,
      seed: 11,
      versionsPerKill: 8,
      envelope,
      big: { oneIn: 3, least: 1_000, most: 2_500 },
      say: (line) => said.push(line),
    });
    const { code, latest, lost, doubled, disorder } = report;
    expect({ code, latest, lost, doubled, disorder: disorder.slice(0, 3) }, said.join('\n')).toEqual({
      code: 0,
      latest: 24,
      lost: [],
      doubled: [],
      disorder: [],
    });
  });
});
