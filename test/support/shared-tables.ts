import { parseProfile } from '../../connectors/sources/delta-sharing/profile.ts';
import { openSource, SOURCE_DEFAULTS } from '../../connectors/sources/delta-sharing/source.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { TableName } from '../../src/model/version.ts';
import type { Source } from '../../src/ports/source.ts';
import type { FaultRule } from '../../src/provider/faults.ts';
import type { Provider } from '../../src/provider/provider.ts';
import { startPlainProvider } from './plain-provider.ts';
import { quiet } from './quiet-telemetry.ts';

export interface SharedTables extends AsyncDisposable {
  readonly provider: Provider;
  readonly source: Source;
}

/** The fixture tables, or those of `folder`, behind a real provider, and the real source over them. Waits between tries take no time. */
export async function shareTables(
  options: { readonly faults?: readonly FaultRule[]; readonly folder?: string } = {},
): Promise<SharedTables> {
  const provider = await startPlainProvider({ ...options, urlLifetimeMs: 60_000 });
  const source = openSource({
    ...SOURCE_DEFAULTS,
    name: 'acme',
    profile: parseProfile(JSON.stringify(provider.profile), 'the profile'),
    retryTimeoutMs: 5_000,
    telemetry: quiet,
    clock: { ...systemClock, sleep: () => Promise.resolve() },
    userAgent: 'cdf-relay/test',
  });
  return {
    provider,
    source,
    async [Symbol.asyncDispose]() {
      await source[Symbol.asyncDispose]();
      await provider[Symbol.asyncDispose]();
    },
  };
}

export function fixtureTable(table: string): TableName {
  return { share: 'local', schema: 'default', table };
}
