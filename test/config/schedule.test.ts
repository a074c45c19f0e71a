import { expect, test } from 'vitest';
import { cronProblem, isTimeZone } from '../../src/config/schedule.ts';

test.each(['* * * * *', '*/5 * * * *', '0 0 1,15 * mon-fri', '30 0 3 * JAN 0-7', '0-30/10 8-18 * * *'])(
  '%s is a cron pattern',
  (pattern) => {
    expect(cronProblem(pattern)).toBe(null);
  },
);

test.each([
  ['* * * *', 'has 4 fields instead of five or six, as in `*/5 * * * *`'],
  ['60 * * * *', 'has `60` as its minute: that is a number from 0 to 59, a range `a-b`, `*`, a step `*/n`, or a list of these'],
  ['0 0 0 * *', 'has `0` as its day of month: that is a number from 1 to 31, a range `a-b`, `*`, a step `*/n`, or a list of these'],
  ['* 5-3 * * *', 'has `5-3` as its hour: that is a number from 0 to 23, a range `a-b`, `*`, a step `*/n`, or a list of these'],
  ['*/0 * * * *', 'has `*/0` as its minute: that is a number from 0 to 59, a range `a-b`, `*`, a step `*/n`, or a list of these'],
  ['* * * dez *', 'has `dez` as its month: that is a number from 1 to 12, a range `a-b`, `*`, a step `*/n`, or a list of these'],
])('%s is none', (pattern, problem) => {
  expect(cronProblem(pattern)).toBe(problem);
});

test('time zones are those the runtime knows', () => {
  expect(['UTC', 'Europe/Stockholm', 'Mars/Olympus', ''].map(isTimeZone)).toEqual([true, true, false, false]);
});
