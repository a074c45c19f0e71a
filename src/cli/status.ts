/**
 * `status`: every feed as the relay that runs tells of it; where none answers, as the checkpoint topic has it, with the checkpoints of feeds that the config does not know.
 */
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { parseArguments } from './arguments.ts';
import { readCheckpoints } from './checkpoints.ts';
import { statusLines, statusOf } from './feed-status.ts';
import type { FeedStatus } from './feed-status.ts';
import { openKafkaSession } from './kafka-session.ts';
import { askRelay, urlOf } from './live-status.ts';
import type { LiveStatus } from './live-status.ts';
import { plain, print, tell } from './output.ts';

export async function run(argv: readonly string[], signal: AbortSignal): Promise<number> {
  const options = parseArguments('status', argv);
  const config = loadConfig(options.required('config'));
  const url = options.optional('url') ?? urlOf(config);
  const live = url === null ? 'the port of the relay is any that is free' : await askRelay(url, config.relay.name, signal);
  const { rows, at, told } = typeof live === 'string' ? await fromKafka(config, live, signal) : fromRelay(live);
  if (options.isSet('json')) await print(JSON.stringify(rows, null, 2), signal);
  else for (const row of rows) for (const line of statusLines(row, at)) await print(plain(line), signal);
  for (const line of told) tell(line);
  return 0;
}

interface Seen {
  readonly rows: readonly FeedStatus[];
  /** What ages are counted to. */
  readonly at: number;
  /** For the person: where it is from. */
  readonly told: readonly string[];
}

function fromRelay({ url, rows, at, gaps }: LiveStatus): Seen {
  return { rows, at, told: [...gaps, `This is what the relay says at ${url}.`] };
}

async function fromKafka(config: Config, because: string, signal: AbortSignal): Promise<Seen> {
  await using session = await openKafkaSession(config, signal);
  const rows = statusOf(config, await readCheckpoints(config, session.publisher, signal));
  const told = `This is what the checkpoints say, for ${because}: whether one runs, and what it tries again, is not known (--url says where to ask).`;
  return { rows, at: Date.now(), told: [told] };
}
