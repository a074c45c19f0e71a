/** Apicurio Registry on the local Java, in memory, under Confluent's API: one process, ended by its process id and never left behind. */
import { spawn } from 'node:child_process';
import { must } from '../../src/lib/assert.ts';
import { freePorts } from '../kafka/ports.ts';
import { poll } from '../kafka/probe.ts';
import { findApicurio } from './parts.ts';

const READY_MS = 150_000;

export interface Apicurio extends AsyncDisposable {
  readonly url: string;
  /** It answers nobody until `resume`. */
  pause(): void;
  resume(): void;
  setLevel(subject: string, level: string): Promise<void>;
  register(subject: string, schema: string): Promise<void>;
}

/** Resolves once it answers. Rejects with `PartMissing` where it cannot be had. */
export async function startApicurio(): Promise<Apicurio> {
  const { java, jar } = await findApicurio();
  const [port, management] = await freePorts(2);
  const options = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xmx384m', '-jar', jar];
  const child = spawn(java, options, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      QUARKUS_HTTP_HOST: '127.0.0.1',
      QUARKUS_HTTP_PORT: String(port),
      QUARKUS_MANAGEMENT_HOST: '127.0.0.1',
      QUARKUS_MANAGEMENT_PORT: String(management),
    },
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (printed = (printed + String(text)).slice(-4_000)));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const killIt = (): void => void child.kill('SIGKILL');
  process.once('exit', killIt);
  const stop = async (): Promise<void> => {
    killIt();
    await ended;
    process.removeListener('exit', killIt);
  };

  const url = `http://127.0.0.1:${port}/apis/ccompat/v7`;
  const ask = async (method: string, path: string, body: object): Promise<void> => {
    const headers = { 'content-type': 'application/vnd.schemaregistry.v1+json' };
    const response = await fetch(`${url}/${path}`, { method, headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  };
  try {
    await poll('the start of Apicurio Registry', READY_MS, async () => {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`Apicurio Registry ended while it started: ${printed}`);
      return (await fetch(`${url}/subjects`).catch(() => null))?.ok === true;
    });
  } catch (error) {
    await stop();
    throw error;
  }
  const pid = must(child.pid, 'the id of a process that runs');
  return {
    url,
    pause: () => void process.kill(pid, 'SIGSTOP'),
    resume: () => void process.kill(pid, 'SIGCONT'),
    setLevel: (subject, level) => ask('PUT', `config/${subject}`, { compatibility: level }),
    register: (subject, schema) => ask('POST', `subjects/${subject}/versions`, { schema }),
    [Symbol.asyncDispose]: stop,
  };
}
