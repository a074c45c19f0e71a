/**
 * The metadata of a table at a version.
 */
import type { TableName, Version } from '../../../src/model/version.ts';
import type { Client } from './client.ts';
import { unlessElsewhere } from './elsewhere.ts';
import { withFeatureNames } from './features.ts';
import type { MetadataAnswer } from './questions.ts';
import { metadataQuestion } from './questions.ts';
import { FEATURES_ASKED } from './reader-features.ts';
import { RefusedByProvider } from './refusal.ts';

/** Null: the latest version. Rejects as `Source.metadata` says. */
export async function askForMetadata(
  client: Client,
  table: TableName,
  version: Version | null,
  signal: AbortSignal,
): Promise<MetadataAnswer> {
  try {
    return await unlessElsewhere(
      client,
      table,
      async () => client.ask(metadataQuestion(client, table, version, FEATURES_ASKED), signal),
      signal,
    );
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof RefusedByProvider && error.code === 'table.feature') throw await withFeatureNames(client, table, error, signal);
    throw error;
  }
}
