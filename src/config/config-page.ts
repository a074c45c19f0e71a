/** The page of docs/ that names every key of the config: made of the schema, so that it says what is there. */
import { absenceAt, descriptionAt, expectationAt, isListAt, keysAt } from './schema-lookup.ts';
import type { Path } from './yaml-tree.ts';

const HEAD = `# Configuration

\`relay.yaml\`: YAML 1.2. \`npm run config:schema\` makes this page of src/config/schema.ts, and [schemas/config.schema.json](../schemas/config.schema.json) with it, by which editors complete and check the file
(\`# yaml-language-server: $schema=…\`). \`validate -c relay.yaml\` tells every mistake at once, with line and column, and asks nobody; \`doctor\` asks everybody.

- Keys that are not on this page are errors: nothing is passed over in silence.
- \`\${NAME}\` is an environment variable, \`\${NAME:-text}\` one with a fallback, \`\${file:path}\` the text of a file, trimmed; inside any scalar, and not expanded again. \`$\${\` is a plain \`\${\`. A scalar that is wholly one reference has the
  type that its text has. One that names nothing, or something empty, is an error.
- Durations are written \`250ms\`, \`10s\`, \`5m\`, \`1h\`, \`7d\`, sizes \`64KiB\`, \`16MiB\`, \`2GiB\`. Paths are relative to the folder of the file.
- A changed file takes a restart; secrets and profiles that come from files are taken up without one ([security](security.md)).
`;

export function configPage(): string {
  return (
    HEAD +
    keysAt([])
      .map((key) => sectionOf([key]))
      .join('')
  );
}

function sectionOf(path: Path): string {
  const [name] = path;
  const rows = membersOf(path).map((member) => rowOf(member));
  const own = rows.length === 0 ? [rowOf(path)] : rows;
  const heading = `\n## \`${String(name)}\`\n\n${descriptionAt(path) ?? ''}\n\n| key | takes | if left out | |\n|---|---|---|---|\n`;
  return heading + own.join('');
}

/** Every key below the path, those of maps and of the maps in lists, each before its own. */
function membersOf(path: Path): readonly Path[] {
  const at = isListAt(path) ? [...path, 0] : path;
  return keysAt(at).flatMap((key) => [[...at, key], ...membersOf([...at, key])]);
}

function rowOf(path: Path): string {
  const name = path
    .slice(1)
    .map((step, i) => (typeof step === 'number' ? '[]' : i === 0 || path[i] === undefined ? step : `.${step}`))
    .join('')
    .replace(/^\[\]\./, '');
  // How quantities are written is told above.
  const takes = expectationAt(path)?.text.replace(/, written like .*$/, '') ?? (isListAt(path) ? 'a list' : 'a map');
  return `| \`${name}\` | ${cell(takes)} | ${absence(path)} | ${cell(descriptionAt(path) ?? '')} |\n`;
}

function absence(path: Path): string {
  const left = absenceAt(path);
  if (left === 'required') return 'an error';
  if (left === 'optional') return 'nothing';
  const { value } = left;
  if (Array.isArray(value)) return 'an empty list';
  if (typeof value === 'object') return keysAt(path).length === 0 ? 'an empty map' : 'what its keys say';
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
