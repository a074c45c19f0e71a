/**
 * A member of the group of replicas, by Kafka's classic group protocol, cooperatively (KIP-429).
 *
 *            ┌──────────────────────────────── what was taken is given up, or feeds came ◄─────┐
 *            ▼                                                                                 │
 *   find ─► join: "this is what I have" ─► (the leader assigns) ─► sync: "this is yours" ─► beat, beat, beat
 *    ▲       ▲                                                                                 │
 *    │       └──────────────────── another member came, left or died: REBALANCE_IN_PROGRESS ◄──┤
 *    └─────────── the coordinator moved, or does not answer                                    │
 *   everything is lost, join as a new member ◄──── the group went on without: UNKNOWN_MEMBER_ID, ILLEGAL_GENERATION
 *
 * No partition is given to a member while another has it. Giving up goes on beside the beating, and the member joins again as soon as something is given up: then the
 * leader can hand it on. While anything moves all members beat faster, so that the next round begins soon.
 *
 * Each member has a `group.instance.id` of its own, new for every process. It says where the member runs (membership-process.ts), and spares the round trip of
 * MEMBER_ID_REQUIRED, between whose halves a killed process would hold the group up unseen.
 *
 * A broker lets the first member of an empty group wait, three seconds by default, for others to come (`group.initial.rebalance.delay.ms`). Whoever finds itself
 * alone in the group meanwhile works on everything: should others come, it has what it has, and gives up their share as always.
 */
import { sleep } from '../../src/lib/abort.ts';
import { backoffMs } from '../../src/lib/backoff.ts';
import { Failure } from '../../src/model/failure.ts';
import type { Duty, Member, Membership, MembershipRequest } from '../../src/ports/membership.ts';
import type { Telemetry } from '../../src/ports/telemetry.ts';
import { CODES, failureOf, reasonOf } from './kafka-failure.ts';
import { assign } from './membership-assignor.ts';
import { Belongings } from './membership-belongings.ts';
import { isAloneAtEntrance } from './membership-entrance.ts';
import { readSubscription, readWord, writeSubscription, writeWord } from './membership-messages.ts';
import type { Subscription, Word } from './membership-messages.ts';
import { newInstanceId } from './membership-process.ts';
import { GroupWire, requiredMemberId } from './membership-wire.ts';
import type { Identity, JoinedGroup } from './membership-wire.ts';
import type { ConnectionOptions } from './connections.ts';

export interface MembershipOptions extends ConnectionOptions {
  /** A member that was not heard of for so long is held for dead, and its partitions are handed on. */
  readonly sessionMs: number;
  /** How often it is heard of, and hears of a new round. */
  readonly beatMs: number;
  readonly telemetry: Telemetry;
}

/** A planned hand-over begins with a beat, and is to take two seconds at most. */
export const MEMBERSHIP_DEFAULTS = { sessionMs: 6_000, beatMs: 500 } as const;

/** How long the coordinator waits for members to join a round. */
const REBALANCE_MS = 8_000;
/** While partitions move. */
const MOVING_BEAT_MS = 200;
/** What is given up, or announced, at almost one time, goes into one round. */
const GATHER_MS = 50;
const LEAVE_MS = 2_000;
const STRANGERS_MAX = 100;
const BACKOFF = { firstMs: 100, maxMs: 5_000 };
/** So long failures in a row go untold, since coordinators move; and so often they are told. */
const UNTOLD_MS = 10_000;
/** Where a broker allows no session as short. */
const SESSION_MAX_MS = 60_000;

export function openMembership(options: MembershipOptions): Membership {
  return { join: (request, duty, signal) => new GroupMember(options, request, duty, signal) };
}

/** What the group was told of this member last. */
interface Announced {
  readonly owned: readonly number[];
  readonly busy: string;
  readonly isLeaving: boolean;
}

