import { expect, test } from 'vitest';
import { Differences } from './differences.ts';

test('what is as expected is passed over, and what is not is told with what it means', () => {
  const differences = new Differences();
  differences.look('the same', { status: 200, names: ['a'] }, { status: 200, names: ['a'] }, 'copes: nothing is asked of it');
  differences.look('another', [404], [200], 'copes: it asks again');
  differences.look('a missing one', undefined, 'x'.repeat(500), 'does not cope: it parks');
  expect(differences.told).toEqual([
    'another: [404], and not [200]; the relay copes: it asks again',
    `a missing one: nothing, and not "${'x'.repeat(399)}…; the relay does not cope: it parks`,
  ]);
});
