import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readSubscription, readWord, writeSubscription, writeWord } from '../../../connectors/kafka/membership-messages.ts';

const TOPIC = 'acme.checkpoints';
const SOMEBODY = { owner: 'host/1', since: 1_700_000_000_000, config: 'a' };
const partitions = fc.array(fc.nat({ max: 2 ** 31 - 1 }), { maxLength: 40 });

test('what a member writes, another reads', () => {
  const subscriptions = fc.record({
    topic: fc.constant(TOPIC),
    owned: partitions,
    generation: fc.integer({ min: -1, max: 2 ** 31 - 1 }),
    busy: partitions,
    isLeaving: fc.boolean(),
    owner: fc.string(),
    since: fc.nat(),
    config: fc.string(),
  });
  fc.assert(
    fc.property(subscriptions, (said) => {
      expect(readSubscription(writeSubscription(said), TOPIC)).toEqual(said);
    }),
  );
  const words = fc.record({ partitions, isMoving: fc.boolean() });
  fc.assert(
    fc.property(words, (word) => {
      expect(readWord(writeWord(TOPIC, word), TOPIC)).toEqual(word);
    }),
  );
});

test('what is cut, or changed, or nobody’s, is read as something sound or as nothing', () => {
  const subscription = writeSubscription({ ...SOMEBODY, topic: TOPIC, owned: [1, 2], generation: 3, busy: [1], isLeaving: false });
  const word = writeWord(TOPIC, { partitions: [1, 2], isMoving: true });
  for (const whole of [subscription, word]) {
    for (let length = 0; length < whole.length; length++) {
      expect(readSubscription(whole.subarray(0, length), TOPIC)).toBeNull();
      if (length > 0) expect(readWord(whole.subarray(0, length), TOPIC)).toBeNull();
    }
  }
  fc.assert(
    fc.property(fc.constantFrom(subscription, word), fc.nat(), fc.nat({ max: 255 }), (whole, place, byte) => {
      const changed = Buffer.from(whole);
      changed[place % whole.length] = byte;
      const said = readSubscription(changed, TOPIC);
      const heard = readWord(changed, TOPIC);
      for (const numbers of [said?.owned ?? [], said?.busy ?? [], heard?.partitions ?? []])
        expect(numbers.every((one) => Number.isInteger(one))).toBe(true);
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      readSubscription(bytes, TOPIC);
      readWord(bytes, TOPIC);
    }),
  );
});

test('another topic’s partitions are not ours, and a member that the leader did not know gets none', () => {
  const other = writeSubscription({ ...SOMEBODY, topic: 'other', owned: [1], generation: 1, busy: [], isLeaving: false });
  expect(readSubscription(other, TOPIC)?.owned).toEqual([]);
  expect(readWord(new Uint8Array(), TOPIC)).toEqual({ partitions: [], isMoving: true });
});
