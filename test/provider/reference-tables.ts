/**
 * The tables behind the transcripts, as far as these tell of them: rebuilt from their listings, and by hand where a listing cannot show it.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loggedMetadata, loggedProtocol, tableFolder, writeRebuilt } from './rebuilt-log.ts';
import type { Rebuilt } from './rebuilt-log.ts';
import { add, commit, metadata, PROTOCOL } from './support.ts';

const CDF_TABLE: Rebuilt = {
  metadata: '20-changes-0-3-delta-endstream',
  listings: ['20-changes-0-3-delta-endstream', '12-query-start1-delta'],
};

/** By the path below the share `cdf`. */
const REBUILT: Readonly<Record<string, Rebuilt>> = {
  'delta_rs/cdf-table': CDF_TABLE,
  'misc/history_not_shared': CDF_TABLE,
  'misc/start_v2': CDF_TABLE,
  'delta_rs/cdc_ict_table': listed('32-changes-ict'),
  'delta_rs/cdf-table-with-cdc-and-dvs': listed('11-query-dv-delta'),
  'kernel/cdf-table-with-dv': listed('11-query-dv2-delta'),
  'kernel/cdf-column-mapping-name-mode': listed('11-query-cm-delta'),
  'kernel/cdf-column-mapping-name-mode-3-7': { metadata: '10-metadata-cm37-delta', listings: [], latest: 4 },
  'misc/big_ints': listed('32-changes-big_ints'),
  'misc/cdf_off_on': {
    metadata: '24-changes-cdf_off_on-0-2',
    listings: ['24-changes-cdf_off_on-0-2', '24-changes-cdf_off_on-5-6'],
    hidden: {
      3: [loggedMetadata('24-changes-cdf_off_on-0-2', false)],
      4: [add('part-00003.snappy.parquet')],
      5: [loggedMetadata('24-changes-cdf_off_on-0-2')],
    },
  },
  'misc/dup_actions': listed('23-changes-removeadd'),
  'misc/empty_versions': {
    metadata: '28-changes-empty_versions-2-4-delta',
    listings: ['28-changes-empty_versions-all', '28-changes-empty_versions-2-4-delta'],
    hidden: { 2: ['part-00001.snappy.parquet', 'part-00002.snappy.parquet'].map(rewritten) },
  },
  'misc/late_cdf': {
    metadata: '24-changes-late_cdf-2',
    listings: ['24-changes-late_cdf-2'],
    hidden: {
      0: [loggedMetadata('24-changes-late_cdf-2', false)],
      2: [loggedMetadata('24-changes-late_cdf-2')],
    },
  },
  'misc/many_files': {
    metadata: '31-p2-other-format',
    listings: ['30-many5-page1', '30-many5-page2', '30-many5-page3', '31-p2-other-format'],
  },
  'misc/missing_file': listed('26-changes-missing_file'),
  'misc/page_bug': { metadata: '30-bug2-page1', listings: ['30-bug2-page1', '30-bug3-nohist-page1', '30-bug3-nohist-page2'] },
  // Of the metadata of version 4 only this answer has the log's own text.
  'misc/schema_change': { ...listed('12-query-histproto'), hidden: { 4: [loggedMetadata('10-metadata-schema_change-delta')] } },
  ...Object.fromEntries(
    [
      'cdf-table',
      'cdf-table-backtick-column-names',
      'cdf-table-data-change',
      'cdf-table-delete-conditional-all-rows',
      'cdf-table-delete-conditional-two-rows',
      'cdf-table-delete-unconditional',
      'cdf-table-non-partitioned',
      'cdf-table-partitioned',
      'cdf-table-simple',
      'cdf-table-update-ops',
    ].map((name) => [`kernel/${name}`, listed(`40-kernel-${name}`)]),
  ),
};

/** Tables of which no answer shows more than that they are there, and what their protocol is. */
const BARE: Readonly<Record<string, unknown>> = {
  'cdf/delta_rs/cdf-table-non-partitioned': PROTOCOL,
  'cdf/delta_rs/simple_table_with_cdc': PROTOCOL,
  'cdf/kernel/cdf-column-mapping-id-mode': { protocol: { minReaderVersion: 2, minWriterVersion: 5 } },
  'cdf/kernel/cdf-table-with-cdc-and-dvs': loggedProtocol('11-query-dv-delta'),
  'Second_Share/any/table_1': PROTOCOL,
  'third/any/table_1': PROTOCOL,
};

