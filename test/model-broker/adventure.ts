/**
 * What befalls relays in their world: a list of happenings, each at its step. Whatever they are, in the end every row is published once, in order, behind true checkpoints,
 * or the feed is parked for a reason that one of them is.
 */
import { must } from '../../src/lib/assert.ts';
import type { FailureCode } from '../../src/model/failure.ts';
import type { FeedId, FeedSpec } from '../../src/model/feed.ts';
import type { Checkpoint } from '../../src/model/position.ts';
import type { FeedOrder } from '../../src/ports/feed-control.ts';
import { Busy } from './broker.ts';
import { judge, judgeLedger } from './judge.ts';
import type { Mishap } from './lossy-network.ts';
import type { MemoryTable } from './memory-table.ts';
import { CHECKPOINTS, COMMITS, RelayWorld, SCHEMAS, TRANSACTIONAL_ID } from './relay-world.ts';
import type { Process, WorldOptions } from './relay-world.ts';

export type Happening =
  /** A process is killed, and another one begins. */
  | { readonly kind: 'kill' }
  /** A process stands still for so many steps, as under SIGSTOP, and another one begins. */
  | { readonly kind: 'freeze'; readonly steps: number }
  /** Another process begins, by mistake. */
  | { readonly kind: 'second' }
  /** A process is told to stop. */
  | { readonly kind: 'stop' }
  /** What is on its way takes so long that the next timer comes first. */
  | { readonly kind: 'hurry' }
  /** The group gives the partition to another process. */
  | { readonly kind: 'move' }
  /** The coordinator gives the relay's transaction up. */
  | { readonly kind: 'time-out' }
  /** The tables have another version. */
  | { readonly kind: 'reveal' }
  /** Kafka deletes the older half of the data. */
  | { readonly kind: 'retention' }
  /** Kafka compacts the checkpoints. */
  | { readonly kind: 'compaction' }
  /** Somebody's transaction stands open in the checkpoint partition, until its coordinator gives it up. */
  | { readonly kind: 'hanging' }
  /** Somebody writes to the topic. */
  | { readonly kind: 'intruder' }
  /** Somebody deletes the topic and makes it again. */
  | { readonly kind: 'recreation' }
  /** Somebody gives an order for one of the feeds to one of the processes. */
  | { readonly kind: 'order'; readonly order: FeedOrder };

export interface Event {
  /** Not before so many steps. */
  readonly at: number;
  readonly what: Happening;
}

export interface Adventure extends Pick<WorldOptions, 'tables' | 'start' | 'isKeyed' | 'chunkRecords' | 'isGroup'> {
  /** Of the order of what is under way; 0 is the order of sending. */
  readonly seed: number;
  /** Versions that are there from the beginning. */
  readonly revealed: number;
  readonly events: readonly Event[];
  /** Which requests of relays, counted from 1, go astray. */
  readonly astray: readonly { readonly nth: number; readonly mishap: Mishap }[];
}

export interface Ending {
  /** What is not as it must be, one sentence each. */
  readonly faults: readonly string[];
  /** How each feed ended: `done`, or `parked` and why. */
  readonly outcomes: readonly string[];
  /** How many requests relays made. */
  readonly requests: number;
}

/** What may park a feed. */
const PARKS: Readonly<Partial<Record<Happening['kind'], readonly FailureCode[]>>> = {
  intruder: ['topic.foreign', 'topic.not_empty'],
  recreation: ['topic.recreated', 'topic.lost'],
  order: ['feed.paused'],
};
/** One that does not reach Kafka at its start ends by an error, and is started again. */
const STARTS_MAX = 100;
const HANGING_MS = 30_000;
/** More than any request is late by and any transaction may stay open together: what comes last may open one. */
const AFTERWARDS_MS = 90_000;
const NEVER = new AbortController().signal;

/** Runs it to its end. `trace` is told whatever happens, in order. */
export async function live(adventure: Adventure, trace: ((line: string) => void) | null = null): Promise<Ending> {
  const told = new Told(adventure, trace);
  return told.live();
}

/** One adventure, while it is lived. */
class Told {
  readonly #adventure: Adventure;
  readonly #world: RelayWorld;
  readonly #random: () => number;
  readonly #left: Event[];
  /** Until which step each stands still. */
  readonly #frozen = new Map<Process, number>();
  readonly #trace: (line: string) => void;
  #requests = 0;

