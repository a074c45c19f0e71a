/**
 * A provider as a process of its own whose requests go wrong at random, in one way for some seconds and then in another: `faulty-provider.ts <folder> <profile> <seed>`.
 * It prints a line when it listens, and at its end how often what went wrong. SIGUSR2 ends the faults.
 */
import { writeFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { openDecoder } from '../../connectors/decoders/parquet.ts';
import { must } from '../../src/lib/assert.ts';
import type { FaultKind } from '../../src/provider/fault-kinds.ts';
import type { FaultPlan, FaultRule } from '../../src/provider/faults.ts';
import { startProvider } from '../../src/provider/provider.ts';
import { seededRandom } from '../delta-writer/random.ts';
import type { Random } from '../delta-writer/random.ts';
import { FAULT_CASES } from './provider-faults.ts';
import type { FaultCase } from './provider-faults.ts';

const PHASE_MS = { least: 1_000, most: 6_000 };
/** Of how many requests of a hundred go wrong. */
const PERCENTS = [0, 5, 10, 20, 40, 80];
const CASES_AT_ONCE = 6;
/** What holds a feed up for long, a timeout or until the next start, comes so much less often. */
const SELDOM = 12;
/** A version of which half was published under ids of another kind can rightly not be gone on with: a person decides. */
const LASTING: readonly FaultKind[] = ['md5-ids'];

const CASES = FAULT_CASES.filter((fault) => fault.strikes === 'once' && !LASTING.includes(fault.do.kind));

const [folder, profilePath, seed] = process.argv.slice(2);
const random = seededRandom(Number(seed));
const provider = await startProvider({
  folder: must(folder, 'a folder'),
  port: 0,
  token: 'a-token',
  revealMs: null,
  faults: null,
  decoder: openDecoder(),
  urlLifetimeMs: 60_000,
  now: Date.now,
  log: (line) => void process.stderr.write(`${line}\n`),
});
await writeFile(must(profilePath, 'a path for the profile'), JSON.stringify(provider.profile));
process.stdout.write(`${provider.endpoint}\n`);

const ending = new AbortController();
const calming = new AbortController();
process.once('SIGTERM', () => ending.abort());
process.once('SIGUSR2', () => calming.abort());
const faults = new Map<string, number>();
let requests = 0;

while (!ending.signal.aborted) {
  const isCalm = calming.signal.aborted;
  provider.goWrong(isCalm ? null : planOf(random));
  const since = Date.now();
  const signal = isCalm ? ending.signal : AbortSignal.any([ending.signal, calming.signal]);
  await wait(random.between(PHASE_MS.least, PHASE_MS.most), undefined, { signal }).catch(() => {});
  for (const request of provider.requests.filter(({ at }) => at >= since)) {
    requests++;
    for (const kind of request.faults) faults.set(kind, (faults.get(kind) ?? 0) + 1);
  }
}
await provider[Symbol.asyncDispose]();
process.stdout.write(`${JSON.stringify({ requests, faults: Object.fromEntries(faults) })}\n`);

function planOf(random: Random): FaultPlan {
  const percent = must(PERCENTS[random.below(PERCENTS.length)], 'a percentage');
  const chosen = Array.from({ length: CASES_AT_ONCE }, () => must(CASES[random.below(CASES.length)], 'a case'));
  return { rules: chosen.flatMap((fault) => rulesOf(fault, percent / 100 / CASES_AT_ONCE, random)) };
}

function rulesOf(fault: FaultCase, probability: number, random: Random): readonly FaultRule[] {
  const isHeavy = fault.parks.length > 0 || fault.do.kind === 'hang';
  return fault.routes.map((route) => ({
    match: { route, probability: isHeavy ? probability / SELDOM : probability, seed: random.below(2 ** 31) },
    do: fault.do,
  }));
}
