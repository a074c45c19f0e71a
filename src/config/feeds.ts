/**
 * Sources and recipients → feeds, with everything that has to fit together across keys: names, sources, topics. Looks at each piece whose own shape is sound, so that
 * one wrong key does not hide the rest.
 */
import { feedOf, isPattern, patternText } from '../model/feed-pattern.ts';
import type { FeedPattern } from '../model/feed-pattern.ts';
import type { FeedSpec, Start } from '../model/feed.ts';
import { parseTableName, tableText } from '../model/version.ts';
import { nearest } from '../lib/nearest.ts';
import { recipientHead, source as sourceSchema, table as tableSchema } from './schema.ts';
import type { TableShape } from './schema.ts';
import { openPlaceholders, reservedBecause, strangerOf, topicIdentity, unknownPlaceholder } from '../model/topic-name.ts';
import type { TopicNeighbours } from '../model/topic-name.ts';
import type { Path, Place, Problem, YamlTree } from './yaml-tree.ts';

export interface CrossChecked {
  /** Whole only where the shape had no problems and this has none. */
  readonly feeds: readonly FeedSpec[];
  /** The same; both in the order of the file. */
  readonly patterns: readonly FeedPattern[];
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

export function crossCheck(tree: YamlTree): CrossChecked {
  const check = new Check(tree);
  check.sources();
  check.recipients();
  check.topics();
  check.unusedSources();
  return check;
}

interface Placed<T> {
  readonly value: T;
  readonly place: Place;
}

class Check {
  readonly feeds: FeedSpec[] = [];
  readonly patterns: FeedPattern[] = [];
  readonly problems: Problem[] = [];
  readonly warnings: Problem[] = [];
  readonly #tree: YamlTree;
  readonly #relayName: string | null;
  readonly #sources = new Map<string, Placed<string>>();
  /** Entries of `sources`, those whose name cannot be used too. */
  readonly #sourceCount: number;
  readonly #used = new Set<string>();
  readonly #recipients = new Map<string, Place>();
  readonly #topics: { readonly feed: FeedSpec; readonly place: Place }[] = [];

  constructor(tree: YamlTree) {
    this.#tree = tree;
    const name = at(at(tree.value, 'relay'), 'name');
    this.#relayName = typeof name === 'string' ? name : null;
    this.#sourceCount = items(tree.value, 'sources').length;
  }

