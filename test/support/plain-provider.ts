/** Our own provider as nobody has made it faulty, over the fixture tables or those of `folder`: its links last longer than a test. */
import { openDecoder } from '../../connectors/decoders/parquet.ts';
import type { FaultRule } from '../../src/provider/faults.ts';
import { startProvider } from '../../src/provider/provider.ts';
import type { Provider } from '../../src/provider/provider.ts';

export const FIXTURE_TABLES = new URL('../fixtures/tables', import.meta.url).pathname;

export async function startPlainProvider(
  options: {
    readonly folder?: string;
    readonly token?: string;
    readonly faults?: readonly FaultRule[];
    readonly urlLifetimeMs?: number;
  } = {},
): Promise<Provider> {
  return startProvider({
    folder: options.folder ?? FIXTURE_TABLES,
    port: 0,
    token: options.token ?? 'a-token',
    revealMs: null,
    faults: { rules: options.faults ?? [] },
    decoder: openDecoder(),
    urlLifetimeMs: options.urlLifetimeMs ?? 3_600_000,
    now: Date.now,
    log: () => {},
  });
}