  constructor(adventure: Adventure, trace: ((line: string) => void) | null) {
    this.#adventure = adventure;
    this.#random = randomOf(adventure.seed);
    this.#left = adventure.events.toSorted((a, b) => a.at - b.at);
    this.#trace = trace ?? ((): void => {});
    const mishap = (): Mishap | null => {
      this.#requests++;
      return adventure.astray.find(({ nth }) => nth === this.#requests)?.mishap ?? null;
    };
    const choose = (count: number): number => (adventure.seed === 0 ? 0 : Math.floor(this.#random() * count));
    this.#world = new RelayWorld({ ...adventure, choose, random: this.#random, mishap, trace });
    this.#world.revealed = adventure.revealed;
  }

  async live(): Promise<Ending> {
    const { scheduler, specs } = this.#world;
    const isOver = (): boolean => this.#left.length === 0 && this.#world.running.length === 0;
    this.#world.start();
    await scheduler.run(isOver, () => this.#befall());
    // Whatever happens is over: who comes now goes on to the end.
    this.#trace('*** the end');
    this.#world.revealed = Infinity;
    let last = this.#world.start();
    let resumed = new Set<FeedId>();
    const isAtEnd = (): boolean => {
      if (last.ended instanceof Error) {
        last = this.#another();
        resumed = new Set();
      }
      return last.ended !== null;
    };
    await scheduler.run(isAtEnd, () => this.#resume(last, resumed));
    // What is late arrives, and coordinators give up what nobody has ended.
    let isPast = false;
    scheduler.later('past', null, () => (isPast = true), AFTERWARDS_MS);
    await scheduler.run(() => isPast);
    const verdicts = specs.map((spec, i) => this.#verdict(spec, must(this.#adventure.tables[i], 'the table'), last));
    const bugs = this.#world.bugs.map(({ message }) => message);
    return {
      faults: [...bugs, ...verdicts.flatMap(({ faults }) => faults)],
      outcomes: verdicts.map(({ outcome }) => outcome),
      requests: this.#requests,
    };
  }

  #befall(): void {
    const { scheduler } = this.#world;
    for (const [process, until] of this.#frozen) if (until <= scheduler.steps) this.#thaw(process);
    for (let [next] = this.#left; next !== undefined && next.at <= scheduler.steps; [next] = this.#left) {
      this.#left.shift();
      this.#trace(`*** ${JSON.stringify(next.what)}`);
      this.#happen(next.what);
    }
    if (this.#world.running.some(({ state }) => state === 'alive')) return;
    const [frozen] = this.#frozen.keys();
    if (frozen !== undefined) this.#thaw(frozen);
    else if (this.#left.length > 0) this.#another();
  }

  /** What is paused is so no more, as soon as the process has it. */
  #resume({ control }: Process, resumed: Set<FeedId>): void {
    if (control === null || !this.#adventure.events.some(({ what }) => what.kind === 'order')) return;
    for (const { id } of this.#world.specs.filter((spec) => !resumed.has(spec.id))) {
      resumed.add(id);
      control.order(id, 'resume', NEVER).then(
        ({ kind }) => kind === 'done' || resumed.delete(id),
        () => {},
      );
    }
  }

  #happen(what: Happening): void {
    const { broker, scheduler } = this.#world;
    switch (what.kind) {
      case 'kill': {
        const victim = this.#anyOf(this.#world.running);
        if (victim !== null) this.#stopShort(victim, 'killed');
        if (victim !== null) this.#frozen.delete(victim);
        this.#another();
        return;
      }
      case 'freeze': {
        const victim = this.#anyOf(this.#world.running.filter(({ state }) => state === 'alive'));
        if (victim !== null) this.#stopShort(victim, 'frozen');
        if (victim !== null) this.#frozen.set(victim, scheduler.steps + what.steps);
        this.#another();
        return;
      }
      case 'second':
        this.#another();
        return;
      case 'stop':
        this.#anyOf(this.#world.running.filter(({ state }) => state === 'alive'))?.stopping.abort(new Error('told to stop'));
        return;
      case 'hurry':
        scheduler.hurry();
        return;
      case 'move':
        this.#world.group.move();
        return;
      case 'time-out':
        broker.timeOut(TRANSACTIONAL_ID);
        return;
      case 'reveal':
        this.#world.revealed++;
        return;
      case 'compaction':
        for (const logs of broker.logsEver(CHECKPOINTS)) logs.forEach((log) => log.compact());
        return;
      case 'retention':
        for (const log of this.#topics().flatMap((topic) => broker.logs(topic))) log.start = Math.floor((log.start + log.stable) / 2);
        return;
      case 'hanging':
        this.#hang();
        return;
      case 'intruder':
        for (const topic of this.#topics()) broker.intrude(topic, 0, { key: null, value: Buffer.from('foreign'), headers: {} });
        return;
      case 'recreation':
        for (const topic of this.#topics()) {
          const { partitions, replicationFactor } = must(broker.describe(topic), 'the topic');
          broker.delete(topic);
          broker.create({ topic, partitions, replicationFactor, config: {} });
        }
        return;
      case 'order':
        this.#order(what.order);
    }
  }

  /** The feeds' own, those that are there. */
  #topics(): readonly string[] {
    return this.#world.specs.map(({ topic }) => topic).filter((topic) => this.#world.broker.describe(topic) !== null);
  }

  #hang(): void {
    const { broker } = this.#world;
    if (broker.describe(CHECKPOINTS) === null) return;
    try {
      const session = broker.initProducer('somebody', HANGING_MS);
      broker.produce(session, CHECKPOINTS, 0, [{ key: Buffer.from('x'), value: Buffer.from('hanging'), headers: {} }]);
    } catch (error) {
      if (!(error instanceof Busy)) throw error;
    }
  }

  #order(order: FeedOrder): void {
    const { specs, running } = this.#world;
    const process = this.#anyOf(running.filter(({ state }) => state === 'alive'));
    const spec = must(specs[Math.floor(this.#random() * specs.length)], 'a feed');
    process?.control?.order(spec.id, order, NEVER).then(
      (answer) => this.#trace(`*** ${JSON.stringify(answer)}`),
      () => {},
    );
  }

  #another(): Process {
    const { processes } = this.#world;
    if (processes.length >= STARTS_MAX) throw new Error('processes end again and again', { cause: processes.at(-1)?.ended });
    return this.#world.start();
  }

  /** What the last claim must have seen, and parked the feed for. */
  #unseen({ topic }: FeedSpec, { topicId, open }: Checkpoint): readonly string[] {
    const { broker } = this.#world;
    // In a group the last process may have found the feed done by another, and claimed nothing.
    if (this.#adventure.isGroup) return [];
    if (broker.describe(topic)?.topicId !== topicId) return ['the topic was made again, and nobody has noticed'];
    const isForeign = broker
      .logs(topic)
      .some((log, partition) => log.entries.slice(open?.nextOffsets[partition]).some(({ transaction }) => transaction === null));
    return isForeign ? ["somebody else's record stands behind ours, and nobody has noticed"] : [];
  }

  #stopShort(process: Process, state: 'killed' | 'frozen'): void {
    process.state = state;
    this.#world.group.miss(process);
  }

  #thaw(process: Process): void {
    this.#frozen.delete(process);
    process.state = 'alive';
  }

  #anyOf(processes: readonly Process[]): Process | null {
    return processes[Math.floor(this.#random() * processes.length)] ?? null;
  }

  #verdict(spec: FeedSpec, table: MemoryTable, process: Process): { readonly faults: readonly string[]; readonly outcome: string } {
    const { broker } = this.#world;
    const topics = broker.logsEver(spec.topic);
    const checkpoints = must(broker.logs(CHECKPOINTS)[0], 'the checkpoint partition');
    const schemas = must(broker.logs(SCHEMAS)[0], 'the partition of schemas');
    const evidence = { spec, table, checkpoints, topics, schemas, commits: must(broker.logs(COMMITS)[0], 'the partition of commits') };
    const { faults, checkpoint } = judge(evidence);
    const open = [checkpoints, ...topics.flat()].filter((log) => log.stable < log.end && !log.isSettling);
    const stuck = open.map((log) => `a partition can be read up to ${log.stable} only, of ${log.end}`);
    const { ended } = process;
    if (ended === null || ended instanceof Error) return { faults: [...faults, `it ended by ${String(ended)}`], outcome: 'none' };
    const outcome = must(ended.get(spec.id), 'the outcome');
    const allowed = this.#adventure.events.flatMap(({ what }): readonly string[] => PARKS[what.kind] ?? []);
    if (outcome.kind === 'parked') {
      const unduly = allowed.includes(outcome.failure.code) ? [] : [`it is parked without a reason: ${outcome.failure.message}`];
      return { faults: [...faults, ...stuck, ...unduly], outcome: `parked ${outcome.failure.code}` };
    }
    const last = must(checkpoint, 'a checkpoint');
    const { state, failure, position } = last;
    // In a group another process may have parked the feed behind the end.
    const isFine = failure === null ? state === 'running' : this.#adventure.isGroup && allowed.includes(failure.code);
    const isAtEnd = isFine && position.version === table.versions.length && position.records === 0;
    const short = isAtEnd ? [] : [`it ended ${outcome.kind} and ${state} at ${JSON.stringify(position)}`];
    const ledger = topics.length > 1 ? [] : judgeLedger(evidence);
    return { faults: [...faults, ...stuck, ...short, ...ledger, ...this.#unseen(spec, last)], outcome: outcome.kind };
  }
}

/** Numbers in [0, 1) that the seed decides (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