class GroupMember implements Member {
  readonly joined: Promise<void>;
  readonly #options: MembershipOptions;
  readonly #request: MembershipRequest;
  readonly #duty: Duty;
  readonly #wire: GroupWire;
  readonly #joined = Promise.withResolvers<void>();
  readonly #ended: Promise<void>;
  /** Aborts when the member is to leave and has nothing any more. */
  readonly #departure = new AbortController();
  readonly #scope: AbortSignal;
  #identity: Identity = { memberId: '', instanceId: newInstanceId() };
  /** In which the last word was said; -1 = none was. */
  #generation = -1;
  readonly #belongings: Belongings;
  #word: Word = { partitions: [], isMoving: false };
  #announced: Announced | null = null;
  readonly #since = Date.now();
  /** Owners of which was told. */
  readonly #strangers = new Set<string>();
  #wasMember = false;
  /** The partitions of which was told last. */
  #told: string | null = null;
  #failingSince: number | null = null;
  /** Alone in a group that still waits for others. */
  #isAlone = false;
  #heardAt = -Infinity;
  #sessionMs: number;
  #woken = Promise.withResolvers<void>();

  constructor(options: MembershipOptions, request: MembershipRequest, duty: Duty, signal: AbortSignal) {
    this.#options = options;
    this.#request = request;
    this.#duty = duty;
    this.#sessionMs = options.sessionMs;
    this.#belongings = new Belongings(duty, () => {
      this.#departIfFree();
      this.#wake();
    });
    this.#wire = new GroupWire(options, request.group);
    this.#scope = AbortSignal.any([signal, this.#departure.signal]);
    this.joined = this.#joined.promise;
    this.joined.catch(() => {});
    this.#ended = this.#run().catch((error: unknown) => this.#joined.reject(error));
  }

  get isConfirmed(): boolean {
    return this.#isAlone || performance.now() - this.#heardAt < this.#sessionMs;
  }

  announce(): void {
    this.#wake();
  }

  async leave(): Promise<void> {
    if (!this.#scope.aborted) {
      this.#belongings.leave();
      this.#departIfFree();
      this.#wake();
    }
    await this.#ended;
  }

  /** Until `#scope` aborts, or the first joining fails in a way that a person must see to. */
  async #run(): Promise<void> {
    try {
      for (let failures = 0; !this.#scope.aborted;) {
        try {
          await this.#round();
          failures = 0;
          this.#failingSince = null;
          await this.#stay();
        } catch (error) {
          if (this.#scope.aborted) break;
          if (reasonOf(error).code === CODES.rebalanceInProgress) continue;
          await this.#recover(error, failures++);
        }
      }
      this.#joined.reject(this.#scope.reason);
    } finally {
      const parting = AbortSignal.timeout(LEAVE_MS);
      await this.#wire.leave([this.#identity], 'the relay stops', parting).catch(() => {});
      this.#wire.close();
      this.#options.telemetry.partitionsAssigned(0);
    }
  }

  /** Joins, and does what the group says. */
  async #round(): Promise<void> {
    const { topic } = this.#request;
    const joined = await this.#join();
    this.#identity = { ...this.#identity, memberId: joined.memberId };
    const words = joined.members === null ? new Map<string, Buffer>() : this.#reckon(joined.members);
    const assignment = await this.#wire.sync(this.#identity, joined.generation, words, this.#scope);
    const word = readWord(assignment, topic);
    if (word === null)
      throw new Failure('group.foreign', `the group ${this.#request.group} assigns partitions in a way that is not the relay's`);
    this.#heardAt = performance.now();
    this.#generation = joined.generation;
    this.#isAlone = false;
    this.#obey(word);
    this.#options.telemetry.rebalanced();
    this.#becomeMember();
  }

  #becomeMember(): void {
    this.#wasMember = true;
    this.#joined.resolve();
  }

  async #join(): Promise<JoinedGroup> {
    const { owned, isLeaving } = this.#belongings;
    this.#announced = { owned, busy: this.#busyText(), isLeaving };
    const { topic, owner, config } = this.#request;
    const metadata = writeSubscription({
      topic,
      owned,
      generation: this.#generation,
      busy: [...this.#duty.busy()],
      isLeaving,
      owner,
      since: this.#since,
      config,
    });
    const entered = new AbortController();
    const entrance = this.#identity.memberId === '' ? this.#enter(AbortSignal.any([this.#scope, entered.signal])) : Promise.resolve();
    try {
      return await this.#wire.join(this.#identity, { sessionMs: this.#sessionMs, rebalanceMs: REBALANCE_MS }, metadata, this.#scope);
    } finally {
      entered.abort();
      await entrance;
    }
  }

  /** Works on everything while the joining waits, if there is nobody else. Never rejects. */
  async #enter(signal: AbortSignal): Promise<void> {
    const { group, partitions } = this.#request;
    const newcomer = { wire: this.#wire, group, instanceId: this.#identity.instanceId, telemetry: this.#options.telemetry };
    if (!(await isAloneAtEntrance(newcomer, signal)) || signal.aborted) return;
    this.#isAlone = true;
    const all = Array.from({ length: partitions }, (_, partition) => partition);
    this.#belongings.obey(all);
    // As the leader, which the first one is, this member reckons with them: whoever waits for one is to learn when it is given up.
    if (this.#announced !== null) this.#announced = { ...this.#announced, owned: all };
    this.#becomeMember();
  }

  /** As the leader: what each member gets. */
  #reckon(members: NonNullable<JoinedGroup['members']>): ReadonlyMap<string, Buffer> {
    const { topic, partitions } = this.#request;
    const busy = new Set<number>();
    const candidates = members.map(({ memberId, metadata }) => {
      const said = readSubscription(metadata, topic);
      if (said !== null && said.config !== this.#request.config) this.#tellStranger(said);
      for (const one of said?.busy ?? []) busy.add(one);
      // What this member has changed since it joined, it knows best itself.
      const owned = memberId === this.#identity.memberId ? this.#belongings.owned : (said?.owned ?? []);
      return { id: memberId, owned, generation: said?.generation ?? -1, isLeaving: said?.isLeaving ?? false };
    });
    const { parts, isMoving } = assign(candidates, partitions, busy);
    return new Map([...parts].map(([id, own]) => [id, writeWord(topic, { partitions: own, isMoving })]));
  }

  /** Once for each: its feeds are not ours, so whoever gets a partition leaves those of the other alone. */
  #tellStranger({ owner, since }: Subscription): void {
    const { group } = this.#request;
    if (this.#strangers.has(owner) || this.#strangers.size >= STRANGERS_MAX) return;
    this.#strangers.add(owner);
    const message =
      'another replica has other feeds in its config: unless the config is just being changed, two deployments use one `relay.name`';
    this.#options.telemetry.log('warn', message, { group, owner, since: new Date(since).toISOString() });
  }

  #obey(word: Word): void {
    this.#word = word;
    this.#belongings.obey(word.partitions);
    this.#options.telemetry.partitionsAssigned(word.partitions.length);
    this.#tellPartitions(word);
  }

  /** A member that comes into a group gets nothing in its first round: what it is to have is being given up. */
  #tellPartitions({ partitions, isMoving }: Word): void {
    const now = partitions.toSorted((a, b) => a - b);
    if (now.join() === this.#told || (now.length === 0 && isMoving)) return;
    this.#told = now.join();
    const { group } = this.#request;
    const message = now.length > 0 ? 'partitions of this replica' : 'no partition for this replica: it stands by';
    this.#options.telemetry.log('info', message, { group, generation: this.#generation, partitions: now });
  }

  #lose(): void {
    this.#word = { partitions: [], isMoving: false };
    this.#generation = -1;
    this.#isAlone = false;
    this.#heardAt = -Infinity;
    this.#belongings.lose();
    this.#options.telemetry.partitionsAssigned(0);
    this.#departIfFree();
  }

  #departIfFree(): void {
    if (this.#belongings.isLeaving && this.#belongings.owned.length === 0) this.#departure.abort(new Error('the member leaves its group'));
  }

  /** Beats until there is something new to say. */
  async #stay(): Promise<void> {
    const { beatMs } = this.#options;
    for (;;) {
      if (this.#hasNews()) {
        await sleep(GATHER_MS, this.#scope);
        if (this.#hasNews()) return;
      }
      const isMoving = this.#word.isMoving || this.#belongings.isGivingUp;
      const leftMs = this.#heardAt + (isMoving ? Math.min(MOVING_BEAT_MS, beatMs) : beatMs) - performance.now();
      if (leftMs > 0 && !(await this.#pause(leftMs, this.#woken.promise))) continue;
      await this.#wire.heartbeat(this.#identity, this.#generation, this.#scope);
      this.#heardAt = performance.now();
    }
  }

  /** Whether the group is to be told something: that a partition can be handed on, that other partitions have feeds, that this member leaves. */
  #hasNews(): boolean {
    const announced = this.#announced;
    if (announced === null) return true;
    if (announced.owned.some((partition) => !this.#belongings.has(partition))) return true;
    return announced.isLeaving !== this.#belongings.isLeaving || announced.busy !== this.#busyText();
  }

  #busyText(): string {
    return [...this.#duty.busy()].toSorted((a, b) => a - b).join();
  }

  /** True when the time has passed, false when woken before. */
  async #pause(ms: number, woken: Promise<void>): Promise<boolean> {
    const over = new AbortController();
    const passed = sleep(ms, AbortSignal.any([this.#scope, over.signal])).then(
      () => true,
      (error: unknown) => {
        this.#scope.throwIfAborted();
        if (!over.signal.aborted) throw error;
        return false;
      },
    );
    try {
      return await Promise.race([passed, woken.then(() => false)]);
    } finally {
      over.abort();
    }
  }

  #wake(): void {
    this.#woken.resolve();
    this.#woken = Promise.withResolvers();
  }

  /** What went wrong is set right before the next round, after a while. `failures` is how many came before in a row. */
  async #recover(error: unknown, failures: number): Promise<void> {
    const { code, kind } = reasonOf(error);
    switch (code) {
      case CODES.unknownMemberId:
        this.#identity = { ...this.#identity, memberId: '' };
        this.#lose();
        break;
      case CODES.fencedInstanceId:
        this.#identity = { memberId: '', instanceId: newInstanceId() };
        this.#lose();
        break;
      case CODES.illegalGeneration:
        this.#lose();
        break;
      case CODES.memberIdRequired:
        this.#identity = { ...this.#identity, memberId: requiredMemberId(error) ?? '' };
        break;
      case CODES.invalidSessionTimeout:
        this.#lengthenSession();
        break;
      case CODES.groupUnauthorized:
      case CODES.groupMaxSizeReached:
      case CODES.inconsistentGroupProtocol:
        this.#lose();
        break;
      default:
        // A broker that is not, or no longer, the coordinator, or one that does not answer.
        if (kind !== 'answer' || code !== CODES.coordinatorLoading) this.#wire.forget();
    }
    this.#tell(this.#failureOf(error));
    await sleep(failures === 0 ? 0 : backoffMs(BACKOFF, failures - 1, BACKOFF.firstMs / 2, Math.random), this.#scope);
  }

  #failureOf(error: unknown): Failure {
    const { group } = this.#request;
    const { code, text } = reasonOf(error);
    const doing = `working in the group ${group}`;
    if (code === CODES.groupMaxSizeReached) return new Failure('group.full', `${doing}: ${text}`, { cause: error });
    if (code === CODES.inconsistentGroupProtocol) return new Failure('group.foreign', `${doing}: ${text}`, { cause: error });
    return failureOf(error, { doing, group });
  }

  /** Throws what a person must see to, before the first word of the group. */
  #tell(failure: Failure): void {
    const { message, code, remedy, disposition } = failure;
    const isForPerson = disposition === 'environment';
    if (isForPerson && !this.#wasMember) throw failure;
    const now = performance.now();
    this.#failingSince ??= isForPerson ? -Infinity : now;
    if (now - this.#failingSince < UNTOLD_MS) return;
    this.#failingSince = now;
    this.#options.telemetry.log(isForPerson ? 'error' : 'warn', message, { code, remedy });
  }

  #lengthenSession(): void {
    this.#sessionMs = Math.min(SESSION_MAX_MS, this.#sessionMs * 2);
  }
}
