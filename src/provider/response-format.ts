/**
 * The response format of an answer about one version of a table.
 */
import { must } from '../lib/assert.ts';
import type { ResponseFormat } from '../model/change-files.ts';
import type { Version } from '../model/version.ts';
import { chooseFormat, featuresByProperty, neededFeatures } from './capabilities.ts';
import { metadataAt, protocolAt } from './log-state.ts';
import { unsupported } from './refusal.ts';
import type { TableRequest } from './table-request.ts';

/** By the protocol in force at `version`. Throws a `Refusal` where the client cannot read the table, or the server is not to. */
export function formatOf(request: TableRequest, version: Version): ResponseFormat {
  const protocol = must(protocolAt(request.state, version), 'protocol');
  const { minReaderVersion, minWriterVersion } = protocol;
  if (minReaderVersion > 1 && request.faults.has('plain-only')) {
    const tooNew = `Delta protocol version (${minReaderVersion},${minWriterVersion}) is too new for this version of Delta`;
    throw unsupported(`\n${tooNew}\nStandalone Reader/Writer (1,2). Please upgrade to a newer release.\n`);
  }
  const metadata = must(metadataAt(request.state, version), 'metadata');
  return chooseFormat(
    request.capabilities,
    request.faults.has('features-by-property') ? featuresByProperty(metadata) : neededFeatures(protocol),
  );
}
