/**
 * What `doctor` finds on the machine itself: memory, and the HTTP port.
 */
import { totalmem } from 'node:os';
import type { Config } from '../config/config.ts';
import { Failure } from '../model/failure.ts';
import { tryPort } from '../ops/http-port.ts';
import { failed, lacking, pass, warn } from './report.ts';
import type { Check } from './report.ts';
import { memoryText } from './words.ts';

/** Of the memory that there is, what `limits.memory` may take: it is a target, and not all that a process has is counted by it. */
const MEMORY_SHARE = 0.9;
const ASK_MS = 2_000;

/** `bytes`: what the process may have, by its cgroup or the machine. */
export function checkMemory({ limits: { memoryBytes } }: Config, bytes: number = memoryHere()): Check {
  const text = `limits.memory is ${memoryText(memoryBytes)}, and there are ${memoryText(bytes)} for this process`;
  if (memoryBytes > bytes)
    return lacking('memory', text, 'Lower `limits.memory`, or give the process more: it would be ended for what it takes.');
  if (memoryBytes > bytes * MEMORY_SHARE)
    return warn('memory', text, 'Leave a tenth beside `limits.memory`: it is a target, which a process may pass for moments.');
  return pass('memory', text);
}

/** Opens the port for a moment. What has it may be the relay itself, beside which a person looks. */
export async function checkPort({ http }: Config, signal: AbortSignal): Promise<Check> {
  const { host, port } = http;
  const place = `${host}:${port}`;
  try {
    await tryPort(http);
    return pass('http', `the port ${place} is free`);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return (await isRelay(host, port, signal)) ? pass('http', `a relay that runs has the port ${place}`) : failed('http', error);
  }
}

function memoryHere(): number {
  const constrained = process.constrainedMemory() ?? 0;
  // Where nothing constrains it, the number is 0 or one that no machine has.
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

async function isRelay(host: string, port: number, signal: AbortSignal): Promise<boolean> {
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  try {
    const answer = await fetch(`http://${name}:${port}/startupz`, { signal: AbortSignal.any([signal, AbortSignal.timeout(ASK_MS)]) });
    return (await answer.text()).startsWith('The relay has');
  } catch {
    signal.throwIfAborted();
    return false;
  }
}
