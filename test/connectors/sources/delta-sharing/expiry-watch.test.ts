import { expect, it } from 'vitest';
import { ExpiryWatch } from '../../../../connectors/sources/delta-sharing/expiry-watch.ts';
import { quiet } from '../../../support/quiet-telemetry.ts';

const END = Date.parse('2026-12-31T12:00:00Z');
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

function watching(): { readonly watch: ExpiryWatch; readonly told: string[] } {
  const told: string[] = [];
  const watch = new ExpiryWatch('acme', {
    ...quiet,
    log: (level, message) => {
      told.push(`${level} ${message}`);
    },
    credentialExpiry: (source, at) => {
      told.push(`${source} ${at === null ? 'unknown' : new Date(at).toISOString()}`);
    },
  });
  return { watch, told };
}

const METRIC = 'acme 2026-12-31T12:00:00.000Z';
const REMEDY = 'ask the provider for a new profile file and put it in the place of the old one';
const EXPIRES = `the credential for acme expires on 2026-12-31T12:00:00.000Z: ${REMEDY}`;
const EXPIRED = `the credential for acme expired on 2026-12-31T12:00:00.000Z: ${REMEDY}`;

it('a credential that ends is told of a week ahead, a day ahead, and when it is over, once each', () => {
  const { watch, told } = watching();
  watch.set(END);
  for (let now = END - 9 * DAY; now < END + 2 * DAY; now += HOUR) watch.look(now);
  expect(told).toEqual([METRIC, `warn ${EXPIRES}`, `error ${EXPIRES}`, `error ${EXPIRED}`]);
});

it.each([
  [8 * DAY, []],
  [7 * DAY, [`warn ${EXPIRES}`]],
  [DAY, [`error ${EXPIRES}`]],
  [0, [`error ${EXPIRED}`]],
  [-DAY, [`error ${EXPIRED}`]],
])('with %i ms left at the start only the nearest is told', (leftMs, sentences) => {
  const { watch, told } = watching();
  watch.set(END);
  watch.look(END - leftMs);
  watch.look(END - leftMs);
  expect(told).toEqual([METRIC, ...sentences]);
});

it('a new credential is told of anew, one without an end not at all', () => {
  const { watch, told } = watching();
  watch.set(END - DAY);
  watch.look(END - DAY);
  watch.set(END);
  watch.look(END - DAY);
  watch.set(null);
  watch.look(END + DAY);
  expect(told).toEqual([
    'acme 2026-12-30T12:00:00.000Z',
    `error ${EXPIRED.replace('12-31', '12-30')}`,
    METRIC,
    `error ${EXPIRES}`,
    'acme unknown',
  ]);
});
