/**
 * The relay's feeds for those who look at them and give them orders (ports/feed-control.ts): here an order is judged by how the feed stands, and handed to its loop.
 */
import { orAbort } from '../lib/abort.ts';
import { unreachable } from '../lib/assert.ts';
import type { FeedId } from '../model/feed.ts';
import type { Checkpoint } from '../model/position.ts';
import type { FeedControl, FeedOrder, FeedView, OrderAnswer, Others } from '../ports/feed-control.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { Crew } from './crew.ts';
import type { Steered } from './holding.ts';
import { isHeld } from './open.ts';
import type { LoopOrder } from './orders.ts';
import { pausedBy } from './supervisor.ts';
import type { Survey } from './survey.ts';

export class Control implements FeedControl {
  readonly #crew: Crew;
  readonly #survey: Survey;
  /** As the relay met them when it started. */
  readonly #orphansBefore: readonly Checkpoint[];
  readonly #telemetry: Pick<Telemetry, 'log'>;

  constructor(crew: Crew, survey: Survey, orphansBefore: readonly Checkpoint[], telemetry: Pick<Telemetry, 'log'>) {
    this.#crew = crew;
    this.#survey = survey;
    this.#orphansBefore = orphansBefore;
    this.#telemetry = telemetry;
  }

  get isConfirmed(): boolean {
    return this.#crew.isConfirmed;
  }

  isKnown(feed: FeedId): boolean {
    return this.#crew.isKnown(feed);
  }

  feeds(): readonly FeedView[] {
    return this.#crew.feeds.map(({ partition, isHere, feed: { spec, checkpoint, claimFailure, memory } }) => ({
      spec,
      partition,
      here: isHere ? { checkpoint, claimFailure, nextTryAt: memory.nextTryAt } : null,
    }));
  }

  get orphans(): ReadonlyMap<FeedId, Checkpoint> {
    return new Map([...this.#orphansBefore, ...this.#crew.orphans].map((checkpoint) => [checkpoint.feed, checkpoint]));
  }

  async others(signal: AbortSignal): Promise<Others> {
    const elsewhere = this.#crew.feeds.filter(({ isHere }) => !isHere).map(({ partition }) => partition);
    return this.#survey.look([...new Set(elsewhere)], signal);
  }

  async order(id: FeedId, order: FeedOrder, signal: AbortSignal): Promise<OrderAnswer> {
    const found = this.#crew.find(id);
    if (found === null) return { kind: 'unknown' };
    if (!found.isHere) return { kind: 'elsewhere' };
    const { feed } = found;
    if (feed.hasEnded) return refused('It has ended: the relay runs until it is current.');
    if (order === 'poll') return poll(feed);
    const standing = standingAnswer(feed, order);
    if (standing !== null) return standing;
    const { orders } = feed.memory;
    if (orders.pending !== null) return refused(`It is asked to ${orders.pending} already, and that is not carried out yet.`);
    const told = orders.ask(order);
    try {
      const how = await orAbort(told, signal);
      return how === 'done'
        ? { kind: 'done', sentence: SENTENCES[order] }
        : refused('It was given up, or parked, before that was carried out: see how it stands.');
    } catch {
      // Whoever asked has gone, and counts on it.
      told.then(
        (how) => how === 'dropped' && this.#telemetry.log('warn', DROPPED, { feed: id, order }),
        () => {},
      );
      return { kind: 'accepted', sentence: 'It is asked to, and will as soon as its claim and the transaction at hand allow.' };
    }
  }
}

const DROPPED = 'an order that was accepted is not carried out: see how the feed stands';

const SENTENCES: Readonly<Record<LoopOrder, string>> = {
  pause: 'It is paused: nothing is published until it is resumed.',
  resume: 'It goes on.',
  restart: 'It begins anew from its checkpoint.',
};

/** An answer that needs no loop; null where the order is to be carried out. */
function standingAnswer({ checkpoint, isClaimed, memory }: Steered, order: LoopOrder): OrderAnswer | null {
  const isPaused = pausedBy(checkpoint) !== null;
  switch (order) {
    case 'pause':
      if (isHeld(checkpoint))
        return refused('It is parked for a reason that only `checkpoint accept` or `checkpoint reset` takes it further from.');
      return isPaused ? { kind: 'done', sentence: 'It is paused already.' } : null;
    case 'resume':
      return isClaimed && !isPaused && !memory.isParked ? { kind: 'done', sentence: 'It is neither paused nor parked.' } : null;
    case 'restart':
      return isPaused ? refused('It is paused: resume it.') : null;
    default:
      return unreachable(order);
  }
}

function poll({ checkpoint, memory }: Steered): OrderAnswer {
  if (pausedBy(checkpoint) !== null) return refused('It is paused: resume it.');
  if (memory.isParked) return refused('It is parked: see why, and resume it when that is mended.');
  const leftMs = memory.orders.nudge();
  if (leftMs !== null) return { kind: 'too_soon', retryAfterMs: leftMs };
  if (memory.nextTryAt === null) return { kind: 'done', sentence: 'It looks for a new version now.' };
  return { kind: 'accepted', sentence: 'It has failed, and looks for a new version when it tries again; restart it to try at once.' };
}

function refused(sentence: string): OrderAnswer {
  return { kind: 'refused', sentence };
}
