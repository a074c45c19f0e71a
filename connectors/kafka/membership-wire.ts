/**
 * Kafka's classic group protocol as one member speaks it: who coordinates the group, and the requests to that broker. The versions are those that every Kafka from 3.1 to
 * 4.x speaks. Nothing is repeated here: that is the member's part.
 *
 * A broker answers JoinGroup when the last member has come, and no other request of that connection before: what must not wait for it, looking at the group and leaving it,
 * goes over a second one.
 */
import { describeGroupsV5, findCoordinatorV4, heartbeatV4, joinGroupV7, leaveGroupV5, syncGroupV5 } from '@platformatic/kafka';
import type { Connection } from '@platformatic/kafka';
import { must } from '../../src/lib/assert.ts';
import { orAbort, sleep } from '../../src/lib/abort.ts';
import { Failure } from '../../src/model/failure.ts';
import { Connections } from './connections.ts';
import type { BrokerAddress, ConnectionOptions } from './connections.ts';
import { within } from './deadline.ts';
import { reasonOf } from './kafka-failure.ts';

/** A member as the group knows it. */
export interface Identity {
  /** Given by the coordinator; empty before. */
  readonly memberId: string;
  readonly instanceId: string;
}

export interface JoinedGroup {
  readonly memberId: string;
  readonly generation: number;
  /** What every member said of itself; null unless this one is the leader, who assigns. */
  readonly members: readonly { readonly memberId: string; readonly metadata: Uint8Array }[] | null;
}

const GROUP_COORDINATOR = 0;
/** Kafka's own consumers say so; its tools show groups of no other type. */
const PROTOCOL_TYPE = 'consumer';
/** Ours alone: no other application can be taken into the group by mistake, nor ours into its. */
const PROTOCOL = 'cdf-relay';
/** For what is answered at once. */
const ANSWER_MS = 3_000;
/** For the leader to assign, or to be given up for dead. */
const SYNC_MS = 10_000;
/** A coordinator may let members wait for as long as its settings say; that it is there is asked meanwhile. */
const JOIN_MS = 600_000;
const WATCH_MS = 3_000;

export class GroupWire {
  readonly #options: ConnectionOptions;
  readonly #group: string;
  #patient: Connections;
  #prompt: Connections;
  #coordinator: BrokerAddress | null = null;

  constructor(options: ConnectionOptions, group: string) {
    this.#options = options;
    this.#group = group;
    this.#patient = this.#patientOnes();
    this.#prompt = new Connections(options);
  }

  async join(
    { memberId, instanceId }: Identity,
    times: { readonly sessionMs: number; readonly rebalanceMs: number },
    metadata: Buffer,
    signal: AbortSignal,
  ): Promise<JoinedGroup> {
    const protocols = [{ name: PROTOCOL, metadata }];
    const connection = await this.#to(this.#patient, signal);
    const watched = new AbortController();
    const scope = AbortSignal.any([signal, watched.signal]);
    const watching = this.#watch(scope).catch((error: unknown) => watched.abort(error));
    const { sessionMs, rebalanceMs } = times;
    const request = joinGroupV7.api.async(
      connection,
      this.#group,
      sessionMs,
      rebalanceMs,
      memberId,
      instanceId,
      PROTOCOL_TYPE,
      protocols,
      null,
    );
    let answer;
    try {
      answer = await orAbort(request, scope);
    } finally {
      watched.abort();
      await watching;
    }
    const { leader, members, generationId } = answer;
    return { memberId: answer.memberId, generation: generationId, members: leader === answer.memberId ? members : null };
  }

