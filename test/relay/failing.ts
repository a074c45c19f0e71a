/**
 * Parts of a relay that fail at one step of a run: the n-th call of any of them, counted from 1, fails in one of two ways.
 */
import { Failure } from '../../src/model/failure.ts';
import type { FailureCode } from '../../src/model/failure.ts';
import type { Encoder, Segment } from '../../src/ports/encoder.ts';
import type { Publisher, TopicAdmin, TransactionalProducer } from '../../src/ports/publisher.ts';
import type { ChangeListing, Source } from '../../src/ports/source.ts';

export type Way =
  /** The call is not made. */
  | 'before'
  /** The call is made, and its answer is lost. */
  | 'after';

/** Counts calls, and lets one of them fail. */
export class Step {
  readonly #nth: number;
  readonly way: Way;
  readonly #code: FailureCode;
  readonly #only: string | null;
  /** Of every call that counted. */
  readonly names: string[] = [];
  /** What the failing call was, once it has failed. */
  failed: string | null = null;

  /** `nth` 0 never fails: it counts. With `only` no other calls than those of this name count. */
  constructor(nth: number, way: Way = 'before', code: FailureCode = 'kafka.unreachable', only: string | null = null) {
    this.#nth = nth;
    this.way = way;
    this.#code = code;
    this.#only = only;
  }

  async take<T>(name: string, call: () => Promise<T>): Promise<T> {
    if (this.#only !== null && name !== this.#only) return call();
    this.names.push(name);
    if (this.names.length !== this.#nth) return call();
    this.failed = name;
    if (this.way === 'after') await call();
    throw new Failure(this.#code, `${name}, the call ${this.#nth}, fails ${this.way} it is made`);
  }
}

/** Somebody who takes a call in the midst. */
export type StepTaker = Pick<Step, 'take' | 'way'>;

/** Of calls that only ask, a lost answer is the same as a call that was not made: with `after` they are not counted. */
export function failingPublisher(real: Publisher, step: StepTaker): Publisher {
  const asking: TopicAdmin = {
    reach: (signal) => real.admin.reach(signal),
    describe: (topic, signal) => step.take('describe', () => real.admin.describe(topic, signal)),
    create: (specs, signal) => step.take('create', () => real.admin.create(specs, signal)),
    config: (topic, signal) => step.take('config', () => real.admin.config(topic, signal)),
    offsets: (topic, signal) => step.take('offsets', () => real.admin.offsets(topic, signal)),
    firstCommitted: (topic, partition, from, signal) =>
      step.take('firstCommitted', () => real.admin.firstCommitted(topic, partition, from, signal)),
    ...watching(real.admin),
  };
  const admin: TopicAdmin =
    step.way === 'before' ? asking : { ...passing(real.admin), create: (specs, signal) => asking.create(specs, signal) };
  const failing = (producer: TransactionalProducer): TransactionalProducer => ({
    begin: () => step.take('begin', () => producer.begin()),
    send: (topic, blocks) => step.take('send', () => producer.send(topic, blocks)),
    sendControl: (records) => step.take('sendControl', () => producer.sendControl(records)),
    commit: (deadlineMs) => step.take('commit', () => producer.commit(deadlineMs)),
    abort: (deadlineMs) => producer.abort(deadlineMs),
    close: () => producer.close(),
  });
  return {
    admin,
    claim: async (request, signal) => {
      const { producer, records } = await step.take('claim', () => real.claim(request, signal));
      return { producer: failing(producer), records };
    },
    read: (request, signal) => real.read(request, signal),
    [Symbol.asyncDispose]: async () => {},
  };
}

function passing(admin: TopicAdmin): TopicAdmin {
  return {
    reach: (signal) => admin.reach(signal),
    describe: (topic, signal) => admin.describe(topic, signal),
    create: (specs, signal) => admin.create(specs, signal),
    config: (topic, signal) => admin.config(topic, signal),
    offsets: (topic, signal) => admin.offsets(topic, signal),
    firstCommitted: (topic, partition, from, signal) => admin.firstCommitted(topic, partition, from, signal),
    ...watching(admin),
  };
}

/** What nothing is decided by is no step. */
function watching(admin: TopicAdmin): Pick<TopicAdmin, 'look' | 'lookAtCluster' | 'rehearse' | 'lookAtTransactions' | 'tails'> {
  return {
    look: (topics, signal) => admin.look(topics, signal),
    lookAtCluster: (settings, group, signal) => admin.lookAtCluster(settings, group, signal),
    rehearse: (spec, signal) => admin.rehearse(spec, signal),
    lookAtTransactions: (id, signal) => admin.lookAtTransactions(id, signal),
    tails: (topics, signal) => admin.tails(topics, signal),
  };
}

export function failingSource(real: Source, step: Step): Source {
  return {
    name: real.name,
    endpoint: real.endpoint,
    tables: (scope, signal) => real.tables(scope, signal),
    latestVersion: (table, signal) => step.take('latestVersion', () => real.latestVersion(table, signal)),
    metadata: (table, version, signal) => step.take('metadata', () => real.metadata(table, version, signal)),
    versionAt: (table, at, signal) => step.take('versionAt', () => real.versionAt(table, at, signal)),
    snapshot: async (table, request, signal) =>
      failingListing(await step.take('snapshot', () => real.snapshot(table, request, signal)), step),
    credentialRenewed: (signal) => real.credentialRenewed(signal),
    clockAheadMs: () => real.clockAheadMs(),
    changes: async (table, range, signal) => failingListing(await step.take('changes', () => real.changes(table, range, signal)), step),
    [Symbol.asyncDispose]: async () => {},
  };
}

/** Every segment is a step: the worker dies before the first of a file, or in the midst of it. */
export function failingEncoder(real: Encoder, step: Step): Encoder {
  return {
    async *encode(request, signal): AsyncGenerator<Segment> {
      for await (const segment of real.encode(request, signal)) yield await step.take('encode', () => Promise.resolve(segment));
    },
    async *encodeVersion(request, signal): AsyncGenerator<Segment> {
      for await (const segment of real.encodeVersion(request, signal)) yield await step.take('encode', () => Promise.resolve(segment));
    },
    marked: (segment, marked) => real.marked(segment, marked),
    markBytes: real.markBytes,
    eventSchema: real.eventSchema,
    events: (events, prefix) => real.events(events, prefix),
    schemas: (layout) => real.schemas(layout),
    [Symbol.asyncDispose]: async () => {},
  };
}

function failingListing(listing: ChangeListing, step: Step): ChangeListing {
  return {
    ...listing,
    read: (version, file, end) => step.take('read', () => listing.read(version, file, end)),
    prove: (version, end) => step.take('prove', () => listing.prove(version, end)),
  };
}
