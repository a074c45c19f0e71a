/**
 * The table features that this room's answers may need (Delta PROTOCOL.md, "Valid Feature Names in Table Features"): what is asked for, what is accepted, and
 * what a provider can do about the rest. A feature is asked for only where it is carried through to the rows: one that is merely claimed brings deleted rows
 * back to life.
 */

/** Carried through to the rows; named in the request, in the spelling of the capabilities header. */
export const FEATURES_ASKED: readonly string[] = [
  'columnmapping',
  'deletionvectors',
  'timestampntz',
  'typewidening',
  'typewidening-preview',
  'varianttype',
  'varianttype-preview',
  'v2checkpoint',
  'vacuumprotocolcheck',
];

/** Of no concern to a client that gets its files by URL: they are about the log, the storage or the writer. A server that names them has dealt with them. */
const HARMLESS: readonly string[] = [
  'v2checkpoint',
  'vacuumprotocolcheck',
  'catalogmanaged',
  'catalogowned-preview',
  'incommittimestamp',
  'incommittimestamp-preview',
];

const READ_IN_DELTA: ReadonlySet<string> = new Set([...FEATURES_ASKED, ...HARMLESS]);
/** The parquet format has no words for vectors, mapping or wider types. */
const READ_IN_PARQUET: ReadonlySet<string> = new Set(['timestampntz', ...HARMLESS]);

/** Those of `features` that an answer in this format would be misread without, in the provider's spelling. */
export function unreadFeatures(features: readonly string[], format: 'parquet' | 'delta'): readonly string[] {
  const read = format === 'delta' ? READ_IN_DELTA : READ_IN_PARQUET;
  return features.filter((feature) => !read.has(feature.toLowerCase()));
}
