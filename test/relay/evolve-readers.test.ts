/**
 * What `evolve` takes, put to real readers of Avro: rows of both schemas, written by the codec, each read by consumers that know the other schema.
 *
 * Right means: a reader that has the new schema finds in old records every value of the columns that both know, and null for what is new. A reader that has the
 * old schema finds the same in new records, but where a type became wider: Avro promotes in one direction alone, and it fails at the first value, or at the
 * schema. What must never be is a value that is not the column's.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { avroName } from '../../src/codec/avro-name.ts';
import { avroType } from '../../src/codec/avro-reader.ts';
import type { JsonRow } from '../../src/codec/avro-reader.ts';
import { avroTexts } from '../../src/codec/avro-schema.ts';
import { records } from '../../src/codec/records.ts';
import { assert, must } from '../../src/lib/assert.ts';
import { Failure } from '../../src/model/failure.ts';
import type { Column } from '../../src/model/table-schema.ts';
import { evolve } from '../../src/relay/evolve.ts';
import type { KnownColumns } from '../../src/relay/evolve.ts';
import { column } from '../codec/batches.ts';
import type { Cell } from '../codec/batches.ts';
import { encode, request, VALUE_PREFIX } from '../codec/cases.ts';
import { cellFrom, jsonForm } from '../codec/cell-forms.ts';
import { EVOLUTIONS, fieldsSeenAs, hasTooWide, tableOf, TooWide } from './evolutions.ts';
import type { Side } from './evolutions.ts';
import { historyOf } from './random-history.ts';

const RUNS = Number(process.env['CODEC_RUNS'] ?? 50);

/** A Python that has the packages avro and fastavro. */
const PYTHON = process.env['AVRO_PYTHON'] ?? null;

test.each(EVOLUTIONS)('$what: taken, and read right by old readers and new ones', ({ old, new: next }) => {
  const known = evolve(null, tableOf(old.columns), 0, 'evolve');
  expect(() => evolve(known, tableOf(next.columns), 1, 'evolve')).not.toThrow();
  expect(read(next.columns, old)).toEqual(expected(next.columns, old));
  if (hasTooWide(old.columns, next.columns)) expect(() => read(old.columns, next)).toThrow(/^can(?:not| not) (?:read|resolve)/);
  else expect(read(old.columns, next)).toEqual(expected(old.columns, next));
});

const mapped = (name: string, physical: string): Column => ({ ...column(name, { kind: 'long' }), physical: { name: physical, id: null } });

test.each<{ readonly what: string; readonly old: readonly Column[]; readonly cells: Readonly<Record<string, Cell>> } & Wrong>([
  {
    what: 'decimal(9,2) → decimal(20,4)',
    old: [column('x', { kind: 'decimal', precision: 9, scale: 2 })],
    cells: { x: 1234n },
    next: [column('x', { kind: 'decimal', precision: 20, scale: 4 })],
    wrong: { x: '0.1234' },
  },
  {
    what: 'date → timestamp_ntz',
    old: [column('x', { kind: 'date' })],
    cells: { x: 19_000n },
    next: [column('x', { kind: 'timestamp_ntz' })],
    wrong: { x: '19000' },
  },
  {
    what: 'string → binary',
    old: [column('x', { kind: 'string' })],
    cells: { x: 'text' },
    next: [column('x', { kind: 'binary' })],
    wrong: { x: 'dGV4dA==' },
  },
  {
    what: 'long → double',
    old: [column('x', { kind: 'long' })],
    cells: { x: 2n ** 53n + 1n },
    next: [column('x', { kind: 'double' })],
    wrong: { x: 2 ** 53 },
  },
  {
    what: 'swapped names',
    old: [mapped('x', 'col-1'), mapped('y', 'col-2')],
    cells: { x: 1n, y: 2n },
    next: [mapped('y', 'col-1'), mapped('x', 'col-2')],
    wrong: { x: '1', y: '2' },
  },
  {
    what: 'a name that another column was given',
    old: [mapped('x', 'col-1')],
    cells: { x: 1n },
    next: [mapped('x', 'col-2')],
    wrong: { x: '1' },
  },
])('$what: refused, since Avro takes it and reads it wrong', ({ old, cells, next, wrong }) => {
  const known = evolve(null, tableOf(old), 0, 'evolve');
  const refused = expect.objectContaining({ code: 'schema.breaking' });
  expect(() => evolve(known, tableOf(next), 1, 'evolve')).toThrow(refused);
  const dropped = evolve(known, tableOf([column('another', { kind: 'long' })]), 1, 'evolve');
  expect(() => evolve(dropped, tableOf(next), 2, 'evolve'), 'versions apart').toThrow(refused);
  expect(read(next, { columns: old, rows: [{ cells }] })).toEqual([wrong]);
});

interface Wrong {
  readonly next: readonly Column[];
  readonly wrong: JsonRow;
}

