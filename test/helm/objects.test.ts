/**
 * Every object that the chart renders, for each file of values/: against the schemas of Kubernetes and of the Prometheus operator, and before linters of charts.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { z } from 'zod';
import { describeWith } from '../registry/part-tests.ts';
import { VALUES_FILES, chartBy, valuesOf } from './chart.ts';
import type { Rendered } from './chart.ts';
import { findCheckov, findHelm, findKubeScore, findKubernetesSchemas } from './tools.ts';
import type { Tool } from './tools.ts';

/** The oldest that Chart.yaml takes, and the newest whose schemas are known here. */
const KUBERNETES = ['1.25', '1.37'];
const OPERATOR_KINDS = ['ServiceMonitor', 'PodMonitor', 'PrometheusRule'];
/** What is meant to be installed as it is; the third file of values is for the schemas only. */
const LINTED = ['three-values', 'production'];

/** What checkov objects to and why it stays so. */
const ARGUED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'three-values': {
    CKV_K8S_11: 'no limit of CPU: a throttled relay is late, and holds its transactions open for longer; the request says what it needs',
    CKV_K8S_15: 'a tag that never changes need not be pulled again',
    CKV_K8S_43: 'nobody knows the digest of an image that everybody builds',
  },
  production: { CKV_K8S_35: 'one secret as a variable, to have that way checked too' },
};

const checkovSchema = z.object({
  summary: z.object({ passed: z.number() }),
  results: z.object({ failed_checks: z.array(z.object({ check_id: z.string(), file_path: z.string() })) }),
});

await describeWith('the objects of the chart', findHelm, async (helm) => {
  const chart = chartBy(helm);
  const objectsOf = new Map<string, readonly Rendered[]>();
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'cdf-relay-objects-'));
    for (const name of VALUES_FILES) {
      const objects = chart.render(valuesOf(name));
      objectsOf.set(name, objects);
      writeObjects(name, objects);
      writeObjects(
        `${name}.core`,
        objects.filter(({ kind }) => !OPERATOR_KINDS.includes(kind)),
      );
    }
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const writeObjects = (name: string, objects: readonly Rendered[]): void =>
    writeFileSync(join(folder, `${name}.yaml`), objects.map((object) => stringify(object, { version: '1.1' })).join('---\n'));
  const check = (tool: Tool, args: readonly string[]): { readonly status: number | null; readonly said: string } => {
    const { status, stdout, stderr } = spawnSync(tool.command, [...tool.args, ...args], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, ...tool.env },
    });
    return { status, said: `${stdout}${stderr}` };
  };

  it.each(VALUES_FILES)('%s: `helm lint --strict` finds nothing', (name) => {
    expect(chart.lint(valuesOf(name))).toMatchObject({ status: 0 });
  });

  it.each(VALUES_FILES)('%s: no two objects are the same one, and the labels that every object has are there', (name) => {
    const objects = objectsOf.get(name) ?? [];
    const ids = objects.map(({ kind, metadata }) => `${kind} ${String(metadata['namespace'])} ${metadata.name}`);
    expect(new Set(ids).size).toBe(ids.length);
    const own = objects.filter(({ metadata }) => !metadata.name.endsWith('-more'));
    for (const { metadata } of own)
      expect(metadata.labels).toMatchObject({ 'app.kubernetes.io/instance': 'r', 'app.kubernetes.io/managed-by': 'Helm' });
  });

  it.each(VALUES_FILES)('%s: what is for the Prometheus operator fits its schemas, with no field that is not there', (name) => {
    for (const object of (objectsOf.get(name) ?? []).filter(({ kind }) => OPERATOR_KINDS.includes(kind))) {
      expect(operatorSchema(object.kind).safeParse(object)).toMatchObject({ success: true });
    }
  });

  it('the schemas of the operator find a misspelt field', () => {
    const monitor = {
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'ServiceMonitor',
      metadata: {},
      spec: { selector: {}, endpoints: [{ portz: 'http' }] },
    };
    expect(operatorSchema('ServiceMonitor').safeParse(monitor).success).toBe(false);
  });

  await describeWith('as Kubernetes sees them', findKubernetesSchemas, (schemas) => {
    it.each(KUBERNETES)('they fit the schemas of Kubernetes %s, with no field that is not there', (version) => {
      const files = VALUES_FILES.map((name) => `${name}.core.yaml`);
      expect(check(schemas, ['--strict', '--quiet', '-k', version, ...files])).toEqual({ status: 0, said: '' });
    });

    it('a misspelt field is found', () => {
      writeFileSync(join(folder, 'misspelt.yaml'), 'apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {portz: []}\n');
      const { status, said } = check(schemas, ['--strict', '--quiet', '-k', '1.37', 'misspelt.yaml']);
      expect(said).toContain('portz');
      expect(status).toBe(1);
    });
  });

  await describeWith('to checkov', findCheckov, (checkov) => {
    it('they have nothing to object to but what is argued', () => {
      const files = LINTED.flatMap((name) => ['-f', `${name}.yaml`]);
      const { said } = check(checkov, ['--skip-download', '--quiet', '--compact', '--framework', 'kubernetes', '-o', 'json', ...files]);
      const { results, summary } = checkovSchema.parse(JSON.parse(said));
      const objections = LINTED.map((name) => [
        name,
        [
          ...new Set(results.failed_checks.filter((each) => each.file_path.endsWith(`/${name}.yaml`)).map((each) => each.check_id)),
        ].toSorted(),
      ]);
      expect(objections).toEqual(LINTED.map((name) => [name, Object.keys(ARGUED[name] ?? {}).toSorted()]));
      expect(summary.passed).toBeGreaterThan(100);
    });
  });

  await describeWith('to kube-score', findKubeScore, (kubeScore) => {
    it.each(LINTED)('%s has nothing to object to', (name) => {
      const ignored = name === 'production' ? [] : ['--ignore-test', 'container-image-pull-policy,deployment-replicas'];
      const { said } = check(kubeScore, ['score', '--output-format', 'ci', '--ignore-container-cpu-limit', ...ignored, `${name}.yaml`]);
      expect(said.split('\n').filter((line) => /^\[(CRITICAL|WARNING)\]/.test(line))).toEqual([]);
      expect(said).toContain('[OK]');
    });
  });
});

type JsonSchema = Parameters<typeof z.fromJSONSchema>[0];

function operatorSchema(kind: string): z.ZodType {
  const text = readFileSync(new URL(`../fixtures/prometheus-operator/${kind}.json`, import.meta.url), 'utf8');
  const document: unknown = JSON.parse(text);
  if (!isJsonSchema(document)) throw new Error(`${kind}.json is no JSON Schema`);
  return z.fromJSONSchema(document);
}

function isJsonSchema(document: unknown): document is JsonSchema {
  return z.object({ $schema: z.string(), type: z.literal('object') }).safeParse(document).success;
}
