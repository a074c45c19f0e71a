/**
 * Keys that the design of the config has a place for and that are not built: refused by name, with what holds instead, so that nobody takes them for typing
 * errors or believes that they do something.
 */

/** By path with `[]` for any index; the sentence says what holds instead. */
const KEYS: Readonly<Record<string, string>> = {
  'recipients[].tables[].columns': 'all columns are published; ask the provider to share a view with fewer',
  'recipients[].tables[].where': 'all rows are published; ask the provider to share a view with fewer',
  'recipients[].tables[].mask': 'nothing is masked; ask the provider to share a view without the column',
  'recipients[].tables[].newColumns': 'columns added upstream are published',
};

/** What holds instead of a key that is not available yet; null if the key has no place in the design. */
export function laterKey(path: readonly (string | number)[]): string | null {
  return lookUp(KEYS, pattern(path));
}

function pattern(path: readonly (string | number)[]): string {
  return path.map((step, i) => (typeof step === 'number' ? '[]' : i === 0 ? step : `.${step}`)).join('');
}

function lookUp(table: Readonly<Record<string, string>>, name: string): string | null {
  return Object.hasOwn(table, name) ? (table[name] ?? null) : null;
}
