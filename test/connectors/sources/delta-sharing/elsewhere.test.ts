/**
 * Tables that are there, and not for us to ask for (OpenSharing's "Get Table").
 */
import { expect, it } from 'vitest';
import type { FailureCode } from '../../../../src/model/failure.ts';
import type { Scripted } from './scripted-server.ts';
import { json, lines, scriptedServer, text } from './scripted-server.ts';
import { metaData, METADATA, NEVER, PROTOCOL, sourceOver, TABLE, VERSION } from './wire-makers.ts';

const INFO = VERSION.replace(/\/version$/, '');
const REFUSED = json(400, { errorCode: 'INVALID_PARAMETER_VALUE', message: 'not a Delta table' });
const UNKNOWN = json(404, { errorCode: 'RESOURCE_DOES_NOT_EXIST', message: 'no such table' });
const ASKED = 'asking acme how s.d.t is given';

it.each<readonly [string, Scripted, object, string]>([
  ['of Iceberg', UNKNOWN, { format: 'iceberg' }, `${ASKED}: the table is given as iceberg, and not as Delta`],
  [
    'of two formats, none of them ours',
    REFUSED,
    { format: 'Iceberg, Hudi' },
    `${ASKED}: the table is given as iceberg, hudi, and not as Delta`,
  ],
  ['of a directory', REFUSED, { accessModes: ['dir'] }, `${ASKED}: the table is given in access mode dir alone, and not by signed URLs`],
  ['of no access at all', UNKNOWN, { accessModes: [] }, `${ASKED}: the table is given in no access mode, and not by signed URLs`],
])('a table %s that is refused is told by the way in which it is given', async (_, refusal, info, message) => {
  await using server = await scriptedServer();
  server.on(VERSION, refusal);
  server.on(METADATA, refusal);
  server.on(INFO, json(200, { name: 't', schema: 'd', share: 's', ...info }));
  const source = sourceOver(server);
  await expect(source.latestVersion(TABLE, NEVER)).rejects.toMatchObject({ code: 'table.access', message });
  await expect(source.metadata(TABLE, null, NEVER)).rejects.toMatchObject({ code: 'table.access', message });
});

it.each<readonly [string, Scripted, FailureCode, Scripted]>([
  [
    'it is given as Delta by URLs among others',
    REFUSED,
    'provider.refused',
    json(200, { format: 'iceberg,delta', accessModes: ['dir', 'URL'] }),
  ],
  ['its server says nothing of that', UNKNOWN, 'table.unknown', json(200, {})],
  ['its server does not have the question', UNKNOWN, 'table.unknown', text(405, 'Method Not Allowed')],
  ['its server fails at the question', UNKNOWN, 'table.unknown', text(500, '')],
  ['its server answers with what is no JSON', UNKNOWN, 'table.unknown', text(200, '<html>')],
])('a table that is refused stays refused for the reason that it was, where %s', async (_, refusal, code, info) => {
  await using server = await scriptedServer();
  server.on(VERSION, refusal);
  server.on(INFO, info);
  await expect(sourceOver(server).latestVersion(TABLE, NEVER)).rejects.toMatchObject({ code });
});

it('a table that is answered for is not asked about', async () => {
  await using server = await scriptedServer();
  server.on(VERSION, text(200, '', { 'delta-table-version': '3' }));
  server.on(METADATA, lines([PROTOCOL, metaData(3, { accessModes: ['url', 'dir'] })]));
  const source = sourceOver(server);
  expect([await source.latestVersion(TABLE, NEVER), (await source.metadata(TABLE, null, NEVER)).version]).toEqual([3, 3]);
  expect(server.asked.map(({ path }) => path)).toEqual([VERSION, METADATA]);
});
