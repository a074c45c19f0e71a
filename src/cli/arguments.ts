/**
 * The words after a command → its positionals and options, or a sentence about what is wrong with them.
 */
import { parseArgs } from 'node:util';
import { isAllowedHost } from '../config/allowed-host.ts';
import { nearest } from '../lib/nearest.ts';
import { Failure } from '../model/failure.ts';
import { usageLine, usageOf } from './usage.ts';
import type { CommandName } from './usage.ts';

export class Arguments {
  readonly #command: CommandName;
  readonly #positionals: readonly string[];
  readonly #values: ReadonlyMap<string, string>;
  readonly #switches: ReadonlySet<string>;

  constructor(command: CommandName, positionals: readonly string[], values: ReadonlyMap<string, string>, switches: ReadonlySet<string>) {
    this.#command = command;
    this.#positionals = positionals;
    this.#values = values;
    this.#switches = switches;
  }

  positional(index: number): string {
    return this.#positionals[index] ?? '';
  }

  /** The option's value, or null. */
  optional(name: string): string | null {
    return this.#values.get(name) ?? null;
  }

  /** The value of an option that may be left out in general, and not here. */
  required(name: string): string {
    const value = this.#values.get(name);
    if (value === undefined) throw wrong(this.#command, `--${name} is missing`);
    return value;
  }

  isSet(name: string): boolean {
    return this.#switches.has(name);
  }

  /** The option as hosts and blocks of addresses that are let in; none where it was left out. */
  hosts(name: string): readonly string[] {
    const hosts = (this.#values.get(name) ?? '').split(',').flatMap((host) => (host.trim() === '' ? [] : [host.trim()]));
    const bad = hosts.find((host) => !isAllowedHost(host));
    if (bad !== undefined)
      throw wrong(this.#command, `--${name} takes host names, addresses, or blocks such as 10.1.0.0/16, with commas, not \`${bad}\``);
    return hosts;
  }

  /** The option as a version number, or null where it was left out. */
  version(name: string): number | null {
    return this.count(name, 'a version');
  }

  /** The option as a whole number from 0, or null where it was left out; `what` it is, for a sentence. */
  count(name: string, what: string): number | null {
    const text = this.#values.get(name);
    if (text === undefined) return null;
    const number = /^\d+$/.test(text) ? Number(text) : NaN;
    if (!Number.isSafeInteger(number)) throw wrong(this.#command, `--${name} must be ${what}, a whole number from 0, not \`${text}\``);
    return number;
  }
}

/** Throws `Failure` `arguments.invalid`. */
export function parseArguments(command: CommandName, argv: readonly string[]): Arguments {
  const usage = usageOf(command);
  const names = Object.entries(usage.options);
  const { tokens } = parseArgs({
    args: [...argv],
    options: Object.fromEntries(
      names.map(([name, { short, value }]) => [
        name,
        { type: value === undefined ? ('boolean' as const) : ('string' as const), ...(short === undefined ? {} : { short }) },
      ]),
    ),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const positionals: string[] = [];
  const values = new Map<string, string>();
  const switches = new Set<string>();
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const option = names.find(([name]) => name === token.name)?.[1];
    if (option === undefined)
      throw wrong(
        command,
        unknownOption(
          token.rawName,
          names.map(([name]) => name),
        ),
      );
    if (values.has(token.name) || switches.has(token.name)) throw wrong(command, `${token.rawName} is given twice`);
    if (option.value === undefined) {
      if (token.value !== undefined) throw wrong(command, `${token.rawName} takes no value`);
      switches.add(token.name);
    } else {
      if (token.value === undefined || token.value === '' || (!token.inlineValue && token.value.startsWith('-')))
        throw wrong(command, `${token.rawName} needs a value: ${token.rawName} <${option.value}>`);
      values.set(token.name, token.value);
    }
  }
  const missing = usage.positionals[positionals.length];
  if (missing !== undefined) throw wrong(command, `<${missing}> is missing`);
  const surplus = positionals[usage.positionals.length];
  if (surplus !== undefined) throw wrong(command, `\`${surplus}\` is one argument too many`);
  const absent = usage.required.find((name) => !values.has(name));
  if (absent !== undefined) throw wrong(command, `${optionName(command, absent)} is missing`);
  return new Arguments(command, positionals, values, switches);
}

export function wrong(command: CommandName, sentence: string): Failure {
  return new Failure('arguments.invalid', `${command}: ${sentence} (usage: ${usageLine(command)})`);
}

function unknownOption(given: string, names: readonly string[]): string {
  const known = names.map((name) => `--${name}`);
  const hint = didYouMean(given, known);
  return `${given} is not an option${hint === '' ? `; there ${known.length === 1 ? 'is' : 'are'} ${known.join(', ')}` : hint}`;
}

/** A clause for the end of a sentence: the nearest of the known words, if one is near. */
export function didYouMean(given: string, known: readonly string[]): string {
  const meant = nearest(given, known);
  return meant === null ? '' : `; did you mean ${meant}?`;
}

function optionName(command: CommandName, name: string): string {
  const option = usageOf(command).options[name];
  return option?.short === undefined ? `--${name}` : `-${option.short} <${option.value ?? ''}>`;
}
