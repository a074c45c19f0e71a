/**
 * Reads Prometheus's text format as strictly as promtool: every family is described once before its samples, names and label names are legal, no series stands twice,
 * counters end in `_total`, and histograms are cumulative and whole.
 */

export interface Family {
  readonly type: string;
  readonly help: string;
  /** By series, labels sorted: `name{a="b"}`. */
  readonly samples: ReadonlyMap<string, number>;
}

interface OpenFamily {
  readonly help: string;
  type: string;
  readonly samples: Map<string, number>;
}

/** Throws at the first line that is not sound. */
export function readExposition(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the text does not end in a line feed');
  const families = new Map<string, OpenFamily>();
  let current = '';
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const help = /^# HELP ([a-z_][a-z0-9_]*) (.+)$/.exec(line);
    const type = /^# TYPE ([a-z_][a-z0-9_]*) (counter|gauge|histogram|summary)$/.exec(line);
    if (help !== null) {
      current = help[1] ?? '';
      if (families.has(current)) throw new Error(`${current} is described twice`);
      families.set(current, { help: help[2] ?? '', type: '', samples: new Map() });
    } else if (type !== null) {
      const family = families.get(type[1] ?? '');
      if (family === undefined || type[1] !== current) throw new Error(`type without help: ${line}`);
      family.type = type[2] ?? '';
    } else addSample(families.get(current), current, line);
  }
  for (const [name, family] of families) checkFamily(name, family);
  return families;
}

function addSample(family: OpenFamily | undefined, familyName: string, line: string): void {
  const match = /^([a-z_][a-z0-9_]*)(?:\{((?:[a-z_][a-z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\S+)$/.exec(line);
  if (match === null || family === undefined) throw new Error(`no sample: ${line}`);
  const [, name = '', labels = '', value = ''] = match;
  const suffix = name.slice(familyName.length);
  const suffixes = family.type === 'histogram' ? ['_bucket', '_sum', '_count'] : family.type === 'summary' ? ['', '_sum', '_count'] : [''];
  if (!name.startsWith(familyName) || !suffixes.includes(suffix)) throw new Error(`${line} stands among the samples of ${familyName}`);
  const pairs = [...labels.matchAll(/[a-z_][a-z0-9_]*="(?:[^"\\]|\\.)*"/g)].map(([pair]) => pair);
  const series = `${name}{${pairs.sort().join(',')}}`;
  if (family.samples.has(series)) throw new Error(`${series} stands twice`);
  const number = value === '+Inf' ? Infinity : Number(value);
  if (Number.isNaN(number) && value !== 'Nan') throw new Error(`no number: ${line}`);
  family.samples.set(series, number);
}

function checkFamily(name: string, family: Family): void {
  if (family.type === '') throw new Error(`${name} has no type`);
  if ((family.type === 'counter') !== name.endsWith('_total')) throw new Error(`${name} is a ${family.type}`);
  if (family.type !== 'histogram') return;
  const bounds = new Map<string, { last: number; value: number }>();
  for (const [series, value] of family.samples) {
    const bucket = /^(.*)_bucket\{(?:(.*),)?le="([^"]+)"(?:,(.*))?\}$/.exec(series);
    if (bucket === null) continue;
    const rest = [bucket[2], bucket[4]].filter((part) => part !== undefined && part !== '').join(',');
    const bound = bucket[3] === '+Inf' ? Infinity : Number(bucket[3]);
    const before = bounds.get(rest);
    if (before !== undefined && (bound <= before.last || value < before.value)) throw new Error(`${series} is not cumulative`);
    bounds.set(rest, { last: bound, value });
  }
  for (const [rest, { last, value }] of bounds) {
    if (last !== Infinity || value !== family.samples.get(`${name}_count{${rest}}`))
      throw new Error(`${name}{${rest}} has no whole +Inf bucket`);
  }
}
