import { expect, it } from 'vitest';
import { json, scriptedServer } from './scripted-server.ts';
import type { TableName } from '../../../../src/model/version.ts';
import { EVERYTHING } from '../../../../src/ports/source.ts';
import type { ListingScope, Source } from '../../../../src/ports/source.ts';
import { NEVER, sourceOver } from './wire-makers.ts';

async function listed(source: Source, scope: ListingScope = EVERYTHING): Promise<readonly TableName[]> {
  const tables: TableName[] = [];
  for await (const table of source.tables(scope, NEVER)) tables.push(table);
  return tables;
}

it('lists every table over all pages: without items, with an empty token, in the order of the provider (trap 41)', async () => {
  await using server = await scriptedServer();
  server.on('/api/shares', json(200, { nextPageToken: 'a+b=' }), json(200, { items: [{ name: 'B' }, { name: 'a b' }], nextPageToken: '' }));
  server.on('/api/shares/B/schemas', json(200, {}));
  server.on('/api/shares/a%20b/schemas', json(200, { items: [{ name: 'd', share: 'A B' }] }));
  server.on(
    '/api/shares/a%20b/schemas/d/tables',
    json(200, { items: [{ name: 't2', schema: 'D', share: 'A B' }], nextPageToken: 'x' }),
    json(200, { items: [{ name: 't1', schema: 'D', share: 'A B' }] }),
  );
  expect(await listed(sourceOver(server))).toEqual([
    { share: 'a b', schema: 'd', table: 't2' },
    { share: 'a b', schema: 'd', table: 't1' },
  ]);
  expect(server.asked.map(({ query }) => query)).toEqual([{}, { pageToken: 'a+b=' }, {}, {}, {}, { pageToken: 'x' }]);
});

it('what is outside the scope is not asked for', async () => {
  await using server = await scriptedServer();
  server.on('/api/shares', json(200, { items: [{ name: 'A' }, { name: 'b' }] }));
  server.on('/api/shares/A/schemas', json(200, { items: [{ name: 'c' }, { name: 'd' }] }));
  server.on('/api/shares/A/schemas/d/tables', json(200, { items: [{ name: 't' }] }));
  const scope: ListingScope = { share: (share) => share === 'A', schema: (share, schema) => share === 'A' && schema === 'd' };
  expect(await listed(sourceOver(server), scope)).toEqual([{ share: 'A', schema: 'd', table: 't' }]);
  expect(server.asked).toHaveLength(3);
});

it('a listing that cannot be had to its end rejects, and so does one whose pages go round in a circle (trap 41)', async () => {
  await using server = await scriptedServer();
  server.on('/api/shares', json(200, { items: [{ name: 'A' }, { name: 'B' }] }));
  server.on('/api/shares/A/schemas', json(200, { items: [{ name: 's' }] }));
  server.on('/api/shares/A/schemas/s/tables', json(200, { items: [{ name: 't' }] }));
  server.on('/api/shares/B/schemas', json(404, { errorCode: 'RESOURCE_DOES_NOT_EXIST', message: '' }));
  await expect(listed(sourceOver(server))).rejects.toMatchObject({ code: 'table.unknown' });

  await using circle = await scriptedServer();
  circle.on('/api/shares', json(200, { nextPageToken: 'x' }), json(200, { nextPageToken: 'y' }), json(200, { nextPageToken: 'x' }));
  await expect(listed(sourceOver(circle))).rejects.toMatchObject({ code: 'provider.malformed' });
});

it('names that the provider echoes in another letter case are not taken for the names (trap 40)', async () => {
  await using server = await scriptedServer();
  server.on('/api/shares', json(200, { items: [{ name: 'Sales' }] }));
  server.on('/api/shares/Sales/schemas', json(200, { items: [{ name: 'Public', share: 'sales' }] }));
  server.on('/api/shares/Sales/schemas/Public/tables', json(200, { items: [{ name: 'Orders', schema: 'public', share: 'sales' }] }));
  expect(await listed(sourceOver(server))).toEqual([{ share: 'Sales', schema: 'Public', table: 'Orders' }]);
});
