import type { Telemetry } from '../../src/ports/telemetry.ts';

/** Telemetry that nobody reads. */
export const quiet: Telemetry = {
  log: () => {},
  feedState: () => {},
  feedGone: () => {},
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
