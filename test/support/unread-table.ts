/**
 * The fixture tables and one more, whose files need a reader feature that nobody here has. In a folder of its own, since the fixtures are tables that engines wrote.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const UNREAD = { table: 'unread', feature: 'geospatial' } as const;

export interface TablesFolder extends Disposable {
  readonly folder: string;
}

/** The tables of `folder` and `UNREAD`, until disposed of. */
export function withUnreadTable(folder: string): TablesFolder {
  const copy = mkdtempSync(join(tmpdir(), 'cdf-relay-tables-'));
  cpSync(folder, copy, { recursive: true });
  const log = join(copy, UNREAD.table, 'table', '_delta_log');
  mkdirSync(log, { recursive: true });
  const features = { readerFeatures: [UNREAD.feature], writerFeatures: [UNREAD.feature, 'changeDataFeed'] };
  const schemaString = JSON.stringify({
    type: 'struct',
    fields: [{ name: 'place', type: 'geometry(OGC:CRS84)', nullable: true, metadata: {} }],
  });
  const actions = [
    { commitInfo: { timestamp: 1_795_000_000_000, operation: 'CREATE TABLE' } },
    { protocol: { minReaderVersion: 3, minWriterVersion: 7, ...features } },
    {
      metaData: {
        id: '6a5b7f0e-0000-4000-8000-000000000001',
        format: { provider: 'parquet', options: {} },
        schemaString,
        partitionColumns: [],
        configuration: { 'delta.enableChangeDataFeed': 'true' },
        createdTime: 1_795_000_000_000,
      },
    },
  ];
  writeFileSync(join(log, '00000000000000000000.json'), actions.map((action) => `${JSON.stringify(action)}\n`).join(''));
  return { folder: copy, [Symbol.dispose]: () => rmSync(copy, { recursive: true, force: true }) };
}