  sources(): void {
    for (const [i, raw] of items(this.#tree.value, 'sources').entries()) {
      const name = at(raw, 'name');
      if (typeof name !== 'string' || this.#tree.isBroken(['sources', i, 'name'])) continue;
      const place = this.#tree.placeOf(['sources', i, 'name']);
      const first = this.#sources.get(name.toLowerCase());
      if (first !== undefined) this.#wrong(place, `two sources are named \`${name}\`: the other one stands in line ${first.place.line}.`);
      else this.#sources.set(name.toLowerCase(), { value: name, place });
      this.#pollWarning(raw, i);
    }
  }

  recipients(): void {
    for (const [i, raw] of items(this.#tree.value, 'recipients').entries()) {
      const head = recipientHead.safeParse(raw);
      if (!head.success) continue;
      const { name } = head.data;
      const place = this.#tree.placeOf(['recipients', i, 'name']);
      const first = this.#recipients.get(name);
      if (first !== undefined) this.#wrong(place, `two recipients are named \`${name}\`: the other one stands in line ${first.line}.`);
      else this.#recipients.set(name, place);
      this.#nameAgainstRelay(name, place);
      this.#tables({ raw, i, recipient: name, source: head.data.source ?? null });
    }
  }

  topics(): void {
    const taken = new Map<string, { readonly feed: FeedSpec; readonly place: Place }>();
    for (const { feed, place } of this.#topics) {
      // A recipient with the name of the relay is told once, and not again for each of its topics.
      const problem = feed.recipient === this.#relayName ? null : reservedBecause(feed.topic, this.#neighbours);
      if (problem !== null)
        this.#wrong(place, `the topic of ${tableText(feed.table)} is \`${feed.topic}\`, ${problem}: give it another \`topic\`.`);
      const first = taken.get(topicIdentity(feed.topic));
      if (first !== undefined) this.#wrong(place, sameTopic(feed, first.feed, first.place));
      else taken.set(topicIdentity(feed.topic), { feed, place });
      const stranger = strangerOf(feed.topic, feed.recipient, this.#neighbours);
      if (stranger !== null) {
        this.#warn(
          place,
          `the topic \`${feed.topic}\` of recipient \`${feed.recipient}\` begins with \`${stranger}.\`: recipient \`${stranger}\`, who may read that prefix, will see it.`,
        );
      }
    }
  }

  unusedSources(): void {
    if (this.problems.length > 0 || this.#used.size === 0) return;
    for (const [key, { value, place }] of this.#sources)
      if (!this.#used.has(key)) this.#warn(place, `no recipient takes a table of the source \`${value}\`.`);
  }

  #tables(of: { readonly raw: unknown; readonly i: number; readonly recipient: string; readonly source: string | null }): void {
    const ofRecipient = this.#ownSource(of.source, ['recipients', of.i], items(of.raw, 'tables'));
    const seen = new Map<string, Place>();
    for (const [j, raw] of items(of.raw, 'tables').entries()) {
      const path: Path = ['recipients', of.i, 'tables', j];
      const entry = tableSchema.safeParse(raw);
      if (!entry.success || this.#tree.isBroken([...path, 'table']) || this.#tree.isBroken([...path, 'topic'])) continue;
      const source = entry.data.source === undefined ? ofRecipient() : this.#sourceOf(entry.data.source, path);
      const tables = parseTableName(entry.data.table);
      if (source === null || tables === null) continue;
      const pattern = patternOf({ recipient: of.recipient, source, entry: entry.data, tables });
      const place = this.#tree.placeOf([...path, 'table']);
      const first = seen.get(patternText(pattern));
      if (first !== undefined) {
        this.#wrong(
          place,
          `recipient \`${of.recipient}\` already has the ${isPattern(tables) ? 'pattern' : 'table'} ${tableText(tables)} in line ${first.line}: name it once (case does not count).`,
        );
        continue;
      }
      seen.set(patternText(pattern), place);
      this.#key(entry.data.key, path);
      this.#envelope(entry.data, path);
      this.#badRecords(entry.data, path);
      const topicPlace = hasKey(raw, 'topic') ? this.#tree.placeOf([...path, 'topic']) : place;
      const unknown = unknownPlaceholder(entry.data.topic);
      if (unknown !== null)
        this.#wrong(topicPlace, `\`{${unknown}}\` stands for nothing in a topic: write {recipient}, {share}, {schema} or {table}.`);
      else if (isPattern(tables)) this.#pattern(pattern, { path, topicPlace });
      else this.#exact(feedOf(pattern, tables), topicPlace);
    }
  }

  #exact(feed: FeedSpec, place: Place): void {
    this.feeds.push(feed);
    this.#topics.push({ feed, place });
  }

  #pattern(pattern: FeedPattern, { path, topicPlace }: { readonly path: Path; readonly topicPlace: Place }): void {
    this.patterns.push(pattern);
    const tables = tableText(pattern.tables);
    const { start } = pattern.settings;
    if (start.kind === 'latest' || start.kind === 'version') {
      this.#wrong(
        this.#tree.placeOf([...path, 'start']),
        `the pattern ${tables} cannot start at ${start.kind === 'latest' ? '`latest`' : 'a version'}: a table that joins later would lose what it already holds; write \`snapshot\` or \`earliest\`.`,
      );
    }
    const open = openPlaceholders(pattern.topicTemplate, pattern.tables);
    if (open.length > 0) {
      this.#warn(
        topicPlace,
        `the topic \`${pattern.topicTemplate}\` of the pattern ${tables} is without ${open.map((name) => `{${name}}`).join(' and ')}: of tables whose topics are equal only one is published, the others park.`,
      );
    }
  }

  #key(columns: readonly string[], path: Path): void {
    for (const [k, column] of columns.entries()) {
      const first = columns.findIndex((other) => other.toLowerCase() === column.toLowerCase());
      if (first !== k)
        this.#wrong(this.#tree.placeOf([...path, 'key', k]), `\`key\` names the column ${column} twice (case does not count).`);
    }
  }

