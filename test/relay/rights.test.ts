import { expect, test } from 'vitest';
import { neededRights } from '../../src/relay/rights.ts';

test('a topic outside its recipient’s prefix is granted by its name and its generations, and not what merely begins like it', () => {
  const rights = neededRights({
    name: 'acme',
    recipients: ['r'],
    topics: ['r.sales.public.orders', 'orders', 'orders'],
    makesCheckpoints: false,
    makesTopics: true,
  });
  expect(rights.map(({ on, pattern, name, rights: granted }) => [on, pattern, name, granted.join()])).toEqual([
    ['topic', 'prefix', 'acme.', 'Read,Write,DescribeConfigs'],
    ['transactional id', 'prefix', 'acme.', 'Write'],
    ['group', 'prefix', 'acme.', 'Read'],
    ['topic', 'prefix', 'r.', 'Read,Write,DescribeConfigs,Create'],
    ['topic', 'literal', 'orders', 'Read,Write,DescribeConfigs,Create'],
    ['topic', 'prefix', 'orders.g', 'Read,Write,DescribeConfigs,Create'],
  ]);
});
