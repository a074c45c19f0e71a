/**
 * What a provider is started with.
 */
import type { EpochMs } from '../model/version.ts';
import type { FileDecoder } from '../ports/file-decoder.ts';
import type { FaultPlan } from './faults.ts';

export interface ProviderOptions {
  readonly folder: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly token: string;
  /** Each table begins with the first version that its log still has and gains one per interval, on every route alike; null shows all. */
  readonly revealMs: number | null;
  readonly faults: FaultPlan | null;
  /** Reads Parquet checkpoints. */
  readonly decoder: FileDecoder;
  readonly urlLifetimeMs: number;
  readonly now: () => EpochMs;
  /** Takes one line for people; it holds no secret. */
  readonly log: (line: string) => void;
}
