/**
 * How long each step of a version took, from the poll that told of it to its commit: kept over a feed's runs, so that a version that is tried again is as late as it is.
 *
 * Versions that were there at the first poll are not told of: how late they are says when the relay was started, or how old the table is.
 */
import type { EpochMs, Version } from '../model/version.ts';
import type { VersionTimes } from '../ports/telemetry.ts';

/** A feed that fails is polled all the same: of what came in the polls before these nothing is told. */
const POLLS_MAX = 100;

/** Of one table: one that was made again gets another. */
export class Freshness {
  /** The highest that a poll told of; null before the first. */
  #known: Version | null = null;
  /** Polls that told of something new, which is not all committed yet. */
  readonly #polls: { readonly from: Version; readonly to: Version; readonly at: EpochMs }[] = [];
  /** Of versions in hand, which are as many as one listing has. */
  readonly #fetchedAt = new Map<Version, EpochMs>();
  readonly #encodedAt = new Map<Version, EpochMs>();

  polled(latest: Version, at: EpochMs): void {
    if (this.#known !== null && latest > this.#known) this.#polls.push({ from: this.#known + 1, to: latest, at });
    if (this.#polls.length > POLLS_MAX) this.#polls.shift();
    this.#known = Math.max(this.#known ?? latest, latest);
  }

  /** One more file of the version is there. */
  fetched(version: Version, at: EpochMs): void {
    this.#fetchedAt.set(version, at);
  }

  /** Its last record is encoded. */
  encoded(version: Version, at: EpochMs): void {
    this.#encodedAt.set(version, at);
  }

  /** Versions are committed in order. Null: nothing is to be told of this one. */
  committed(version: Version, visibleAt: EpochMs | null, at: EpochMs): VersionTimes | null {
    const poll = this.#polls.find(({ from, to }) => from <= version && version <= to);
    const fetchedAt = this.#fetchedAt.get(version);
    const encodedAt = this.#encodedAt.get(version);
    while (this.#polls[0] !== undefined && this.#polls[0].to <= version) this.#polls.shift();
    for (const times of [this.#fetchedAt, this.#encodedAt]) for (const done of times.keys()) if (done <= version) times.delete(done);
    if (poll === undefined || fetchedAt === undefined || encodedAt === undefined) return null;
    return { visibleAt, polledAt: poll.at, fetchedAt, encodedAt, committedAt: at };
  }
}
