import fc from 'fast-check';
import { expect, test } from 'vitest';
import { assign } from '../../../connectors/kafka/membership-assignor.ts';
import type { Assignment, Candidate } from '../../../connectors/kafka/membership-assignor.ts';

const RUNS = { numRuns: 300 };

function candidate(id: string, owned: readonly number[] = [], more: Partial<Candidate> = {}): Candidate {
  return { id, owned, generation: owned.length > 0 ? 1 : -1, isLeaving: false, ...more };
}

function shown({ parts, isMoving }: Assignment): Readonly<Record<string, unknown>> {
  return { ...Object.fromEntries(parts), isMoving };
}

/** One round: what is taken away is given up, what is given is taken. */
function obeyed(candidates: readonly Candidate[], { parts }: Assignment, generation: number): readonly Candidate[] {
  return candidates.map((one) => ({ ...one, owned: parts.get(one.id) ?? [], generation }));
}

/** Rounds until nothing moves any more. */
function settled(candidates: readonly Candidate[], partitions: number, busy: ReadonlySet<number>): readonly Candidate[] {
  let now = candidates;
  for (let round = 0; round < 3; round++) {
    const assignment = assign(now, partitions, busy);
    now = obeyed(now, assignment, 10 + round);
    if (!assignment.isMoving) return now;
  }
  throw new Error(`still moving after three rounds: ${JSON.stringify(now)}`);
}

const partitionCounts = fc.integer({ min: 1, max: 12 });
const groups = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { minLength: 1 });
const numbers = fc.uniqueArray(fc.integer({ min: 0, max: 11 }));
/** Any word that members may say, also of partitions that do not exist or that others claim. */
const claims = groups.chain((ids) =>
  fc.tuple(
    ...ids.map((id) =>
      fc.record({
        id: fc.constant(id),
        owned: fc.array(fc.oneof(fc.integer({ min: -2, max: 14 }), fc.constantFrom(0.5, Number.NaN, 1e9)), { maxLength: 10 }),
        generation: fc.integer({ min: -1, max: 3 }),
        isLeaving: fc.boolean(),
      }),
    ),
  ),
);

/** Members that own what they may own: nobody's partition twice. */
const sound = fc.tuple(partitionCounts, groups, fc.array(fc.nat(), { minLength: 12, maxLength: 12 })).map(([partitions, ids, chosen]) => {
  const owned = new Map<string, number[]>(ids.map((id) => [id, []]));
  for (let partition = 0; partition < partitions; partition++) {
    const place = (chosen[partition] ?? 0) % (ids.length + 1);
    owned.get(ids[place] ?? '')?.push(partition);
  }
  return { partitions, candidates: ids.map((id) => candidate(id, owned.get(id))) };
});

test('one member has everything, two have half each, of the busy ones and of the others', () => {
  expect(shown(assign([candidate('a')], 4, new Set()))).toEqual({ a: [0, 1, 2, 3], isMoving: false });
  expect(shown(assign([candidate('a'), candidate('b')], 6, new Set([0, 1])))).toEqual({ a: [0, 2, 3], b: [1, 4, 5], isMoving: false });
});

test('a partition that moves is given up by its owner first', () => {
  const members = [candidate('a', [0, 1, 2, 3]), candidate('b')];
  const first = assign(members, 4, new Set());
  expect(shown(first)).toEqual({ a: [0, 1], b: [], isMoving: true });
  expect(shown(assign(obeyed(members, first, 2), 4, new Set()))).toEqual({ a: [0, 1], b: [2, 3], isMoving: false });
});

test('who leaves keeps nothing, and what it has is handed on when it has given it up', () => {
  const members = [candidate('a', [0, 1], { isLeaving: true }), candidate('b', [2, 3])];
  expect(shown(assign(members, 4, new Set()))).toEqual({ a: [], b: [2, 3], isMoving: true });
  const oneGiven = [candidate('a', [1], { isLeaving: true }), candidate('b', [2, 3])];
  expect(shown(assign(oneGiven, 4, new Set()))).toEqual({ a: [], b: [0, 2, 3], isMoving: true });
  expect(shown(assign([candidate('a', [0], { isLeaving: true })], 2, new Set()))).toEqual({ a: [], isMoving: true });
});

test('of two claims the later generation counts; of one generation, none', () => {
  const stale = [candidate('a', [0], { generation: 4 }), candidate('b', [0, 1], { generation: 7 })];
  expect(shown(assign(stale, 2, new Set()))).toEqual({ a: [], b: [0], isMoving: true });
  const torn = [candidate('a', [0], { generation: 7 }), candidate('b', [0, 1], { generation: 7 })];
  expect(shown(assign(torn, 2, new Set()))).toEqual({ a: [], b: [1], isMoving: true });
});

