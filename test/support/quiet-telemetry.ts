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
  listed: () => {},
  partitionsAssigned: () => {},
  rebalanced: () => {},
  transaction: () => {},
  hangingTransaction: () => {},
  providerRequest: () => {},
  credentialExpiry: () => {},
  stage: () => {},
  retention: () => {},
  fresh: () => {},
  retried: () => {},
  claim: () => {},
  schema: () => {},
  reads: () => {},
};