  #envelope({ envelope, key }: TableShape, path: Path): void {
    if (envelope === 'change' || key.length > 0) return;
    const place = this.#tree.placeOf([...path, 'envelope']);
    if (envelope === 'upsert') this.#wrong(place, '`envelope: upsert` needs a `key`: each record is a row as it is now, by its key.');
    else {
      this.#warn(
        place,
        '`envelope: debezium` without a `key` cannot pair the two images of an update: it comes as a `d` and a `c`, and no delete has a tombstone.',
      );
    }
  }

  #badRecords({ onBadRecord, key }: TableShape, path: Path): void {
    if (onBadRecord === 'park' || key.length > 0) return;
    const place = this.#tree.placeOf([...path, 'onBadRecord']);
    this.#warn(place, '`onBadRecord: dead-letter` without a `key`: no record can say that another one of its row is missing.');
  }

  /** The source of the recipient's entries that name none, told as missing once, and only where one of them needs it. */
  #ownSource(name: string | null, path: Path, entries: readonly unknown[]): () => string | null {
    const known = [...this.#sources.values()].map((source) => source.value);
    if (name !== null) {
      const source = this.#sourceOf(name, path);
      return () => source;
    }
    if (this.#sourceCount === 1) return () => this.#use(known[0] ?? null);
    if (this.#sourceCount > 1 && entries.some((entry) => !hasKey(entry, 'source'))) {
      this.#wrong(
        this.#tree.placeOf(path),
        `\`source\` is missing: with several sources each recipient, or each of its tables, names its own, one of ${known.join(', ')}.`,
      );
    }
    return () => null;
  }

  #sourceOf(name: string, path: Path): string | null {
    const known = [...this.#sources.values()].map((source) => source.value);
    const source = this.#sources.get(name.toLowerCase());
    if (source !== undefined) return this.#use(source.value);
    if (this.#sources.size < this.#sourceCount || this.#tree.isBroken([...path, 'source'])) return null;
    const meant = nearest(name, known);
    const hint = meant === null ? `the sources are ${known.join(', ')}` : `did you mean \`${meant}\`?`;
    this.#wrong(this.#tree.placeOf([...path, 'source']), `no source is named \`${name}\`: ${hint}${meant === null ? '.' : ''}`);
    return null;
  }

  #use(source: string | null): string | null {
    if (source !== null) this.#used.add(source.toLowerCase());
    return source;
  }

  #nameAgainstRelay(name: string, place: Place): void {
    if (this.#relayName === null) return;
    if (name === this.#relayName)
      this.#wrong(place, `the recipient has the name of the relay, \`${name}\`: its topics would mix with the internal ones.`);
    else if (this.#relayName.startsWith(`${name}.`)) {
      this.#wrong(
        place,
        `the relay's name \`${this.#relayName}\` begins with \`${name}.\`: the recipient, who may read that prefix, would see the internal topics.`,
      );
    }
  }

  get #neighbours(): TopicNeighbours {
    return { relayName: this.#relayName, recipients: [...this.#recipients.keys()] };
  }

  #pollWarning(raw: unknown, i: number): void {
    const source = sourceSchema.safeParse(raw);
    if (!source.success || typeof source.data.poll !== 'number' || source.data.poll >= 10_000) return;
    this.#warn(
      this.#tree.placeOf(['sources', i, 'poll']),
      `\`poll\` is under 10s: every table is asked for that often, and providers limit requests.`,
    );
  }

  #wrong(place: Place, sentence: string): void {
    this.problems.push({ place, sentence });
  }

  #warn(place: Place, sentence: string): void {
    this.warnings.push({ place, sentence });
  }
}

/** What the entry says of each table that its pattern matches; of a name without `*` and `?`, which matches itself alone, it is the feed. */
function patternOf(of: {
  readonly recipient: string;
  readonly source: string;
  readonly entry: TableShape;
  readonly tables: FeedPattern['tables'];
}): FeedPattern {
  const { recipient, source, entry, tables } = of;
  return {
    recipient,
    source,
    tables,
    topicTemplate: entry.topic,
    settings: {
      start: startOf(entry.start),
      key: entry.key,
      envelope: entry.envelope,
      adopt: entry.adopt,
      onGap: entry.onGap,
      onRecreate: entry.onRecreate,
      onSchemaChange: entry.onSchemaChange,
      onBadRecord: entry.onBadRecord,
    },
  };
}

function startOf(start: TableShape['start']): Start {
  if (typeof start === 'string') return { kind: start };
  return 'version' in start ? { kind: 'version', version: start.version } : { kind: 'timestamp', at: start.timestamp };
}

function sameTopic(feed: FeedSpec, other: FeedSpec, otherPlace: Place): string {
  const where = `${tableText(other.table)} of recipient \`${other.recipient}\` in line ${otherPlace.line}`;
  const how = feed.topic === other.topic ? 'the same topic as' : `a topic that Kafka cannot tell from \`${other.topic}\`, the topic of`;
  return `${tableText(feed.table)} of recipient \`${feed.recipient}\` has with \`${feed.topic}\` ${how} ${where}: give one of the two another \`topic\`.`;
}

function at(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
}

function items(value: unknown, key: string): readonly unknown[] {
  const list = at(value, key);
  return Array.isArray(list) ? list : [];
}

function hasKey(value: unknown, key: string): boolean {
  return at(value, key) !== undefined;
}