test('whatever members say, no partition is given twice, and none while somebody else claims to have it', () => {
  fc.assert(
    fc.property(claims, partitionCounts, numbers, (candidates, partitions, busy) => {
      const { parts, isMoving } = assign(candidates, partitions, new Set(busy));
      const given = [...parts.values()].flat();
      expect(new Set(given).size).toBe(given.length);
      expect(given.every((one) => Number.isInteger(one) && one >= 0 && one < partitions)).toBe(true);
      for (const [id, own] of parts) {
        const latest = candidates.find((one) => one.id === id)?.generation ?? -1;
        for (const partition of own) {
          const rivals = candidates.filter((one) => one.id !== id && one.owned.includes(partition));
          const isOwn = candidates.some((one) => one.id === id && one.owned.includes(partition));
          expect(rivals.every((rival) => isOwn && rival.generation < latest)).toBe(true);
          if (rivals.length > 0) expect(isMoving).toBe(true);
        }
      }
      expect([...parts.keys()]).toEqual(candidates.map(({ id }) => id));
    }),
    RUNS,
  );
});

test('whatever members say, within three rounds each partition is one member’s, shared out evenly', () => {
  fc.assert(
    fc.property(claims, partitionCounts, numbers, (candidates, partitions, busy) => {
      const end = settled(candidates, partitions, new Set(busy));
      const staying = end.filter(({ isLeaving }) => !isLeaving);
      const all = Array.from({ length: partitions }, (_, partition) => partition);
      expect(end.flatMap(({ owned }) => owned).toSorted((a, b) => a - b)).toEqual(staying.length === 0 ? [] : all);
      expect(spread(staying.map(({ owned }) => owned.length))).toBeLessThanOrEqual(1);
      expect(spread(staying.map(({ owned }) => owned.filter((one) => busy.includes(one)).length))).toBeLessThanOrEqual(1);
      expect(assign(end, partitions, new Set(busy))).toEqual({ parts: new Map(end.map(({ id, owned }) => [id, owned])), isMoving: false });
    }),
    RUNS,
  );
});

test('no even sharing out would move less: first of the busy ones, then of the others', () => {
  fc.assert(
    fc.property(sound, numbers, ({ partitions, candidates }, busyNumbers) => {
      const busy = new Set(busyNumbers.filter((one) => one < partitions));
      const end = settled(candidates, partitions, busy);
      const kept = (isBusy: boolean): number =>
        end.flatMap(({ id, owned }) =>
          owned.filter((one) => busy.has(one) === isBusy && candidates.find((before) => before.id === id)?.owned.includes(one) === true),
        ).length;
      const ownBusy = candidates.map(({ owned }) => owned.filter((one) => busy.has(one)).length);
      const ownIdle = candidates.map(({ owned }) => owned.filter((one) => !busy.has(one)).length);
      expect(kept(true)).toBe(Math.max(...evenQuotas(busy.size, candidates.length).map((quotas) => stay(ownBusy, quotas))));
      const busyNow = end.map(({ owned }) => owned.filter((one) => busy.has(one)).length);
      const idleQuotas = evenQuotas(partitions, candidates.length)
        .map((totals) => totals.map((total, i) => total - (busyNow[i] ?? 0)))
        .filter((quotas) => quotas.every((quota) => quota >= 0));
      expect(kept(false)).toBe(Math.max(...idleQuotas.map((quotas) => stay(ownIdle, quotas))));
    }),
    RUNS,
  );
});

test('who reckons does not matter: the order of the members changes nothing', () => {
  fc.assert(
    fc.property(claims, partitionCounts, numbers, (candidates, partitions, busy) => {
      const one = assign(candidates, partitions, new Set(busy)).parts;
      const other = assign(candidates.toReversed(), partitions, new Set(busy.toReversed())).parts;
      expect(new Map([...other].toReversed())).toEqual(one);
    }),
    RUNS,
  );
});

function spread(counts: readonly number[]): number {
  return counts.length === 0 ? 0 : Math.max(...counts) - Math.min(...counts);
}

/** How many may stay where they are. */
function stay(own: readonly number[], quotas: readonly number[]): number {
  return own.reduce((sum, count, i) => sum + Math.min(count, quotas[i] ?? 0), 0);
}

/** Every way to give `count` to so many, even within one. */
function evenQuotas(count: number, members: number): readonly (readonly number[])[] {
  const least = Math.floor(count / members);
  const more = count % members;
  const ways: number[][] = [];
  for (let bits = 0; bits < 2 ** members; bits++) {
    const quotas = Array.from({ length: members }, (_, i) => least + ((bits >> i) & 1));
    if (quotas.reduce((a, b) => a + b) === members * least + more) ways.push(quotas);
  }
  return ways;
}
