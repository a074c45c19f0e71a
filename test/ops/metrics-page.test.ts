import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { METRICS } from '../../src/ops/metric-table.ts';
import type { MetricEntry } from '../../src/ops/metric-table.ts';
import { metricsPage } from '../../src/ops/metrics-page.ts';

const entries = Object.entries<MetricEntry>(METRICS);

test('docs/metrics.md is what `npm run docs:metrics` writes', () => {
  expect(readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8')).toBe(metricsPage());
});

test('every metric has its sentence, in a form that the text format and a table take', () => {
  expect(entries.filter(([, { help }]) => !/^\S[^|\\\n]*\.$/.test(help))).toEqual([]);
});

test('names say unit and type: counters end in _total, what is measured in its base unit', () => {
  const wrong = entries.filter(
    ([name, { type, buckets }]) =>
      (type === 'counter') !== name.endsWith('_total') ||
      /_(?:ms|milliseconds|minutes|kb|mb|mib)(?:_|$)/.test(name) ||
      (type === 'histogram') !== (buckets !== undefined) ||
      (buckets ?? []).some((bound, at, all) => at > 0 && bound <= (all[at - 1] ?? bound)),
  );
  expect(wrong).toEqual([]);
});

test('labels are those that are bounded, the feed first', () => {
  const bounded = new Set(['feed', 'source', 'topic', 'code', 'state', 'outcome', 'stage', 'status', 'change_type', 'version', 'node']);
  expect(entries.flatMap(([, { labels }]) => labels.filter((label) => !bounded.has(label)))).toEqual([]);
  expect(entries.filter(([, { labels }]) => labels.indexOf('feed') > 0)).toEqual([]);
});
