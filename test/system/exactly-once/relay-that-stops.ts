/**
 * The relay as a process that stops itself at a numbered step: `relay-that-stops.ts '<order as JSON>' -c relay.yaml …`, the rest as for `run`.
 *
 * The steps are the calls at the driver's port, counted from 1. At the n-th, before it is made or when it has answered, the process says on stdout where it is and
 * sends itself the signal: SIGKILL is a crash at that very place, SIGSTOP a process that sleeps there until it gets SIGCONT.
 */
import { writeSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { setMaxListeners } from 'node:events';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { KafkaOptions } from '../../../connectors/kafka/options.ts';
import type { Duty, Member, Membership, MembershipRequest } from '../../../src/ports/membership.ts';
import type { StepTaker } from '../../relay/failing.ts';

// Before anything large is loaded: it halves the start, and a thousand of them are started.
process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(new URL('../../../node_modules/.cache/cdf-relay', import.meta.url));
enableCompileCache(process.env['NODE_COMPILE_CACHE']);
const { CONNECTORS } = await import('../../../connectors/index.ts');
const { KAFKA_DEFAULTS } = await import('../../../connectors/kafka/options.ts');
const { run } = await import('../../../src/cli/run.ts');
const { failingPublisher } = await import('../../relay/failing.ts');

const Order = z.object({
  /** 0 = never. */
  nth: z.number(),
  way: z.enum(['before', 'after']).default('before'),
  signal: z.enum(['SIGKILL', 'SIGSTOP']).default('SIGKILL'),
  /** Only calls of this name are counted. */
  only: z.string().nullable().default(null),
  /** Owns every partition, whatever the group says. */
  alone: z.boolean().default(false),
  transactionTimeoutMs: z.number().default(KAFKA_DEFAULTS.transactionTimeoutMs),
  claimTimeoutMs: z.number().default(KAFKA_DEFAULTS.claimTimeoutMs),
});

export type StopOrder = z.input<typeof Order>;

const [text = '', ...argv] = process.argv.slice(2);
const { nth, way, signal, only, alone, ...settings } = Order.parse(JSON.parse(text));
let calls = 0;

const taker: StepTaker = {
  way,
  async take(name, call) {
    if (only !== null && name !== only) return call();
    if (++calls !== nth) return call();
    if (way === 'before') stop(name);
    const answer = await call();
    if (way === 'after') stop(name);
    return answer;
  },
};

for (const driver of Object.values(CONNECTORS.kafka)) {
  const { open } = driver;
  const value = (options: KafkaOptions): ReturnType<typeof open> => {
    const real = open({ ...options, ...settings });
    return { ...failingPublisher(real, taker), [Symbol.asyncDispose]: () => real[Symbol.asyncDispose]() };
  };
  Object.defineProperty(driver, 'open', { value });
}

if (alone) Object.defineProperty(CONNECTORS.membership, 'open', { value: (): Membership => ({ join: ownsAll }) });

const stopping = new AbortController();
setMaxListeners(0, stopping.signal);
process.once('SIGTERM', () => stopping.abort(new Error('stopped by SIGTERM')));
try {
  process.exitCode = await run(argv, stopping.signal);
} catch (error) {
  if (!stopping.signal.aborted) {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exitCode = 1;
  }
}

function stop(name: string): void {
  writeSync(1, `stops ${way} ${name}\n`);
  process.kill(process.pid, signal);
}

function ownsAll({ partitions }: MembershipRequest, duty: Duty): Member {
  const all = Array.from({ length: partitions }, (_, partition) => partition);
  for (const partition of all) duty.assigned(partition);
  return {
    joined: Promise.resolve(),
    isConfirmed: true,
    announce: () => {},
    leave: async () => void (await Promise.all(all.map((partition) => duty.revoked(partition)))),
  };
}
