/**
 * The series of one counter or gauge. Their lines are made when they are first seen, but for the number: with a thousand feeds a scrape has some twenty thousand of them.
 */
import { assert } from '../lib/assert.ts';

interface Line {
  /** Name and labels, and the space behind them. */
  readonly text: string;
  value: number;
}

export interface SeriesOptions<Label extends string> {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly labels: readonly Label[];
}

/** Without labels there is one series, and it is there from the start; with labels each is there from its first value on. */
export class Series<Label extends string> {
  readonly #options: SeriesOptions<Label>;
  /** By the value of the first label, then by those of the others. */
  readonly #lines = new Map<string, Map<string, Line>>();
  #collect: (() => void) | null = null;

  constructor(options: SeriesOptions<Label>) {
    this.#options = options;
  }

  inc(labels: Readonly<Record<Label, string>>, by = 1): void {
    assert(by >= 0 || this.#options.type === 'gauge', `${this.#options.name} goes down by ${by}`);
    this.#line(labels).value += by;
  }

  /** Of a counter it may be called only with what has not gone down since. */
  set(labels: Readonly<Record<Label, string>>, value: number): void {
    this.#line(labels).value = value;
  }

  /** Takes away every series whose first label has this value. */
  drop(first: string): void {
    this.#lines.delete(first);
  }

  /** `collect` runs at each scrape, before the numbers are read. A later one takes the place of an earlier one. */
  onScrape(collect: () => void): void {
    this.#collect = collect;
  }

  /** In Prometheus's text format, which is version 0.0.4 of it. */
  text(): string {
    const { name, type, help, labels } = this.#options;
    this.#collect?.();
    let text = `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
    if (labels.length === 0 && this.#lines.size === 0) return `${text}${name} 0\n`;
    for (const lines of this.#lines.values()) for (const line of lines.values()) text += `${line.text}${numberText(line.value)}\n`;
    return text;
  }

  #line(labels: Readonly<Record<Label, string>>): Line {
    const { name, labels: names } = this.#options;
    const [first = null, ...others] = names;
    const under = first === null ? '' : labels[first];
    const rest = others.map((label) => labels[label]).join('\0');
    let lines = this.#lines.get(under);
    if (lines === undefined) this.#lines.set(under, (lines = new Map<string, Line>()));
    let line = lines.get(rest);
    if (line === undefined) {
      const pairs = names.map((label) => `${label}="${escaped(labels[label])}"`);
      lines.set(rest, (line = { text: pairs.length === 0 ? `${name} ` : `${name}{${pairs.join(',')}} `, value: 0 }));
    }
    return line;
  }
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}

function numberText(value: number): string {
  if (value === Infinity) return '+Inf';
  return value === -Infinity ? '-Inf' : String(value);
}
