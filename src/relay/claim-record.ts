/**
 * The record `\0claim` of a checkpoint partition: who claimed it last, and under which config (DESIGN §6).
 */
import { JsonMismatch, JsonObject } from '../lib/json.ts';
import type { EpochMs } from '../model/version.ts';
import { CLAIM_KEY } from '../ports/publisher.ts';
import type { Publisher } from '../ports/publisher.ts';
import type { PartitionPlace } from './partition.ts';

export interface ClaimRecord {
  /** One that no other claim has. */
  readonly nonce: string;
  /** Host and process, for people. */
  readonly owner: string;
  /** `http://address:port` of its HTTP port; null for an operator's command, and for a relay that tells none. */
  readonly http: string | null;
  /** Hash of what the config says of feeds; null for an operator's command. */
  readonly config: string | null;
  readonly at: EpochMs;
}

export function claimText(claim: ClaimRecord): string {
  return JSON.stringify(claim);
}

/** As it stands there; null where there is none that can be read. Rejects as `Publisher.read` does. */
export async function lastClaim(
  publisher: Publisher,
  { topic, partition }: PartitionPlace,
  signal: AbortSignal,
): Promise<ClaimRecord | null> {
  let text: string | null = null;
  for await (const { key, value } of publisher.read({ topic, partitions: [partition], untilEnd: true }, signal)) {
    if (key !== null && Buffer.from(key).toString('utf8') === CLAIM_KEY && value !== null) text = Buffer.from(value).toString('utf8');
  }
  return text === null ? null : parseClaim(text);
}

/** Null for a text that is no claim. */
export function parseClaim(text: string): ClaimRecord | null {
  try {
    const claim = new JsonObject(JSON.parse(text));
    const config = claim.nullable('config', (key) => claim.string(key));
    const http = claim.nullable('http', (key) => claim.string(key));
    return { nonce: claim.string('nonce'), owner: claim.string('owner'), http, config, at: claim.integer('at') };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof JsonMismatch) return null;
    throw error;
  }
}
