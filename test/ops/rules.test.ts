/** What is made of the metrics: alerts, their runbooks, and the dashboard. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { JsonObject } from '../../src/lib/json.ts';
import { METRICS } from '../../src/ops/metric-table.ts';
import type { MetricEntry } from '../../src/ops/metric-table.ts';
import { openTelemetry } from '../../src/ops/telemetry.ts';
import { run } from '../kafka/run.ts';
import { describeWith } from '../registry/part-tests.ts';
import { readExposition } from './exposition.ts';
import { findPrometheus } from './prometheus.ts';

const ROOT = new URL('../../', import.meta.url);
const FOLDER = new URL('test/ops/rules/', ROOT).pathname;

const rules = new JsonObject(parse(textOf('helm/files/rules.yaml'))).objects('groups').flatMap((group) => group.objects('rules'));
const alerts = rules.filter((rule) => rule.raw('alert') !== undefined);
const dashboard = new JsonObject(JSON.parse(textOf('helm/files/dashboard.json')));
const panels = dashboard.objects('panels');
const shown = panels.flatMap((panel) =>
  panel.raw('targets') === undefined ? [] : panel.objects('targets').map((target) => target.string('expr')),
);
const variables = dashboard.object('templating').objects('list');

test('every alert has severity, sentences, and a runbook of its own that names what to do', () => {
  const sections = new Map(
    textOf('docs/operations.md')
      .split(/^## /m)
      .slice(1)
      .map((section): [string, string] => [section.slice(0, section.indexOf('\n')), section]),
  );
  expect(alerts.map((alert) => alert.string('alert')).toSorted()).toEqual([...sections.keys()].toSorted());
  for (const alert of alerts) {
    const name = alert.string('alert');
    const annotations = alert.object('annotations');
    expect(annotations.string('runbook_url')).toBe(`docs/operations.md#${name.toLowerCase()}`);
    expect([
      annotations.string('summary') !== '',
      annotations.string('description').endsWith('.') || annotations.string('description').endsWith('}'),
    ]).toEqual([true, true]);
    expect(['critical', 'warning']).toContain(alert.object('labels').string('severity'));
    expect(sections.get(name)).toMatch(/`[^`]*(?:cdf-relay|cdf_relay_|kafka-|POST |kubectl)[^`]*`|\]\(#/);
  }
});

test('every metric that rules and dashboard ask for exists, with its labels, and every metric is asked for', async () => {
  const telemetry = openTelemetry({ version: '1.2.3', log: { level: 'error', format: 'json' } });
  const ofProcess = [...readExposition(await telemetry.metricsText()).keys()].filter((name) => !name.startsWith('cdf_relay_'));
  telemetry.close();
  const ours = Object.entries<MetricEntry>(METRICS).flatMap(([name, { type }]) =>
    type === 'histogram' ? ['_bucket', '_sum', '_count'].map((suffix) => `cdf_relay_${name}${suffix}`) : [`cdf_relay_${name}`],
  );
  const recorded = rules.map((rule) => rule.raw('record')).filter((name) => name !== undefined);
  const known = new Set([...ours, ...ofProcess, ...recorded]);
  const asked = [
    ...shown,
    ...variables.map((variable) => JSON.stringify(variable.raw('query'))),
    ...rules.map((rule) => rule.string('expr')),
  ];
  const names = new Set(asked.flatMap((text) => text.match(/\b(?:cdf_relay|process|nodejs)[_:][a-z0-9_:]+/g) ?? []));
  expect([...names].filter((name) => !known.has(name))).toEqual([]);
  const missing = Object.keys(METRICS).filter((name) => !asked.some((text) => text.includes(`cdf_relay_${name}`)));
  expect(missing).toEqual([]);
  for (const [, name = '', list = ''] of asked.join('\n').matchAll(/\bcdf_relay_([a-z0-9_]+)\{([^}]*)\}/g)) {
    const entry = Object.entries<MetricEntry>(METRICS).find(
      ([key, { type }]) => name === key || (type === 'histogram' && name.replace(/_(?:bucket|sum|count)$/, '') === key),
    )?.[1];
    const labels = [...list.matchAll(/(\w+)\s*!?=/g)].map(([, label = '']) => label);
    expect(labels.filter((label) => label !== 'job' && entry?.labels.includes(label) !== true)).toEqual([]);
  }
});

test('the dashboard has its rows, a data source that is chosen, and panels that lie side by side', () => {
  expect(panels.filter((panel) => panel.string('type') === 'row').map((panel) => panel.string('title'))).toEqual([
    'Overview',
    'Freshness',
    'Throughput',
    'Failures',
    'Provider',
    'Kafka',
    'Process',
  ]);
  expect(variables.map((variable) => variable.string('name'))).toEqual(['datasource', 'relay', 'recipient', 'feed']);
  const taken = new Set<string>();
  for (const panel of panels) {
    const place = panel.object('gridPos');
    const [x, y, w, h] = ['x', 'y', 'w', 'h'].map((key) => place.integer(key));
    for (let column = 0; column < (w ?? 0); column++)
      for (let line = 0; line < (h ?? 0); line++) {
        const cell = `${(x ?? 0) + column} ${(y ?? 0) + line}`;
        expect([cell, taken.has(cell), (x ?? 0) + column < 24]).toEqual([cell, false, true]);
        taken.add(cell);
      }
    if (panel.string('type') !== 'row') expect(panel.object('datasource').string('uid')).toBe('${datasource}');
  }
  expect(new Set(panels.map((panel) => panel.integer('id'))).size).toBe(panels.length);
});

await describeWith(
  'promtool',
  () => findPrometheus('promtool'),
  (promtool) => {
    test('the rules are sound', async () => {
      expect(await run(promtool, ['check', 'rules', new URL('helm/files/rules.yaml', ROOT).pathname], FOLDER)).toContain(
        `SUCCESS: ${rules.length} rules found`,
      );
    });

    test('the expressions of the dashboard are sound', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'cdf-relay-rules-'));
      const expressions = shown.map((expr, i) => ({
        record: `panel:${i}`,
        expr: expr.replaceAll('$__rate_interval', '5m').replaceAll(/\$\{?(?:relay|recipient|feed)\}?/g, '.*'),
      }));
      await writeFile(join(folder, 'panels.yaml'), stringify({ groups: [{ name: 'panels', rules: expressions }] }));
      expect(await run(promtool, ['check', 'rules', 'panels.yaml'], folder)).toContain(`SUCCESS: ${shown.length} rules found`);
      expect(expressions.filter(({ expr }) => expr.includes('$'))).toEqual([]);
      await rm(folder, { recursive: true });
    });

    test('every alert fires when it is to, and only then', async () => {
      expect(await run(promtool, ['test', 'rules', 'alerts.test.yaml', 'words.test.yaml'], FOLDER)).not.toContain('FAILED');
      const cases = textOf('test/ops/rules/alerts.test.yaml');
      const untested = alerts.map((alert) => alert.string('alert')).filter((name) => !cases.includes(`alertname="${name}"`));
      expect(untested).toEqual([]);
    });
  },
);

function textOf(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8');
}
