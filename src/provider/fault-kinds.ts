/**
 * What can go wrong on purpose. Some are faults of the moment, others the lasting ways of real servers; a rule says which requests meet one.
 */

export type FaultAction =
  | { readonly kind: 'latency'; readonly ms: number }
  | { readonly kind: 'hang'; readonly bytes?: number; readonly fraction?: number }
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly errorCode?: string;
      readonly message?: string;
      /** The header's value: seconds or an HTTP date. */
      readonly retryAfter?: string;
      /** How the JSON body spells its code: providers differ. Text has no JSON at all. */
      readonly body?: 'errorCode' | 'error_code' | 'text';
    }
  | { readonly kind: 'redirect'; readonly status: number; readonly location: string }
  | { readonly kind: 'cut'; readonly bytes?: number; readonly fraction?: number }
  | { readonly kind: 'short'; readonly bytes?: number; readonly fraction?: number }
  | { readonly kind: 'wrong-bytes'; readonly at: number; readonly count: number }
  | { readonly kind: 'no-end' }
  | { readonly kind: 'error-line'; readonly lines: number; readonly message: string; readonly status?: number }
  | { readonly kind: 'expired-url' }
  | { readonly kind: 'url-life'; readonly ms: number; readonly earlyMs?: number }
  | { readonly kind: 'untold-expiry' }
  | { readonly kind: 'unfiltered' }
  | { readonly kind: 'shuffled'; readonly seed: number }
  | { readonly kind: 'other-files'; readonly files: number }
  | { readonly kind: 'other-ids' }
  | { readonly kind: 'stale'; readonly versions: number }
  | { readonly kind: 'pages'; readonly files: number }
  | { readonly kind: 'gap'; readonly version?: number; readonly status?: 400 | 500 }
  | { readonly kind: 'no-history' }
  | { readonly kind: 'start-version'; readonly version: number }
  | { readonly kind: 'no-historical-metadata' }
  | { readonly kind: 'no-capabilities' }
  | { readonly kind: 'dropped-features' }
  | { readonly kind: 'plain-only' }
  | { readonly kind: 'features-by-property' }
  | { readonly kind: 'page-bug' }
  | { readonly kind: 'exact-instant' }
  | { readonly kind: 'recreated-500' }
  | { readonly kind: 'unknown-format' }
  | { readonly kind: 'no-vector-id' }
  | { readonly kind: 'md5-ids' }
  | { readonly kind: 'error-spelling' };

export type FaultKind = FaultAction['kind'];

/** Each with its settings (optional ones in brackets) and one sentence for people. */
// One line a fault, so that it reads as a table.
// oxfmt-ignore
export const FAULT_TEXTS: Readonly<Record<FaultKind, { readonly settings: string; readonly text: string }>> = {
  latency: { settings: 'ms', text: 'answers later' },
  hang: { settings: '[bytes | fraction]', text: 'sends so much of the answer, or nothing at all, and then waits for ever' },
  status: { settings: 'status [errorCode message retryAfter body]', text: 'answers with this status and an error (XML where it is a file); body: errorCode, error_code or text' },
  redirect: { settings: 'status location', text: 'sends to another URL' },
  cut: { settings: '[bytes | fraction]', text: 'the connection breaks after so many bytes, or this fraction (half) of the answer' },
  short: { settings: '[bytes | fraction]', text: 'as cut, but the shorter answer ends as if it were whole' },
  'wrong-bytes': { settings: 'at count', text: 'turns over so many bytes from the offset on; a negative one counts from the end' },
  'no-end': { settings: '', text: 'the header promises an endStreamAction, and none comes' },
  'error-line': { settings: 'lines message [status]', text: 'after so many lines comes an endStreamAction with an errorMessage' },
  'expired-url': { settings: '', text: 'the URLs have expired, whatever the answer says of them' },
  'url-life': { settings: 'ms [earlyMs]', text: 'the URLs live so long, and die so much before the time that the answer tells' },
  'untold-expiry': { settings: '', text: 'no answer tells when its URLs expire' },
  unfiltered: { settings: '', text: '/changes has, in delta format, every file of every commit: those that change no data, and those beside change files' },
  shuffled: { settings: 'seed', text: 'the lines between the first two and the last come in an order by chance, the same for one seed' },
  'other-files': { settings: 'files', text: 'leaves out so many files, the last ones, as if the version were another' },
  'other-ids': { settings: '', text: 'gives the files other ids than before' },
  stale: { settings: 'versions', text: "answers as if the table's latest version were lower by so many" },
  pages: { settings: 'files', text: 'pages of so many files, though none were asked for' },
  gap: { settings: '[version status]', text: "history with this version in it (without one: what is below the log) is refused with 500 or, by status, 400 'table files missing'" },
  'no-history': { settings: '', text: 'the table is not shared with its history' },
  'start-version': { settings: 'version', text: 'history is shared from this version on' },
  'no-historical-metadata': { settings: '', text: 'takes no notice of includeHistoricalMetadata, and gives metadata no version' },
  'no-capabilities': { settings: '', text: 'neither heeds the capabilities header nor sends it, as an old server' },
  'dropped-features': { settings: '', text: 'protocol lines of /changes lack their lists of features' },
  'plain-only': { settings: '', text: 'tables that need reader features are refused: protocol too new' },
  'features-by-property': { settings: '', text: 'clients must name the features that table properties switch on, whatever the protocol lists' },
  'page-bug': { settings: '', text: 'pages of /changes with historical metadata lose a file where a page ends in a commit that sets metadata' },
  'exact-instant': { settings: '', text: '/version?startingTimestamp at the very time of a commit answers the version after it' },
  'recreated-500': { settings: '', text: 'once a table was replaced by another, its /changes answers 500' },
  'unknown-format': { settings: '', text: '/metadata answers an unknown response format in parquet, under the name that was asked for' },
  'no-vector-id': { settings: '', text: 'lines have no deletionVectorFileId' },
  'md5-ids': { settings: '', text: 'ids are MD5 in both formats, and fileidhash is passed over' },
  'error-spelling': { settings: '', text: 'errors are spelled error_code, with details' },
};

/** Real servers that ours can be like. */
export const LIKENESS_NAMES = ['reference-1.4', 'reference-1.1', 'databricks'] as const;
export type Likeness = (typeof LIKENESS_NAMES)[number];
