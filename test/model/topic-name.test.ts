import fc from 'fast-check';
import { expect, test } from 'vitest';
import { topicName, unknownPlaceholder } from '../../src/model/topic-name.ts';

const TABLE = { share: 'sales', schema: 'public', table: 'orders' };
const DEFAULT = '{recipient}.{share}.{schema}.{table}';

test('the template is filled in, and what Kafka does not allow becomes an underscore', () => {
  expect(topicName(DEFAULT, 'analytics', TABLE)).toBe('analytics.sales.public.orders');
  expect(topicName('{table}/{table}', 'r', { ...TABLE, table: 'Größe 😀' })).toBe('Gr__e___Gr__e__');
  expect(topicName('{recipient}', 'r', { ...TABLE, share: '{table}' })).toBe('r');
  expect(topicName('{share}', 'r', { ...TABLE, share: '{table}' })).toBe('_table_');
});

test('names that are too long are cut, stay legal, and stay apart', () => {
  const long = (end: string): string => topicName(DEFAULT, 'r', { ...TABLE, table: 'x'.repeat(300) + end });
  expect(long('a')).toMatch(/^r\.sales\.public\.x+[0-9a-f]{10}$/);
  expect(long('a')).toHaveLength(249);
  expect(long('a')).not.toBe(long('b'));
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (table) =>
      /^[A-Za-z0-9._-]{1,249}$/.test(topicName(DEFAULT, 'r', { ...TABLE, table })),
    ),
  );
});

test('a placeholder that stands for nothing is found', () => {
  expect(['{recipient}.{share}', 'plain', '{recipent}.x', '{}'].map(unknownPlaceholder)).toEqual([null, null, 'recipent', '']);
});
