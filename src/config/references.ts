/**
 * References inside the config's scalars: `${ENV}`, `${ENV:-default}`, `${file:path}`; `$${` is a literal `${`.
 *
 * YAML itself would stumble over the braces: inside a flow map (`{password: ${KAFKA_PASSWORD}}`) they end a plain scalar. So before YAML sees the text, every
 * character of a reference after its `$` is moved into a private block of Unicode, one for one, which keeps all positions; afterwards it is moved back.
 */

/** Where references lead. Pure for the caller: nothing here touches the process or the disk by itself. */
export interface ReferenceWorld {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Reads a file as text; relative paths are relative to the config file's folder. Throws when it cannot. */
  readonly readFile: (path: string) => string;
}

export interface Expanded {
  readonly text: string;
  /** A reference stood in it: the text may be a secret and is not shown in messages. */
  readonly referred: boolean;
  /** The scalar is one reference and nothing else. */
  readonly whole: boolean;
  readonly problems: readonly string[];
}

const PRIVATE_BLOCK = 0xe000;
const REFERENCE = /\$?\$\{[^}\n]*\}/g;
const MASKED = /\$\uE07B[^\uE07D\n]*\uE07D/g;
const TOKEN = /\$\$\{|\$\{([^}]*)\}|\$\{/g;

/** The same text with references made of characters that mean nothing to YAML; every offset stays. */
export function maskReferences(text: string): string {
  return text.replaceAll(REFERENCE, (reference) => {
    const brace = reference.indexOf('{');
    return reference.slice(0, brace) + shift(reference.slice(brace), (code) => (code < 0x80 ? code + PRIVATE_BLOCK : code));
  });
}

/** What `maskReferences` was given. */
export function unmaskReferences(text: string): string {
  return text.replaceAll(MASKED, (masked) =>
    shift(masked, (code) => (code >= PRIVATE_BLOCK && code < PRIVATE_BLOCK + 0x80 ? code - PRIVATE_BLOCK : code)),
  );
}

/** Replaces the references of one scalar. What a reference gives is not looked at again. */
export function expand(scalar: string, world: ReferenceWorld): Expanded {
  const problems: string[] = [];
  let referred = false;
  const text = scalar.replaceAll(TOKEN, (token: string, inner: string | undefined) => {
    if (token === '$${') return '${';
    referred = true;
    const { value, problem } =
      inner === undefined ? { value: '', problem: '`${` has no closing `}`; write `$${` for a literal `${`' } : resolve(inner, world);
    if (problem !== null) problems.push(problem);
    return value;
  });
  return { text, referred, whole: /^\$\{[^}]*\}$/.test(scalar), problems };
}

/** Whether a scalar refers to a file, whose text may change. */
export function refersToFile(scalar: string): boolean {
  return /(?<!\$)\$\{file:/.test(scalar);
}

/** The path, where the scalar is one reference to a file and nothing else. */
export function fileReferredTo(scalar: string): string | null {
  return /^\$\{file:([^}]+)\}$/.exec(scalar)?.[1]?.trim() ?? null;
}

function shift(text: string, move: (code: number) => number): string {
  let moved = '';
  for (let i = 0; i < text.length; i += 1) moved += String.fromCharCode(move(text.charCodeAt(i)));
  return moved;
}

interface Resolved {
  readonly value: string;
  readonly problem: string | null;
}

function resolve(inner: string, world: ReferenceWorld): Resolved {
  if (inner.startsWith('file:')) return resolveFile(inner.slice('file:'.length).trim(), world);
  const match = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s.exec(inner);
  if (match === null) {
    return {
      value: '',
      problem: `\`\${${inner}}\` is no reference: write \`\${NAME}\`, \`\${NAME:-default}\` or \`\${file:path}\`, or \`$\${\` for a literal \`\${\``,
    };
  }
  const [, name = '', fallback] = match;
  if (fallback?.includes('${') === true)
    return { value: '', problem: `\`\${${name}:-…}\` holds another reference: references do not nest` };
  const value = world.env[name];
  if (value !== undefined && value !== '') return { value, problem: null };
  if (fallback !== undefined) return { value: fallback, problem: null };
  const state = value === undefined ? 'is not set' : 'is empty';
  return { value: '', problem: `the environment variable ${name} ${state}: set it, or write \`\${${name}:-default}\`` };
}

function resolveFile(path: string, world: ReferenceWorld): Resolved {
  if (path === '') return { value: '', problem: '`${file:}` names no file' };
  let value: string;
  try {
    value = world.readFile(path).trim();
  } catch (error) {
    return { value: '', problem: `the file ${path} cannot be read (${error instanceof Error ? error.message : String(error)})` };
  }
  return value === '' ? { value, problem: `the file ${path} is empty` } : { value, problem: null };
}
