/**
 * What a member of the group has, and what it is giving up. A partition stays its own until it is given up, whatever the group wants: nobody else gets it before.
 */
import type { Duty } from '../../src/ports/membership.ts';
import { within } from './deadline.ts';

/** After this a partition is handed on though it was not given up: safety is the fencing's. */
const REVOKE_MS = 10_000;

export class Belongings {
  readonly #duty: Duty;
  readonly #onFreed: () => void;
  readonly #owned = new Set<number>();
  /** Of those, the ones that are being given up; each with an object of its own, since a partition may be lost meanwhile and come back. */
  readonly #releases = new Map<number, object>();
  /** What the group wants this member to have. */
  #wanted: readonly number[] = [];
  #isLeaving = false;

  /** `onFreed` is called when a partition was given up. */
  constructor(duty: Duty, onFreed: () => void) {
    this.#duty = duty;
    this.#onFreed = onFreed;
  }

  /** What is worked on, or not given up yet. */
  get owned(): readonly number[] {
    return [...this.#owned];
  }

  get isGivingUp(): boolean {
    return this.#releases.size > 0;
  }

  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  has(partition: number): boolean {
    return this.#owned.has(partition);
  }

  /** Takes what is new among these, and begins to give up what is not among them. */
  obey(wanted: readonly number[]): void {
    this.#wanted = wanted;
    for (const partition of wanted) this.#take(partition);
    for (const partition of this.#owned) if (!wanted.includes(partition)) this.#release(partition);
  }

  /** Begins to give up everything, without a limit of time, and takes nothing from here on. */
  leave(): void {
    this.#isLeaving = true;
    for (const partition of this.#owned) this.#release(partition);
  }

  /** All of it may be others' already. */
  lose(): void {
    const owned = this.owned;
    this.#owned.clear();
    this.#releases.clear();
    this.#wanted = [];
    for (const partition of owned) this.#duty.lost(partition);
  }

  #take(partition: number): void {
    if (this.#isLeaving || this.#owned.has(partition)) return;
    this.#owned.add(partition);
    this.#duty.assigned(partition);
  }

  #release(partition: number): void {
    if (this.#releases.has(partition)) return;
    const release = {};
    this.#releases.set(partition, release);
    const revoked = this.#duty.revoked(partition);
    const bounded = this.#isLeaving ? revoked : within(revoked, REVOKE_MS, () => new Error('late')).catch(() => {});
    const freed = (): void => {
      if (this.#releases.get(partition) !== release) return;
      this.#releases.delete(partition);
      this.#owned.delete(partition);
      if (this.#wanted.includes(partition)) this.#take(partition);
      this.#onFreed();
    };
    bounded.then(freed, freed);
  }
}
