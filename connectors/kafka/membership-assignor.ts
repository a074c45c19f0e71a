/**
 * Who gets which partition. Each member may come to another result only by other words of the members: nothing is drawn by lot, and the clock has no say.
 *
 *   1. A partition that two members claim is the one's with the later generation; of one generation, nobody's until both have given it up.
 *   2. Busy partitions are shared out evenly, within one; then the others, so that all of them together are even within one, too.
 *   3. As many as possible stay where they are.
 *   4. A partition that moves is given to nobody while somebody has it: he gives it up, and the next round hands it on (KIP-429).
 */

export interface Candidate {
  readonly id: string;
  /** Partitions that the member works on, or has not yet stopped working on. */
  readonly owned: readonly number[];
  /** When they were given to it; -1 = never. */
  readonly generation: number;
  /** It gives up what it has, and gets nothing. */
  readonly isLeaving: boolean;
}

export interface Assignment {
  /** Every member, by its id, with its partitions in order. */
  readonly parts: ReadonlyMap<string, readonly number[]>;
  /** Partitions are still to move: another round follows. */
  readonly isMoving: boolean;
}

/** `partitions` are numbered from 0. What members claim or call busy beyond them counts for nothing. */
export function assign(candidates: readonly Candidate[], partitions: number, busy: ReadonlySet<number>): Assignment {
  const owners = ownersOf(candidates, partitions);
  const wanted = share(candidates, owners, partitions, busy);
  const claims = claimsOf(candidates, partitions);
  const parts = new Map<string, number[]>(candidates.map(({ id }) => [id, []]));
  let isMoving = false;
  for (let partition = 0; partition < partitions; partition++) {
    const next = wanted.get(partition);
    const has = claims.get(partition) ?? [];
    const stays = next !== undefined && owners.get(partition) === next;
    if (has.some((id) => id !== next)) isMoving = true;
    if (next !== undefined && (stays || has.length === 0)) parts.get(next)?.push(partition);
  }
  return { parts, isMoving };
}

/** Partition → everybody who claims it. */
function claimsOf(candidates: readonly Candidate[], partitions: number): ReadonlyMap<number, readonly string[]> {
  const claims = new Map<number, string[]>();
  for (const { id, owned } of candidates) {
    for (const partition of new Set(owned)) {
      if (!isPartition(partition, partitions)) continue;
      claims.set(partition, [...(claims.get(partition) ?? []), id]);
    }
  }
  return claims;
}

/** Partition → the one member whose it is. */
function ownersOf(candidates: readonly Candidate[], partitions: number): ReadonlyMap<number, string> {
  const latest = new Map<number, { readonly id: string; readonly generation: number; readonly isAlone: boolean }>();
  for (const { id, owned, generation } of candidates) {
    for (const partition of new Set(owned)) {
      if (!isPartition(partition, partitions)) continue;
      const other = latest.get(partition);
      if (other === undefined || generation > other.generation) latest.set(partition, { id, generation, isAlone: true });
      else if (generation === other.generation) latest.set(partition, { ...other, isAlone: false });
    }
  }
  return new Map([...latest].filter(([, { isAlone }]) => isAlone).map(([partition, { id }]) => [partition, id]));
}

function isPartition(partition: number, partitions: number): boolean {
  return Number.isInteger(partition) && partition >= 0 && partition < partitions;
}

/** A member as its share is reckoned. */
interface Share {
  readonly id: string;
  /** Of its own. */
  readonly busy: readonly number[];
  readonly idle: readonly number[];
}

/** Partition → the member that is to have it in the end; nobody if all are leaving. */
function share(
  candidates: readonly Candidate[],
  owners: ReadonlyMap<number, string>,
  partitions: number,
  busy: ReadonlySet<number>,
): ReadonlyMap<number, string> {
  const all = Array.from({ length: partitions }, (_, partition) => partition);
  const shares = candidates
    .filter(({ isLeaving }) => !isLeaving)
    .map(({ id }): Share => {
      const own = all.filter((partition) => owners.get(partition) === id);
      return { id, busy: own.filter((one) => busy.has(one)), idle: own.filter((one) => !busy.has(one)) };
    })
    .toSorted((a, b) => (a.id < b.id ? -1 : 1));
  if (shares.length === 0) return new Map();

  const least = Math.floor(partitions / shares.length);
  const busyOnes = all.filter((partition) => busy.has(partition));
  const busyQuotas = evenly(busyOnes.length, shares, ({ busy: own }, quota) => own.length > quota);
  // Who has one more of the busy ones must not, where it can be helped, be one above all others with the rest.
  const totalQuotas = evenly(
    partitions,
    shares,
    ({ id, idle }, quota) => idle.length > quota - (busyQuotas.get(id) ?? 0),
    ({ id }) => (busyQuotas.get(id) ?? 0) > least,
  );
  const idleQuotas = new Map(shares.map(({ id }) => [id, (totalQuotas.get(id) ?? 0) - (busyQuotas.get(id) ?? 0)]));
  return new Map([
    ...handOut(
      busyOnes,
      shares.map(({ id, busy: own }) => ({ id, own })),
      busyQuotas,
    ),
    ...handOut(
      all.filter((partition) => !busy.has(partition)),
      shares.map(({ id, idle }) => ({ id, own: idle })),
      idleQuotas,
    ),
  ]);
}

/**
 * Member → how many of `count`: all the same, and those that are left over to one member each: first to those that must have one, then to those that would otherwise
 * have to give one up.
 */
function evenly(
  count: number,
  shares: readonly Share[],
  keepsOneMore: (one: Share, quota: number) => boolean,
  mustHaveOneMore: (one: Share) => boolean = () => false,
): ReadonlyMap<string, number> {
  const least = Math.floor(count / shares.length);
  const urgency = (one: Share): number => (mustHaveOneMore(one) ? 2 : keepsOneMore(one, least) ? 1 : 0);
  const inOrder = shares.toSorted((a, b) => urgency(b) - urgency(a));
  return new Map(inOrder.map(({ id }, place) => [id, place < count % shares.length ? least + 1 : least]));
}

/** Everybody keeps what fits into the quota; what is left goes to those that have room, in turn. */
function handOut(
  partitions: readonly number[],
  shares: readonly { readonly id: string; readonly own: readonly number[] }[],
  quotas: ReadonlyMap<string, number>,
): ReadonlyMap<number, string> {
  const given = new Map<number, string>();
  const room: string[] = [];
  for (const { id, own } of shares) {
    const quota = quotas.get(id) ?? 0;
    for (const partition of own.slice(0, quota)) given.set(partition, id);
    for (let left = quota - own.length; left > 0; left--) room.push(id);
  }
  for (const partition of partitions.filter((one) => !given.has(one))) {
    const id = room.shift();
    if (id !== undefined) given.set(partition, id);
  }
  return given;
}
