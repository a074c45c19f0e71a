/**
 * Every file of the real tables, against the rows that Spark reads from them: all columns that stand in the files.
 */
import { describe, expect, it } from 'vitest';

import { openDecoder } from '../../../connectors/decoders/parquet.ts';
import { rowsFrom } from '../../support/batch-rows.ts';
import type { FixtureFile } from '../../support/fixture-table.ts';
import { fixtureFiles, fixtureRows } from '../../support/fixture-table.ts';

const decoder = openDecoder();

describe('the files of a real table hold the rows that Spark reads, INT96 and fixed decimals among them (trap 19)', () => {
  it.each([
    'basics',
    'big_values',
    'clustered',
    'codecs',
    'column_mapping_id',
    'column_mapping_name',
    'constraints',
    'delta_rs',
    'encodings',
    'feed_toggled',
    'in_commit_timestamps',
    'long_history',
    'merges',
    'odd_names',
    'overwrites',
    'partition_multi',
    'partition_strings',
    'partition_timestamp',
    'partition_types',
    'plain_odd_names',
    'nested',
    'add_columns',
    'type_widening',
    'types_int64',
    'types_int96',
    'v2_checkpoint_row_tracking',
    'vacuumed',
    'wide',
  ])('%s', (table) => {
    const rows = fixtureFiles(table).flatMap(rowsOf);
    expect(sorted(rows)).toEqual(sorted(fixtureRows(table)));
  });
});

const SYNTHESISED = { add: 'insert', remove: 'delete' } as const;

function rowsOf({ version, kind, bytes, columns, mapping }: FixtureFile): readonly Readonly<Record<string, unknown>>[] {
  const read = rowsFrom(decoder, { bytes, columns, mapping, changeTypes: kind === 'cdf', batchRows: 7, fromRow: 0 });
  return read.map((row) => ({ _commit_version: version, _change_type: kind === 'cdf' ? row['_change_type'] : SYNTHESISED[kind], ...row }));
}

function sorted(rows: readonly unknown[]): readonly string[] {
  return rows.map((row) => JSON.stringify(row)).toSorted();
}
