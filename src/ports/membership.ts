/**
 * Which partitions of the checkpoint topic this relay is to work on: a group of replicas shares them out. The implementation is connectors/kafka/membership.ts, on
 * Kafka's own group protocol; the relay's part is src/relay/crew.ts.
 *
 *   join ─► assigned … assigned ─► revoked ─► assigned …          a partition moves when its owner has given it up
 *             └────────► lost ─► (joins again by itself) ─► assigned …      the group went on without this member
 *
 * The group says who *should* work on a partition. Who *can* is for the transaction coordinator alone: two members that both believe to own a partition are safe
 * (notes/kafka.md §3.1).
 */

export interface MembershipRequest {
  /** `<relay.name>.relay`. */
  readonly group: string;
  /** `<relay.name>.checkpoints`, whose partitions are shared out. */
  readonly topic: string;
  readonly partitions: number;
  /** Who this is, for people: the other members are told, and since when it is there. */
  readonly owner: string;
  /** Hash of what the config says of feeds. Members with another one are of another deployment, or of one that is just being changed: of that is told. */
  readonly config: string;
}

/** What a member does for its group. Called by the member, one call at a time for each partition; none may throw. */
export interface Duty {
  /** Partitions that have feeds: they are balanced among themselves, before the empty ones. Asked whenever the member joins. */
  busy(): ReadonlySet<number>;
  /** From now on the partition is the member's own. */
  assigned(partition: number): void;
  /** The partition is wanted elsewhere: resolves when nothing is done for it any more, which the next owner waits for. The member goes on without after ten seconds. */
  revoked(partition: number): Promise<void>;
  /** The partition may be another's already: what is done for it ends at once. Also when the partition is being revoked. */
  lost(partition: number): void;
}

export interface Member {
  /**
   * Resolves when the group has told its first word: what is the member's by it was assigned before. Rejects with a `Failure` that a person must see to: `kafka.unauthorized`, `group.foreign`,
   * `group.full`; or with `signal.reason`. What passes is tried again for ever.
   */
  readonly joined: Promise<void>;
  /**
   * Whether the group is known to hold the member for alive: who is not may keep what it has, but must not take it back from somebody who has claimed it since.
   */
  readonly isConfirmed: boolean;
  /** The busy partitions may be others than at the last joining. */
  announce(): void;
  /** Gives everything up by `revoked`, without a limit of time but `signal`, each partition as soon as it may go, and leaves the group. Never rejects. */
  leave(): Promise<void>;
}

export interface Membership {
  /** Joins the group and stays in it until `leave`, or until `signal` aborts: then it leaves at once, and calls nothing of `duty` any more. */
  join(request: MembershipRequest, duty: Duty, signal: AbortSignal): Member;
}
