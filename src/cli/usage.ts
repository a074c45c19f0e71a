/**
 * What each command is for and takes: the one table behind `--help` and the reading of arguments.
 */
import { faultHelp } from './fault-help.ts';

export interface OptionUsage {
  /** One letter, where there is one. */
  readonly short?: string;
  /** What stands after the option, as in `--config <file>`; absent = a switch. */
  readonly value?: string;
  readonly help: string;
}

export interface Usage {
  readonly summary: string;
  /** In order; all of them are required. */
  readonly positionals: readonly string[];
  readonly options: Readonly<Record<string, OptionUsage>>;
  /** Options that must be there. */
  readonly required: readonly string[];
  /** Sentences at the end of the help. */
  readonly notes: readonly string[];
}

const CONFIG: OptionUsage = { short: 'c', value: 'file', help: 'the config file' };
const RECIPIENT: OptionUsage = { value: 'name', help: 'the recipient, as the config names it' };
const TABLE: OptionUsage = { value: 'share.schema.table', help: 'the table, as the config names it' };
const ALLOW_HOST: OptionUsage = {
  value: 'hosts',
  help: 'hosts, addresses and blocks in your own network that the provider may point to, with commas (as `sources[].allowHosts`)',
};
const PROFILE = 'The profile is the path of a file that a provider gave, of version 1 or 2, or its JSON itself.';

export const USAGE = {
  run: {
    summary: 'relays every table of the config to Kafka, until it is stopped',
    positionals: [],
    options: {
      config: CONFIG,
      'until-current': { help: 'end when every feed has published up to the version that was the latest at first contact' },
    },
    required: ['config'],
    notes: ['SIGTERM or Ctrl-C finishes what is in hand and ends within 30 s; a second one ends at once.'],
  },
  validate: {
    summary: 'reads the config without touching the network: every error with its line and column, or the feeds and their topics',
    positionals: [],
    options: { config: CONFIG },
    required: ['config'],
    notes: [],
  },
  doctor: {
    summary: 'probes everything that the relay needs, and says what is in its way and how to mend it; changes nothing',
    positionals: [],
    options: {
      config: CONFIG,
      recipient: { ...RECIPIENT, help: 'only feeds of this recipient' },
      table: { ...TABLE, help: 'only feeds of this table' },
      json: { help: 'one JSON object {exit, checks} instead of text' },
    },
    required: ['config'],
    notes: [
      'One line a probe: pass, warn (the relay would run, and something is lost when the next thing goes wrong) or fail.',
      'Exit code 0 if nothing fails; 2 if the config or a profile is wrong; else 3 if Kafka, the registry, a provider or a right is missing; else 1 if a feed',
      'would be parked. Topics and rights are judged by the brokers: none is made, nothing is claimed or joined. Rights on topics that do not exist yet are seen',
      'as far as brokers tell them. Kafka makes its own topics for groups and transactions, if it has none yet, when it is asked about them.',
    ],
  },
  plan: {
    summary: 'says what `run` would do: topics, rights, schemas, where feeds begin and what waits there; changes nothing',
    positionals: [],
    options: {
      config: CONFIG,
      recipient: { ...RECIPIENT, help: 'only feeds of this recipient' },
      table: { ...TABLE, help: 'only feeds of this table' },
      output: {
        short: 'o',
        value: 'format',
        help: 'text, json, kafka-acls (commands for topics and rights) or strimzi (KafkaTopic and KafkaUser)',
      },
      json: { help: 'as -o json: all of it, with the texts of the schemas' },
      schemas: { value: 'folder', help: 'writes the Avro schemas there: <topic>-key.avsc and <topic>-value.avsc' },
    },
    required: ['config'],
    notes: [
      'For clusters where the relay may create nothing: set kafka.topics.create to false, and give -o kafka-acls or -o strimzi to whoever administers Kafka. These',
      'two print what is missing, and take it that nothing is there where Kafka does not answer. Topics that a reset makes later (<topic>.g2) are not among them.',
      'Exit code 1 if a feed would be parked, 3 if a provider or Kafka does not answer; what can be planned is printed all the same.',
    ],
  },
  status: {
    summary: 'shows every feed: state, version, how far behind, last commit, error and remedy',
    positionals: [],
    options: {
      config: CONFIG,
      url: { value: 'address', help: 'of the HTTP port of a relay that runs; the one of the config on this machine if left out' },
      json: { help: 'one JSON array instead of text' },
    },
    required: ['config'],
    notes: [
      'The relay that runs is asked; where none of this name answers, the checkpoint topic is read, as of the last commits, and which of both it was is said.',
      'Checkpoints of feeds that the config does not know are shown as orphans.',
    ],
  },
  tables: {
    summary: 'shows what a profile gives: tables with version, change feed and columns',
    positionals: ['profile'],
    options: { 'allow-host': ALLOW_HOST, json: { help: 'one JSON object a table instead of text' } },
    required: [],
    notes: [PROFILE, 'What it shows of the change feed is what the provider says: only reading changes proves it (`peek`).'],
  },
  peek: {
    summary: 'prints change rows as JSON lines, in the order in which they would be published, without Kafka',
    positionals: ['profile', 'table'],
    options: {
      from: { value: 'version', help: 'the first version' },
      to: { value: 'version', help: 'the last version; the latest if left out' },
      'allow-host': ALLOW_HOST,
    },
    required: ['from'],
    notes: [PROFILE, 'The table is written as share.schema.table.'],
  },
  tail: {
    summary: "reads a feed's topic as a consumer would (read_committed) and prints its records as JSON lines",
    positionals: [],
    options: {
      config: CONFIG,
      recipient: RECIPIENT,
      table: TABLE,
      'dead-letters': { help: "the feed's records on <recipient>.dead-letters instead" },
      commits: { help: "the feed's records on <recipient>.commits instead: the ledger of its versions" },
      'until-end': { help: 'end at the end that the topic has now' },
    },
    required: ['config', 'recipient', 'table'],
    notes: [],
  },
  offsets: {
    summary: 'says where the records of a version are in the topic, or to which version a record belongs',
    positionals: [],
    options: {
      config: CONFIG,
      recipient: RECIPIENT,
      table: TABLE,
      version: { value: 'version', help: 'the version to be looked up' },
      partition: { value: 'partition', help: 'with --offset: the partition of the record to be looked up' },
      offset: { value: 'offset', help: 'with --partition: its offset' },
      generation: { value: 'number', help: 'of the feed, each of which has a topic of its own; the latest if left out' },
      json: { help: 'one JSON object instead of text' },
    },
    required: ['config', 'recipient', 'table'],
    notes: [
      'It reads the ledger, <recipient>.commits: a version is there once it is whole.',
      'Who has read up to the next offset in each of its partitions has all of the version.',
    ],
  },
  verify: {
    summary: 'counts the versions of a feed again, in the share and in the topic, and compares them with the ledger',
    positionals: [],
    options: { config: CONFIG, recipient: RECIPIENT, table: TABLE },
    required: ['config', 'recipient', 'table'],
    notes: [
      'Prints a line for each version that differs, and a summary; exit code 1 if one does.',
      'Of each whole version of the latest generation it compares rows by change type, records, and the checksum over them: what the topic holds between the',
      'offsets of the version, and what the files of the share give when they are read and encoded again. No order, no partitions, no headers, no keys of rows that have a value.',
      'Not compared, and said so: the topic where it is compacted or has deleted records; the share where the provider no longer gives the version, and where it',
      'has dead letters. Records that stand between versions are not looked at: a relay that runs parks a feed that finds those of others.',
    ],
  },
  checkpoint: {
    summary: 'shows a checkpoint, or takes a parked feed further',
    positionals: ['show|accept|reset'],
    options: {
      config: CONFIG,
      recipient: RECIPIENT,
      table: TABLE,
      yes: { short: 'y', help: 'do not ask' },
    },
    required: ['config'],
    notes: [
      'show: the checkpoints as JSON; of all feeds, or of the one that --recipient and --table name.',
      'accept: the feed goes on at its position, under the contract and topic that the config and Kafka have now.',
      'reset: the feed starts again in a new generation, in a new topic; the old topic stays as it is.',
      'accept and reset claim the checkpoint partition: a relay that runs is fenced, and notices with its next transaction.',
    ],
  },
  serve: {
    summary: 'shares a folder of local Delta tables: for trying things out, for tests, for the demo; no production provider',
    positionals: ['folder'],
    options: {
      port: { value: 'port', help: 'the port; any that is free if left out' },
      token: { value: 'text', help: 'the bearer token that clients must send' },
      'profile-out': { value: 'file', help: 'where to write the profile file' },
      reveal: { value: 'duration', help: 'shows one more version of each table every so often' },
      faults: { value: 'file', help: 'a YAML file of faults to inject' },
    },
    required: [],
    notes: ['Prints one JSON line {endpoint, profile} to stdout when it listens.', '', faultHelp()],
  },
} as const satisfies Record<string, Usage>;

