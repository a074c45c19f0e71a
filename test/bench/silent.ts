import type { Telemetry } from '../../src/ports/telemetry.ts';

const nothing = (): void => {};

/** Tells nobody. */
export const SILENT: Telemetry = {
  log: nothing,
  feedState: nothing,
  published: nothing,
  lag: nothing,
  failed: nothing,
  polled: nothing,
  pollInterval: nothing,
  transaction: nothing,
  providerRequest: nothing,
  credentialExpiry: nothing,
  stage: nothing,
};
