/**
 * `validate`: the config and the profiles it names, without touching the network.
 */
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/config.ts';
import { Failure } from '../model/failure.ts';
import { parseArguments } from './arguments.ts';
import { checkSchedules, readSourceProfile } from './assemble.ts';
import { failureText } from './exit.ts';
import { print, tell } from './output.ts';

export async function run(argv: readonly string[], signal: AbortSignal): Promise<number> {
  const options = parseArguments('validate', argv);
  const config = loadConfig(options.required('config'));
  checkSchedules(config);
  for (const warning of config.warnings) tell(`warning: ${warning}`);
  const failures = await profileFailures(config);
  for (const failure of failures) tell(failureText(failure));
  if (failures.length > 0) return 2;
  await print(
    `ok: ${counted(config.feeds.length, 'feed')} for ${counted(config.recipients.length, 'recipient')} from ${counted(config.sources.length, 'source')}`,
    signal,
  );
  const width = Math.max(...config.feeds.map((feed) => feed.id.length));
  for (const feed of config.feeds) await print(`  ${feed.id.padEnd(width)} → ${feed.topic}`, signal);
  return 0;
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

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