/** Of `root` makes a folder to serve. */
export async function writeReferenceTables(root: string): Promise<void> {
  const share = join(root, 'cdf');
  for (const [name, rebuilt] of Object.entries(REBUILT)) await writeRebuilt(tableFolder(share, name), rebuilt);
  for (const [name, protocol] of Object.entries(BARE)) await commit(tableFolder(root, name), 0, [protocol, metadata()]);
  await writeCleanedTable(tableFolder(share, 'delta_rs/checkpoint-cdf-table'));
  await writeTablesWithoutFeed(share);
  for (const version of [0, 2, 3])
    await commit(tableFolder(share, 'misc/missing_log'), version, version === 0 ? [PROTOCOL, metadata()] : []);
  await mkdir(join(tableFolder(share, 'misc/nowhere'), '_delta_log'), { recursive: true });
  await writeDataFiles(share);
}

/** As the live table went on: one file leaves. */
export async function growManyFiles(root: string): Promise<void> {
  const remove = { path: 'part-00001.snappy.parquet', deletionTimestamp: 1_700_000_300_000, dataChange: true };
  await commit(tableFolder(root, 'cdf/misc/many_files'), 2, [
    { commitInfo: { timestamp: 1_700_000_300_000 } },
    { remove: { ...remove, extendedFileMetadata: true, partitionValues: {}, size: 486 } },
  ]);
}

export async function recreateManyFiles(root: string): Promise<void> {
  const folder = tableFolder(root, 'cdf/misc/many_files');
  await rm(folder, { recursive: true });
  await commit(folder, 0, [PROTOCOL, metadata('99999999-0000-0000-0000-000000000000')]);
}

function listed(transcript: string): Rebuilt {
  return { metadata: transcript, listings: [transcript] };
}

/** A file that compaction replaced. */
function rewritten(path: string): unknown {
  return { remove: { path, dataChange: false, extendedFileMetadata: true, partitionValues: {}, size: 486 } };
}

/** Versions 0 to 2 are gone, a checkpoint says what was. */
async function writeCleanedTable(folder: string): Promise<void> {
  await writeRebuilt(folder, listed('25-changes-checkpoint-3'), 3);
  const state = [loggedProtocol('25-changes-checkpoint-3'), loggedMetadata('25-changes-checkpoint-3')];
  const name = `${'3'.padStart(20, '0')}.checkpoint.00000000-0000-4000-8000-000000000000.json`;
  await writeFile(join(folder, '_delta_log', name), state.map((action) => `${JSON.stringify(action)}\n`).join(''));
}

async function writeTablesWithoutFeed(share: string): Promise<void> {
  const off = metadata('table-1', {});
  const never = tableFolder(share, 'misc/never_cdf');
  await commit(never, 0, [PROTOCOL, off]);
  await commit(never, 1, []);
  const switchedOff = tableFolder(share, 'kernel/table-with-cdf');
  await commit(switchedOff, 0, [PROTOCOL, metadata()]);
  for (const version of [1, 2, 3, 4]) await commit(switchedOff, version, version === 2 ? [off] : []);
}

/** The two that the transcripts fetch: of their bytes only the ends are known. */
async function writeDataFiles(share: string): Promise<void> {
  const change = Buffer.alloc(971);
  change.write('5041523115001514151815fdf8f4a80f', 'hex');
  change.write('df02000050415231', 963, 'hex');
  const changes = join(tableFolder(share, 'delta_rs/cdf-table'), '_change_data', 'birthday=2023-12-29');
  await mkdir(changes, { recursive: true });
  await writeFile(join(changes, 'cdc-00000-ed223ebe-3b27-44af-b2cf-91e882f4c500.c000.snappy.parquet'), change);
  const percent = Buffer.alloc(500);
  percent.write('504152311500155c154815efedbacf05', 'hex');
  const simple = tableFolder(share, 'kernel/cdf-table-simple');
  await writeFile(join(simple, 'test%file%prefix-part-00000-1b5eb6e2-b114-483c-9770-a8158a8bcd17-c000.snappy.parquet'), percent);
}
