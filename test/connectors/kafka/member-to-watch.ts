/**
 * Members of a group whose work is to be seen: who has which partition at every moment, and whether two ever have one.
 */
import { openMembership } from '../../../connectors/kafka/membership.ts';
import type { MembershipOptions } from '../../../connectors/kafka/membership.ts';
import type { Member } from '../../../src/ports/membership.ts';
import { poll } from '../../kafka/probe.ts';
import { quiet } from '../../support/quiet-telemetry.ts';

export interface WatchedMember {
  readonly member: Member;
  /** What it works on. */
  readonly own: ReadonlySet<number>;
  /** What it was told: `assigned 3`, `revoked 3`, `lost 3`. */
  readonly told: readonly string[];
  readonly lines: readonly string[];
  /** Rounds that it took part in. */
  readonly rounds: () => number;
  /** Ends it, orderly or not. */
  readonly scope: AbortController;
}

export interface MemberSettings {
  readonly busy?: ReadonlySet<number>;
  readonly owner?: string;
  readonly config?: string;
  /** What giving a partition up waits for. */
  readonly untilRevoked?: () => Promise<void>;
}

export class GroupToWatch {
  readonly #options: Omit<MembershipOptions, 'telemetry'>;
  readonly #group: string;
  readonly #partitions: number;
  readonly #members: WatchedMember[] = [];
  readonly #owners = new Map<number, WatchedMember>();
  /** Partitions that were assigned while another member had them. */
  readonly twice: number[] = [];

  constructor(options: Omit<MembershipOptions, 'telemetry'>, group: string, partitions: number) {
    this.#options = options;
    this.#group = group;
    this.#partitions = partitions;
  }

  join({ busy = new Set(), owner = 'somebody', config = 'one', untilRevoked = async () => {} }: MemberSettings = {}): WatchedMember {
    const own = new Set<number>();
    const told: string[] = [];
    const lines: string[] = [];
    const scope = new AbortController();
    let rounds = 0;
    const membership = openMembership({
      ...this.#options,
      telemetry: {
        ...quiet,
        rebalanced: () => void rounds++,
        log: (level, message, fields) =>
          void lines.push(`${level} ${message}${typeof fields?.['owner'] === 'string' ? ` (${fields['owner']})` : ''}`),
      },
    });
    const duty = {
      busy: () => busy,
      assigned: (partition: number): void => {
        told.push(`assigned ${partition}`);
        own.add(partition);
        if (this.#owners.has(partition)) this.twice.push(partition);
        this.#owners.set(partition, watched);
      },
      revoked: async (partition: number): Promise<void> => {
        await untilRevoked();
        told.push(`revoked ${partition}`);
        this.#drop(partition, watched, own);
      },
      lost: (partition: number): void => {
        told.push(`lost ${partition}`);
        this.#drop(partition, watched, own);
      },
    };
    const request = { group: this.#group, topic: 'watched.checkpoints', partitions: this.#partitions, owner, config };
    const member = membership.join(request, duty, scope.signal);
    const watched: WatchedMember = { member, own, told, lines, rounds: () => rounds, scope };
    this.#members.push(watched);
    return watched;
  }

  /** Until each member has so many partitions, in any order. */
  async untilShared(...counts: readonly number[]): Promise<void> {
    const wanted = counts.toSorted((a, b) => b - a).join();
    const shared = async (): Promise<boolean> =>
      this.#members
        .map(({ own }) => own.size)
        .filter((size) => size > 0)
        .toSorted((a, b) => b - a)
        .join() === wanted;
    await poll(`sharing as ${wanted}`, 240_000, shared);
  }

  /** Ends all members, and waits until they have left. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { scope } of this.#members) scope.abort(new Error('the test is over'));
    await Promise.all(this.#members.map(async ({ member }) => member.leave()));
  }

  #drop(partition: number, watched: WatchedMember, own: Set<number>): void {
    own.delete(partition);
    if (this.#owners.get(partition) === watched) this.#owners.delete(partition);
  }
}