test(
  'no change that is taken is read wrong, whatever the tables and however many versions lie between',
  () => {
    const met = { taken: 0, refused: 0, read: 0, failed: 0 };
    fc.assert(
      fc.property(fc.gen(), (choose) => {
        let known: KnownColumns | null = null;
        const taken: Side[] = [];
        for (const side of historyOf(choose)) {
          try {
            known = evolve(known, tableOf(side.columns), taken.length, 'evolve');
          } catch (error) {
            assert(error instanceof Failure && error.code === 'schema.breaking', String(error));
            met.refused += 1;
            continue;
          }
          taken.push(side);
          met.taken += 1;
        }
        for (const [i, { columns }] of taken.entries()) {
          for (const [j, writer] of taken.entries()) {
            const isTooWide = hasTooWide(columns, writer.columns);
            if (i >= j) expect(isTooWide, 'a newer reader takes what older writers wrote').toBe(false);
            if (isTooWide) expect(() => read(columns, writer)).toThrow(/^can(?:not| not) (?:read|resolve)/);
            else expect(read(columns, writer)).toEqual(expected(columns, writer));
            met[isTooWide ? 'failed' : 'read'] += 1;
          }
        }
      }),
      { numRuns: RUNS },
    );
    expect(Object.entries(met).filter(([, times]) => times === 0)).toEqual([]);
  },
  300_000 + 60 * RUNS,
);

test("Python's readers read every change right as well", (context) => {
  context.skip(PYTHON === null, 'AVRO_PYTHON names no Python that has avro and fastavro');
  const cases = EVOLUTIONS.flatMap(({ what, old, new: next }) => [
    pythonCase(`${what}, read by new readers`, next.columns, old),
    pythonCase(`${what}, read by old readers`, old.columns, next),
  ]);
  const script = fileURLToPath(new URL('read-evolved.py', import.meta.url));
  const { stdout, stderr, status } = spawnSync(must(PYTHON, 'a Python'), [script], {
    input: JSON.stringify(cases.map(({ reader, writer, bodies }) => ({ reader, writer, bodies }))),
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  expect([status, stderr]).toEqual([0, '']);
  for (const [library, answers] of Object.entries(Answers.parse(JSON.parse(stdout)))) {
    expect(
      answers.map((rows, i) => ({ what: cases[i]?.what, rows })),
      library,
    ).toEqual(cases.map(({ what, rows }) => ({ what, rows })));
  }
});

/** Library → for each case its rows, each null where it was refused. */
const Answers = z.object({ fastavro: z.array(z.array(z.unknown())), avro: z.array(z.array(z.unknown())) });

interface PythonCase {
  readonly what: string;
  readonly reader: string;
  readonly writer: string;
  readonly bodies: readonly string[];
  readonly rows: readonly (JsonRow | null)[];
}

/** A record that holds a value too wide for its reader is refused; the others of its schema are read. */
function pythonCase(what: string, columns: readonly Column[], writer: Side): PythonCase {
  return {
    what,
    reader: schemaText(columns),
    writer: schemaText(writer.columns),
    bodies: bodiesOf(writer).map((body) => Buffer.from(body).toString('base64')),
    rows: writer.rows.map((row) => {
      try {
        return expected(columns, { ...writer, rows: [row] })[0] ?? null;
      } catch (error) {
        if (error instanceof TooWide) return null;
        throw error;
      }
    }),
  };
}

/** What avsc reads of the rows with a schema that is not theirs. Throws where it cannot be. */
function read(columns: readonly Column[], writer: Side): readonly JsonRow[] {
  const type = avroType(schemaText(columns));
  const resolver = type.createResolver(avroType(schemaText(writer.columns)));
  return bodiesOf(writer).map((body) => {
    const record: unknown = type.fromBuffer(Buffer.from(body), resolver);
    assert(typeof record === 'object' && record !== null, 'a record');
    const fields = new Map<string, unknown>(Object.entries(record));
    return jsonRow(columns, Object.fromEntries(columns.map(({ name, type }) => [name, cellFrom(type, fields.get(avroName(name)))])));
  });
}

/** Throws `TooWide`. */
function expected(columns: readonly Column[], writer: Side): readonly JsonRow[] {
  return writer.rows.map(({ cells }) => jsonRow(columns, fieldsSeenAs(columns, writer.columns, cells)));
}

function jsonRow(columns: readonly Column[], cells: Readonly<Record<string, Cell>>): JsonRow {
  return Object.fromEntries(columns.map(({ name, type }) => [name, jsonForm(type, cells[name] ?? null, 'by key')]));
}

function schemaText(columns: readonly Column[]): string {
  return avroTexts(request({ columns, rows: [] }).layout).value;
}

function bodiesOf({ columns, rows }: Side): readonly Uint8Array[] {
  const blocks = encode({ columns, rows }).flatMap((segment) => segment.blocks);
  return blocks.flatMap((block) => [...records(block)].map(({ value }) => must(value, 'a value').subarray(VALUE_PREFIX.length)));
}
