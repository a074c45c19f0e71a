/**
 * The group of replicas (src/ports/membership.ts), which gives the one checkpoint partition to one member at a time, as far as it knows: what it says arrives when the
 * scheduler lets it, and who was away for longer than a session is taken for gone.
 *
 *   join ─► member ─► holder ─► asked to give it up ─► member
 *                        └► not heard of for a session ─► lost, and a member again when it goes on
 */
import type { Duty, Membership } from '../../src/ports/membership.ts';
import type { Owner, Scheduler } from './scheduler.ts';

const PARTITION = 0;
const SESSION_MS = 6_000;
const LEFT = new Error('it has left the group');

interface MemberState {
  readonly owner: Owner;
  readonly duty: Duty;
  readonly joined: PromiseWithResolvers<void>;
  /** What it is told, in order, and has not heard yet. */
  readonly inbox: (() => void)[];
  isConfirmed: boolean;
  hasLeft: boolean;
  /** While it gives the partition up. */
  revoking: Promise<void> | null;
}

export class ModelGroup {
  readonly #scheduler: Scheduler;
  /** In the order in which they are to have the partition. */
  readonly #members: MemberState[] = [];
  #holder: MemberState | null = null;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  /** For one process. */
  membershipOf(owner: Owner): Membership {
    return {
      join: (_, duty, signal) => {
        const joined = Promise.withResolvers<void>();
        const member: MemberState = { owner, duty, joined, inbox: [], isConfirmed: true, hasLeft: false, revoking: null };
        const leave = (): void => {
          member.hasLeft = true;
          joined.reject(LEFT);
          this.#scheduler.later('group: leaves', null, () => this.#remove(member));
        };
        joined.promise.catch(() => {});
        this.#scheduler.later('group: joins', null, () => this.#admit(member));
        signal.addEventListener('abort', leave, { once: true });
        return {
          joined: joined.promise,
          get isConfirmed(): boolean {
            return member.isConfirmed;
          },
          announce: () => {},
          leave: async () => {
            await revoked(member);
            leave();
          },
        };
      },
    };
  }

  /** The partition is wanted by another member, if there is one. */
  move(): void {
    const holder = this.#holder;
    if (holder === null || !this.#members.some((member) => member !== holder)) return;
    const giveOn = (): void => {
      if (this.#holder !== holder) return;
      this.#remove(holder);
      this.#admit(holder);
    };
    this.#tell(holder, 'revoked', () => {
      revoked(holder).then(
        () => this.#scheduler.later('group: released', null, giveOn),
        () => {},
      );
    });
  }

  /** The process is not heard of from now on: if it is not back within a session, the group goes on without it. */
  miss(owner: Owner): void {
    const expire = (): void => {
      const member = this.#members.find((one) => one.owner === owner);
      if (owner.state === 'alive' || member === undefined) return;
      this.#remove(member);
      this.#tell(member, 'lost', () => {
        member.isConfirmed = false;
        member.duty.lost(PARTITION);
        this.#scheduler.later('group: joins again', null, () => this.#admit(member));
      });
    };
    this.#scheduler.later('group: session', null, expire, SESSION_MS);
  }

  #admit(member: MemberState): void {
    if (member.hasLeft) return;
    this.#members.push(member);
    this.#tell(member, 'joined', () => member.joined.resolve());
    this.#assign();
  }

  #assign(): void {
    const [next] = this.#members;
    if (this.#holder !== null || next === undefined) return;
    this.#holder = next;
    this.#tell(next, 'assigned', () => {
      if (next.hasLeft) return;
      next.isConfirmed = true;
      next.duty.assigned(PARTITION);
    });
  }

  #remove(member: MemberState): void {
    const at = this.#members.indexOf(member);
    if (at !== -1) this.#members.splice(at, 1);
    if (this.#holder === member) this.#holder = null;
    this.#assign();
  }

  #tell(member: MemberState, what: string, hear: () => void): void {
    member.inbox.push(hear);
    this.#scheduler.later(`group: ${what}`, member.owner, () => member.inbox.shift()?.());
  }
}

async function revoked(member: MemberState): Promise<void> {
  member.revoking ??= member.duty.revoked(PARTITION);
  await member.revoking;
  member.revoking = null;
}