export type CommandName = keyof typeof USAGE;

export const COMMAND_NAMES: readonly string[] = Object.keys(USAGE);

export function isCommandName(text: string): text is CommandName {
  return Object.hasOwn(USAGE, text);
}

export function usageOf(command: CommandName): Usage {
  return USAGE[command];
}

const PROGRAM = 'npm run -s relay --';

const EXIT_CODES =
  'Exit codes: 0 done, 1 failed while running, 2 the config or the arguments are wrong, 3 something around the relay is missing.';

export function mainHelp(): string {
  const width = Math.max(...COMMAND_NAMES.map((name) => name.length));
  const commands = Object.entries(USAGE).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`);
  return [
    'cdf-relay: the change data feed of shared Delta tables, in Kafka, exactly once.',
    '',
    `Usage: ${PROGRAM} <command> [options]`,
    '',
    ...commands,
    '',
    `${PROGRAM} <command> --help tells more of one; --version tells which relay this is. ${EXIT_CODES}`,
  ].join('\n');
}

export function commandHelp(command: CommandName): string {
  const usage = usageOf(command);
  const options = Object.entries(usage.options).map(([name, option]): readonly [string, string] => [optionText(name, option), option.help]);
  const width = Math.max(0, ...options.map(([left]) => left.length));
  return [
    `Usage: ${PROGRAM} ${usageLine(command)}`,
    '',
    `${command}: ${usage.summary}.`,
    ...(options.length === 0 ? [] : ['', ...options.map(([left, help]) => `  ${left.padEnd(width)}  ${help}`)]),
    ...(usage.notes.length === 0 ? [] : ['', ...usage.notes]),
    '',
    EXIT_CODES,
  ].join('\n');
}

/** `tail -c <file> --recipient <name> --table <share.schema.table> [--until-end]`. */
export function usageLine(command: CommandName): string {
  const usage = usageOf(command);
  const options = Object.entries(usage.options).map(([name, { short, value }]) => {
    const text = `${short !== undefined && usage.required.includes(name) ? `-${short}` : `--${name}`}${value === undefined ? '' : ` <${value}>`}`;
    return usage.required.includes(name) ? text : `[${text}]`;
  });
  return [command, ...usage.positionals.map((name) => `<${name}>`), ...options].join(' ');
}

function optionText(name: string, { short, value }: OptionUsage): string {
  return `${short === undefined ? '    ' : `-${short}, `}--${name}${value === undefined ? '' : ` <${value}>`}`;
}
