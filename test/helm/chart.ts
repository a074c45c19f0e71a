/** The chart as Helm renders it, for tests. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { z } from 'zod';
import type { Tool } from './tools.ts';

export type Given = Readonly<Record<string, unknown>>;

const documentSchema = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    labels: z.record(z.string(), z.string()).optional(),
    annotations: z.record(z.string(), z.string()).optional(),
  }),
});
/** An object of Kubernetes. */
export type Rendered = z.infer<typeof documentSchema>;

/** The release `r` in the namespace `relays`. */
export interface Chart {
  /** Throws with what Helm says when it refuses. */
  readonly render: (given: Given) => readonly Rendered[];
  /** What `helm lint --strict` says of the chart with these values for its own, and its exit code. */
  readonly lint: (given: Given) => { readonly status: number | null; readonly said: string };
  /** What NOTES.txt says. */
  readonly notes: (given: Given) => string;
}

const FOLDER = fileURLToPath(new URL('../../helm', import.meta.url));
const VALUES = new URL('values/', import.meta.url);
const NAMESPACE = 'relays';
/** A Helm that was built without its own release's settings takes a cluster of 2020 for granted. */
const KUBERNETES = '1.37.0';

/** Names of the files in values/, without their ending. */
export const VALUES_FILES = readdirSync(VALUES).map((name) => name.replace(/\.yaml$/, ''));

export function valuesOf(name: string): Given {
  return asGiven(parse(readFileSync(new URL(`${name}.yaml`, VALUES), 'utf8')));
}

export function chartBy(helm: Tool): Chart {
  const call = (folder: string, args: readonly string[]): ReturnType<typeof spawnSync> =>
    spawnSync(helm.command, [...helm.args, ...args], { cwd: folder, encoding: 'utf8', env: { ...process.env, ...helm.env } });
  const template = (folder: string, chart: string, given: Given): readonly Rendered[] => {
    writeFileSync(join(folder, 'given.json'), JSON.stringify(given));
    const { status, stdout, stderr } = call(folder, [
      'template',
      'r',
      chart,
      '--namespace',
      NAMESPACE,
      '--kube-version',
      KUBERNETES,
      '--values',
      'given.json',
    ]);
    if (status !== 0) throw new Error(`helm template: ${String(stderr)}`);
    return parseAllDocuments(String(stdout))
      .filter(({ contents }) => contents !== null)
      .map((each) => documentSchema.parse(each.toJS()));
  };
  const known = new Map<string, readonly Rendered[]>();
  return {
    render: (given) => {
      const key = JSON.stringify(given);
      const rendered = known.get(key) ?? inFolder((folder) => template(folder, FOLDER, given));
      known.set(key, rendered);
      return rendered;
    },
    lint: (given) =>
      inFolder((folder) => {
        cpSync(FOLDER, join(folder, 'chart'), { recursive: true });
        const own = asGiven(parse(readFileSync(join(FOLDER, 'values.yaml'), 'utf8')));
        writeFileSync(join(folder, 'chart', 'values.yaml'), stringify(merged(own, given)));
        const { status, stdout, stderr } = call(folder, ['lint', '--strict', 'chart']);
        return { status, said: `${String(stdout)}${String(stderr)}` };
      }),
    notes: (given) =>
      inFolder((folder) => {
        cpSync(FOLDER, join(folder, 'chart'), { recursive: true });
        const asObject = `apiVersion: v1\nkind: Notes\nmetadata: {name: notes}\ntext: |\n  {{- include "cdf-relay.notes" . | nindent 2 }}\n`;
        writeFileSync(join(folder, 'chart', 'templates', 'notes.yaml'), asObject);
        const found = template(folder, join(folder, 'chart'), given).find(({ kind }) => kind === 'Notes');
        return z.object({ text: z.string() }).parse(found).text;
      }),
  };
}

function inFolder<T>(body: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'cdf-relay-chart-'));
  try {
    return body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** As Helm merges values: maps by key, all else whole. */
function merged(own: Given, given: Given): Given {
  const both = Object.entries(given).map(([key, value]) => {
    const before = own[key];
    return [key, isMap(before) && isMap(value) ? merged(before, value) : value];
  });
  return { ...own, ...asGiven(Object.fromEntries(both)) };
}

function isMap(value: unknown): value is Given {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function asGiven(value: unknown): Given {
  return z.record(z.string(), z.unknown()).parse(value);
}
