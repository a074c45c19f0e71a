import { describe, expect, it } from 'vitest';
import type { ScriptedServer } from './scripted-server.ts';
import { lines, scriptedServer } from './scripted-server.ts';
import { CHANGES, END, file, metaData, NEVER, PARQUET, PROTOCOL, sourceOver, TABLE, TOKEN } from './wire-makers.ts';

async function withServer<T>(use: (server: ScriptedServer) => Promise<T>): Promise<T> {
  await using server = await scriptedServer();
  return await use(server);
}

const LONG = { columns: [{ name: 'id', type: { kind: 'long' }, nullable: true, comment: null }], partitionColumns: [] };

function change(kind: 'add' | 'cdf' | 'remove', id: string): object {
  return { kind, id, size: 4, partitionValues: {} };
}

describe('a request for changes', () => {
  it('asks for both bounds, historical metadata, two formats and the end action, and for no page size', async () => {
    await withServer(async (server) => {
      server.on(CHANGES, lines([PROTOCOL, metaData(3), END], PARQUET));
      await sourceOver(server).changes(TABLE, { from: 3, to: 7, listedAs: null }, NEVER);
      const [asked] = server.asked;
      expect(asked?.query).toEqual({
        startingVersion: '3',
        endingVersion: '7',
        includeHistoricalMetadata: 'true',
        includeHistoricalProtocol: 'true',
      });
      expect(asked?.headers).toMatchObject({
        authorization: `Bearer ${TOKEN}`,
        'user-agent': 'cdf-relay/test',
        'delta-sharing-capabilities': 'responseformat=delta,parquet;readerfeatures=timestampntz;includeendstreamaction=true',
      });
      expect(asked?.headers['fileidhash']).toBeUndefined();
    });
  });

  it('tells versions in order with their files, whatever the order of lines (trap 5)', async () => {
    await withServer(async (server) => {
      server.on(CHANGES, lines([PROTOCOL, metaData(0), file('add', 2, 'b'), file('remove', 2, 'a'), file('add', 0, 'a'), END], PARQUET));
      const listing = await sourceOver(server).changes(TABLE, { from: 0, to: 5, listedAs: null }, NEVER);
      expect(listing).toEqual({
        read: expect.any(Function),
        from: 0,
        to: 5,
        responseFormat: 'parquet',
        idHash: null,
        tableId: 'table-1',
        schema: LONG,
        versions: [
          { version: 0, timestamp: 1000, tableId: 'table-1', schema: LONG, files: [change('add', 'a')] },
          { version: 2, timestamp: 1002, tableId: 'table-1', schema: LONG, files: [change('add', 'b'), change('remove', 'a')] },
        ],
      });
    });
  });
});
