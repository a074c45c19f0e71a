/**
 * Tells ahead that a credential ends: once when a week is left, once when a day is left, once when it is over. Of what is over, nobody needs the warnings before.
 */
import type { EpochMs } from '../../../src/model/version.ts';
import type { Telemetry } from '../../../src/ports/telemetry.ts';

const DAY_MS = 24 * 3_600_000;

/** A new credential is asked for in time, by people. The nearest first. */
const STAGES = [
  { leftMs: 0, level: 'error', verb: 'expired' },
  { leftMs: DAY_MS, level: 'error', verb: 'expires' },
  { leftMs: 7 * DAY_MS, level: 'warn', verb: 'expires' },
] as const;

export class ExpiryWatch {
  readonly #source: string;
  readonly #telemetry: Telemetry;
  #expirationTime: EpochMs | null = null;
  /** The nearest of the stages that was told; those behind it in the table are past. */
  #told: number = STAGES.length;

  constructor(source: string, telemetry: Telemetry) {
    this.#source = source;
    this.#telemetry = telemetry;
  }

  /** From here on this is when it ends; null: nobody knows. Called at the start and for each new profile. */
  set(expirationTime: EpochMs | null): void {
    this.#expirationTime = expirationTime;
    this.#told = STAGES.length;
    this.#telemetry.credentialExpiry(this.#source, expirationTime);
  }

  /** To be called often. */
  look(now: EpochMs): void {
    if (this.#expirationTime === null) return;
    const leftMs = this.#expirationTime - now;
    const at = STAGES.findIndex((stage) => leftMs <= stage.leftMs);
    const stage = STAGES[at];
    if (stage === undefined || at >= this.#told) return;
    this.#told = at;
    const day = new Date(this.#expirationTime).toISOString();
    this.#telemetry.log(
      stage.level,
      `the credential for ${this.#source} ${stage.verb} on ${day}: ask the provider for a new profile file and put it in the place of the old one`,
    );
  }
}
