/** `node test/helm/main.ts`: writes the table of values into helm/README.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { valuesTable, withTable } from './values-table.ts';

const helm = new URL('../../helm/', import.meta.url);
const [readme, values, schema] = ['README.md', 'values.yaml', 'values.schema.json'].map((name) =>
  readFileSync(new URL(name, helm), 'utf8'),
);
if (readme === undefined || values === undefined || schema === undefined) throw new Error('helm/ lacks a file');
writeFileSync(new URL('README.md', helm), withTable(readme, valuesTable(values, schema)));