  /** What the leader has for this member. `words` are the leader's, for each member. */
  async sync(
    { memberId, instanceId }: Identity,
    generation: number,
    words: ReadonlyMap<string, Buffer>,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const assignments = [...words].map(([to, assignment]) => ({ memberId: to, assignment }));
    const connection = await this.#to(this.#patient, signal);
    const request = syncGroupV5.api.async(connection, this.#group, generation, memberId, instanceId, PROTOCOL_TYPE, PROTOCOL, assignments);
    return (await orAbort(within(request, SYNC_MS, this.#late), signal)).assignment;
  }

  async heartbeat({ memberId, instanceId }: Identity, generation: number, signal: AbortSignal): Promise<void> {
    await this.#promptly(
      this.#patient,
      (connection) => heartbeatV4.api.async(connection, this.#group, generation, memberId, instanceId),
      signal,
    );
  }

  /** Who is in the group at this moment, also while it waits for members to come. */
  async members(signal: AbortSignal): Promise<readonly Identity[]> {
    const { groups } = await this.#promptly(
      this.#prompt,
      (connection) => describeGroupsV5.api.async(connection, [this.#group], false),
      signal,
    );
    return must(groups[0], 'the group that was asked for').members.map(({ memberId, groupInstanceId }) => ({
      memberId,
      instanceId: groupInstanceId ?? '',
    }));
  }

  /** Takes members out of the group. One that has no member id yet is known by its instance id. */
  async leave(members: readonly Identity[], reason: string, signal: AbortSignal): Promise<void> {
    const leaving = members.map(({ memberId, instanceId }) => ({ memberId, groupInstanceId: instanceId, reason }));
    await this.#promptly(this.#prompt, (connection) => leaveGroupV5.api.async(connection, this.#group, leaving), signal);
  }

  readonly #late = (): Failure => new Failure('kafka.unreachable', `the coordinator of ${this.#group} does not answer`);

  /** Looks for the coordinator anew, over new connections. */
  forget(): void {
    this.close();
    this.#patient = this.#patientOnes();
    this.#prompt = new Connections(this.#options);
    this.#coordinator = null;
  }

  close(): void {
    this.#patient.close();
    this.#prompt.close();
  }

  #patientOnes(): Connections {
    return new Connections({ ...this.#options, requestTimeoutMs: JOIN_MS });
  }

  /** Rejects when the coordinator is not there any more, or is another, and with `signal.reason`. */
  async #watch(signal: AbortSignal): Promise<never> {
    for (;;) {
      await sleep(WATCH_MS, signal);
      await this.members(signal);
    }
  }

  async #promptly<T>(connections: Connections, ask: (connection: Connection) => Promise<T>, signal: AbortSignal): Promise<T> {
    const answered = this.#to(connections, signal).then(ask);
    return orAbort(within(answered, ANSWER_MS, this.#late), signal);
  }

  async #to(connections: Connections, signal: AbortSignal): Promise<Connection> {
    this.#coordinator ??= await this.#find(signal);
    return connections.to(this.#coordinator, signal);
  }

  async #find(signal: AbortSignal): Promise<BrokerAddress> {
    let last: unknown = null;
    for (const seed of this.#patient.seeds) {
      signal.throwIfAborted();
      try {
        const connection = await this.#patient.to(seed, signal);
        const asked = findCoordinatorV4.api.async(connection, GROUP_COORDINATOR, [this.#group]);
        const late = (): Failure =>
          new Failure('kafka.unreachable', `asking ${seed.host}:${seed.port} for the coordinator of ${this.#group}`);
        const { coordinators } = await orAbort(within(asked, ANSWER_MS, late), signal);
        return must(coordinators[0], 'the coordinator that was asked for');
      } catch (error) {
        signal.throwIfAborted();
        if (reasonOf(error).kind === 'answer') throw error;
        last = error;
      }
    }
    throw last;
  }
}

/** The id that a coordinator wants a member to come back with (MEMBER_ID_REQUIRED); null where it names none. */
export function requiredMemberId(error: unknown): string | null {
  const response: unknown = error instanceof Error ? Reflect.get(error, 'response') : null;
  const memberId: unknown = typeof response === 'object' && response !== null ? Reflect.get(response, 'memberId') : null;
  return typeof memberId === 'string' && memberId !== '' ? memberId : null;
}
