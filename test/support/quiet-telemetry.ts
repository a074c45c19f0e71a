import type { Telemetry } from '../../src/ports/telemetry.ts';

/** Telemetry that nobody reads. */
export const quiet: Telemetry = {
  log: () => {},
  feedState: () => {},
  published: () => {},
  lag: () => {},
  failed: () => {},
  polled: () => {},
  pollInterval: () => {},
  transaction: () => {},
  providerRequest: () => {},
  credentialExpiry: () => {},
  stage: () => {},
};
