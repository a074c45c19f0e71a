/**
 * The names of the features that keep a table from being read. A server refuses such a table without saying which they are; its metadata says so to a client
 * that claims to read them all. Nothing but the names is taken from that answer.
 */
import { Failure } from '../../../src/model/failure.ts';
import type { TableName } from '../../../src/model/version.ts';
import type { Client } from './client.ts';
import { metadataQuestion } from './questions.ts';
import { RefusedByProvider } from './refusal.ts';

const EVERY_FEATURE = [
  'deletionvectors',
  'columnmapping',
  'timestampntz',
  'typewidening',
  'typewidening-preview',
  'varianttype',
  'varianttype-preview',
  'variantshredding',
  'variantshredding-preview',
  'geospatial',
  'v2checkpoint',
  'vacuumprotocolcheck',
  'catalogmanaged',
];

/** The failure that names the features, or `refused` itself where they cannot be had. */
export async function withFeatureNames(client: Client, table: TableName, refused: Failure, signal: AbortSignal): Promise<Failure> {
  try {
    await client.ask(metadataQuestion(client, table, null, EVERY_FEATURE), signal);
    return refused;
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof Failure)) throw error;
    return error.code === 'table.feature' && !(error instanceof RefusedByProvider) ? error : refused;
  }
}
