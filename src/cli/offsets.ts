/**
 * `offsets`: from a version to where its records are, and from a place in the topic to the version of the record there; both from the ledger, `{recipient}.commits`.
 */
import { loadConfig } from '../config/load.ts';
import { Failure } from '../model/failure.ts';
import { parseArguments, wrong } from './arguments.ts';
import type { Arguments } from './arguments.ts';
import { askedFeeds, findFeed } from './find-feed.ts';
import { openKafkaSession } from './kafka-session.ts';
import { ledgerOf } from './ledger-records.ts';
import { plain, print } from './output.ts';
import { VersionLookup, versionJson, versionLines } from './version-lookup.ts';
import type { Asked } from './version-lookup.ts';

export async function run(argv: readonly string[], signal: AbortSignal): Promise<number> {
  const options = parseArguments('offsets', argv);
  const lookup = new VersionLookup(askedOf(options), options.count('generation', 'a generation'));
  const config = loadConfig(options.required('config'));
  const asked = askedFeeds('offsets', config, options);
  await using session = await openKafkaSession(config, signal);
  const { spec, checkpoint } = await findFeed('offsets', session, asked, signal);
  for await (const event of ledgerOf(session, spec, signal)) lookup.add(event);
  const { found } = lookup;
  if (found === null) throw new Failure('ledger.unknown', lookup.whyNot(spec.id, checkpoint));
  if (options.isSet('json')) await print(JSON.stringify(versionJson(found)), signal);
  else for (const line of versionLines(found)) await print(plain(line), signal);
  return 0;
}

function askedOf(options: Arguments): Asked {
  const version = options.version('version');
  const partition = options.count('partition', 'a partition');
  const offset = options.count('offset', 'an offset');
  if (version !== null && partition === null && offset === null) return { kind: 'version', version };
  if (version === null && partition !== null && offset !== null) return { kind: 'place', partition, offset };
  throw wrong('offsets', 'give either --version, or --partition and --offset');
}
