/**
 * What the tests of the chart need beside Node: Helm, the schemas of Kubernetes, and linters. A tool on the PATH is taken; else what `npm run parts` brought into the cache from Maven Central and PyPI: there Helm comes as the
 * library that helm-java carries, which `helm.py` calls as the command would be called.
 */
import { fileURLToPath } from 'node:url';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../kafka/run.ts';
import { PartMissing } from '../registry/parts.ts';
import { CACHE, isThere, makeWhole } from '../support/whole-folder.ts';

const HELM_JAVA = '0.0.21';
const KUBERNETES_VALIDATE = '1.37.0';
const CHECKOV = '3.3.30';

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };
const ARCHITECTURE = ARCHITECTURES[process.arch] ?? process.arch;
const HELM_HOME = join(CACHE, `helm-java-${HELM_JAVA}`);
const HELM_LIBRARY = join(HELM_HOME, `helm-linux-${ARCHITECTURE}.so`);
const HELM_PY = fileURLToPath(new URL('helm.py', import.meta.url));
const SCHEMAS_HOME = join(CACHE, `kubernetes-validate-${KUBERNETES_VALIDATE}`);
const CHECKOV_HOME = join(CACHE, `checkov-${CHECKOV}`);
const PYTHON = process.env['PYTHON'] ?? 'python3';

/** How a tool is called: its arguments go behind `args`. */
export interface Tool {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** `template NAME CHART --namespace N --values FILE` and `lint --strict CHART`. Rejects with `PartMissing`. */
export async function findHelm(): Promise<Tool> {
  const onPath = { command: 'helm', args: [], env: {} };
  if (await answers(onPath, 'version')) return onPath;
  const asLibrary = { command: PYTHON, args: [HELM_PY, HELM_LIBRARY], env: {} };
  if ((await isThere(HELM_LIBRARY)) && (await answers(asLibrary, 'version'))) return asLibrary;
  throw new PartMissing('helm is not on the PATH, and not in the cache: `npm run parts` fetches it');
}

/** kubernetes-validate: the schemas of many versions of Kubernetes. Rejects with `PartMissing`. */
export async function findKubernetesSchemas(): Promise<Tool> {
  const tool = { command: PYTHON, args: ['-m', 'kubernetes_validate'], env: { PYTHONPATH: SCHEMAS_HOME } };
  if ((await isThere(SCHEMAS_HOME)) && (await answers(tool, '--version'))) return tool;
  throw new PartMissing('kubernetes-validate is not in the cache: `npm run parts` fetches it');
}

/** Rejects with `PartMissing`. */
export async function findCheckov(): Promise<Tool> {
  const tool = { command: PYTHON, args: ['-m', 'checkov.main'], env: { PYTHONPATH: CHECKOV_HOME } };
  if ((await isThere(CHECKOV_HOME)) && (await answers(tool, '--version'))) return tool;
  throw new PartMissing('checkov is not in the cache: `npm run parts` fetches it');
}

/** Rejects with `PartMissing`. */
export async function findKubeScore(): Promise<Tool> {
  const onPath = { command: 'kube-score', args: [], env: {} };
  if (await answers(onPath, 'version')) return onPath;
  throw new PartMissing(
    'kube-score is not on the PATH: it takes Go and a minute of compiling, so nothing fetches it (`go install github.com/zegl/kube-score/cmd/kube-score@v1.20.0`)',
  );
}

/** Brings each tool that is not there; resolves with a sentence for each that could not be had. */
export async function provideTools(): Promise<readonly string[]> {
  const tools: readonly (readonly [string, () => Promise<unknown>, () => Promise<void>])[] = [
    ['Helm', findHelm, fetchHelm],
    ['kubernetes-validate', findKubernetesSchemas, async () => installByPip(SCHEMAS_HOME, `kubernetes-validate==${KUBERNETES_VALIDATE}`)],
    ['checkov', findCheckov, async () => installByPip(CHECKOV_HOME, `checkov==${CHECKOV}`)],
  ];
  const results = await Promise.allSettled(
    tools.map(async ([, find, fetchTool]) => {
      if ((await find().catch(() => null)) === null) await fetchTool();
    }),
  );
  return results.flatMap((result, i) => {
    if (result.status === 'fulfilled') return [];
    const reason = result.reason instanceof Error ? result.reason.message : String(result.reason);
    return [`${tools[i]?.[0] ?? ''} cannot be had: ${reason.trim().split('\n').at(-1) ?? ''}`];
  });
}

async function answers(tool: Tool, argument: string): Promise<boolean> {
  return run(tool.command, [...tool.args, argument], process.cwd(), tool.env).then(
    () => true,
    () => false,
  );
}

async function fetchHelm(): Promise<void> {
  if (process.platform !== 'linux') throw new Error('install helm: only its library for Linux is fetched');
  await makeWhole(HELM_HOME, async (folder) => {
    const artifact = `linux-${ARCHITECTURE}-${HELM_JAVA}.jar`;
    const goal = 'org.apache.maven.plugins:maven-dependency-plugin:copy';
    await run(
      'mvn',
      ['-q', '-B', goal, `-Dartifact=com.marcnuri.helm-java:linux-${ARCHITECTURE}:${HELM_JAVA}`, '-DoutputDirectory=.'],
      folder,
    );
    await run(PYTHON, ['-m', 'zipfile', '-e', artifact, '.'], folder);
    await rm(join(folder, artifact));
  });
}

async function installByPip(home: string, requirement: string): Promise<void> {
  await makeWhole(home, async (folder) => {
    await run(PYTHON, ['-m', 'pip', 'install', '--quiet', '--target', '.', requirement], folder);
  });
}
