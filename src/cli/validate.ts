/**
 * `validate`: the config and the profiles it names, without touching the network.
 */
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/config.ts';
import { patternText } from '../model/feed-pattern.ts';
import { Failure } from '../model/failure.ts';
import { parseArguments } from './arguments.ts';
import { checkSchedules, readSourceProfile } from './assemble.ts';
import { failureText } from './exit.ts';
import { print, tell } from './output.ts';
import { counted } from './words.ts';

export async function run(argv: readonly string[], signal: AbortSignal): Promise<number> {
  const options = parseArguments('validate', argv);
  const config = loadConfig(options.required('config'));
  checkSchedules(config);
  for (const warning of config.warnings) tell(`warning: ${warning}`);
  const failures = await profileFailures(config);
  for (const failure of failures) tell(failureText(failure));
  if (failures.length > 0) return 2;
  for (const line of summary(config)) await print(line, signal);
  return 0;
}

function summary({ feeds, patterns, recipients, sources }: Config): readonly string[] {
  const counts = [
    ...(feeds.length > 0 ? [counted(feeds.length, 'feed')] : []),
    ...(patterns.length > 0 ? [counted(patterns.length, 'pattern')] : []),
  ];
  const width = Math.max(...feeds.map((feed) => feed.id.length), ...patterns.map((pattern) => patternText(pattern).length));
  return [
    `ok: ${counts.join(' and ')} for ${counted(recipients.length, 'recipient')} from ${counted(sources.length, 'source')}`,
    ...feeds.map((feed) => `  ${feed.id.padEnd(width)} → ${feed.topic}`),
    ...patterns.map(
      (pattern) => `  ${patternText(pattern).padEnd(width)} → ${pattern.topicTemplate} (pattern: each table it matches is a feed)`,
    ),
  ];
}

async function profileFailures(config: Config): Promise<readonly Failure[]> {
  const failures: Failure[] = [];
  for (const source of config.sources) {
    try {
      await readSourceProfile(source, config);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      failures.push(error);
    }
  }
  return failures;
}
