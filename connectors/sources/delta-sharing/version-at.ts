/**
 * The first version at or after an instant, asked of servers that mean two things by it.
 *
 * By the protocol, `startingTimestamp` gives the first version at or after it. The newest reference server gives the first one after it (notes/sharing-server.md §2.4).
 * So the question is put for the instant and for the millisecond before. With `first(x)` the first version at or after x:
 *
 *                        asked for t        asked for t − 1
 *   by the protocol      first(t)           first(t − 1)
 *   the newest server    first(t + 1)       first(t)
 *
 * Where both answers are one version, it is first(t) either way. Where they differ, the lower one was committed at just t, and is first(t), or at t − 1, and is not: its
 * commit time tells, where the table's changes have it. Where nothing tells it is taken all the same: a version too many loses nothing.
 */
import { Failure } from '../../../src/model/failure.ts';
import type { EpochMs, TableName, Version } from '../../../src/model/version.ts';
import { tableText } from '../../../src/model/version.ts';
import { askForChanges } from './changes.ts';
import type { Client } from './client.ts';
import { versionAtQuestion } from './questions.ts';

/** Rejects as `Source.versionAt` says. */
export async function askForVersionAt(client: Client, table: TableName, at: EpochMs, signal: AbortSignal): Promise<Version> {
  const [answered, before] = await Promise.all([ask(client, table, at, signal), ask(client, table, at - 1, signal)]);
  if (before === 'beyond') throw beyond(client, table, at);
  if (answered === before) return before;
  const time = await commitTime(client, table, before, signal);
  if (time === null || time >= at) return before;
  if (answered === 'beyond') throw beyond(client, table, at);
  return answered;
}

async function ask(client: Client, table: TableName, at: EpochMs, signal: AbortSignal): Promise<Version | 'beyond'> {
  try {
    return await client.ask(versionAtQuestion(client, table, at), signal);
  } catch (error) {
    if (error instanceof Failure && error.code === 'start.beyond') return 'beyond';
    if (error instanceof Failure && error.code === 'gap.history_gone') return 0;
    throw error;
  }
}

/** Null where the table's changes at the version are refused or have no line that says it. */
async function commitTime(client: Client, table: TableName, version: Version, signal: AbortSignal): Promise<EpochMs | null> {
  try {
    const { range } = await askForChanges(client, table, { from: version, to: version, listedAs: null, patience: 'quick' }, signal);
    return range.versions.find((listed) => listed.version === version)?.timestamp ?? null;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Failure && error.disposition !== 'retry') return null;
    throw error;
  }
}

function beyond(client: Client, table: TableName, at: EpochMs): Failure {
  return new Failure(
    'start.beyond',
    `asking ${client.source} for the version of ${tableText(table)} at ${new Date(at).toISOString()}: no commit is as late`,
  );
}
