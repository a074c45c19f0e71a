/**
 * What people ask of one feed while it runs, from the asking to the feed's own loop (supervisor.ts), which alone carries it out.
 *
 *   ask ─► waits of the loop end at once
 *      └─► the run at hand ends, as soon as no transaction is under way ─► the loop obeys ─► told
 *
 * A run that is ended between transactions has committed what it committed: the next one goes on from the checkpoint, as after every failure that passes.
 */
import { assert } from '../lib/assert.ts';
import type { Clock } from '../lib/clock.ts';
import type { EpochMs } from '../model/version.ts';
import type { FeedOrder } from '../ports/feed-control.ts';
import type { ClaimedPartition } from './partition.ts';
import type { Wait } from './poll.ts';

/** Orders that end the run at hand. */
export type LoopOrder = Exclude<FeedOrder, 'poll'>;

/** The least that the config allows between two polls. */
const NUDGE_MS = 1_000;

interface Asked {
  readonly order: LoopOrder;
  readonly told: PromiseWithResolvers<'done' | 'dropped'>;
}

export class Orders {
  readonly #clock: Clock;
  #asked: Asked | null = null;
  #waking = new AbortController();
  #running = new AbortController();
  #partition: ClaimedPartition | null = null;
  #nudgedAt: EpochMs = -Infinity;
  #isNudged = false;
  #nudge: AbortController | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What is asked and not carried out yet. */
  get pending(): LoopOrder | null {
    return this.#asked?.order ?? null;
  }

  /** Aborts when something is asked: for waits with nothing in hand. */
  get waking(): AbortSignal {
    return this.#waking.signal;
  }

  /** Aborts when something is asked and no transaction of the partition is under way: for a run. */
  get running(): AbortSignal {
    return this.#running.signal;
  }

  /** Under which claim the feed runs: told by the loop, before its first run. */
  attend(partition: ClaimedPartition): void {
    this.#partition = partition;
  }

  /** Resolves when the loop has carried it out, or when it is dropped. Nothing may be pending. */
  ask(order: LoopOrder): Promise<'done' | 'dropped'> {
    assert(this.#asked === null, `asked to ${order} while something else is pending`);
    const asked: Asked = { order, told: Promise.withResolvers() };
    this.#asked = asked;
    this.#waking.abort(new Error(`asked to ${order}`));
    this.#interrupt(asked);
    return asked.told.promise;
  }

  /** The loop has carried out what is pending: waits and runs from here on are those behind it. */
  obeyed(): void {
    this.#end('done');
  }

  /** It does not come true any more: the feed has ended or left, or is not what it was when it was asked. */
  drop(): void {
    this.#end('dropped');
  }

  /** Ends the wait for the next poll, or lets the next one be none. Milliseconds until it may be asked again, or null where it is done. */
  nudge(): number | null {
    const now = this.#clock.now();
    const leftMs = this.#nudgedAt + NUDGE_MS - now;
    if (leftMs > 0) return leftMs;
    this.#nudgedAt = now;
    this.#isNudged = true;
    this.#nudge?.abort();
    return null;
  }

  /** As `wait`, and ended by a nudge. */
  nudged(wait: Wait): Wait {
    return async (signal) => {
      const nudge = new AbortController();
      this.#nudge = nudge;
      try {
        if (!this.#isNudged) await wait(AbortSignal.any([signal, nudge.signal]));
      } catch (error) {
        signal.throwIfAborted();
        if (!nudge.signal.aborted) throw error;
      } finally {
        this.#nudge = null;
        this.#isNudged = false;
      }
    };
  }

  #interrupt(asked: Asked): void {
    this.#partition?.between(() => {
      if (this.#asked === asked) this.#running.abort(new Error(`asked to ${asked.order}`));
    });
  }

  #end(how: 'done' | 'dropped'): void {
    const asked = this.#asked;
    if (asked === null) return;
    this.#asked = null;
    this.#waking = new AbortController();
    if (this.#running.signal.aborted) this.#running = new AbortController();
    asked.told.resolve(how);
  }
}
