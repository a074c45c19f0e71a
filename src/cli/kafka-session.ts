/**
 * A config and its Kafka, for commands that ask and end: opened, reached, and closed again.
 */
import type { Config } from '../config/config.ts';
import { openTelemetry } from '../ops/telemetry.ts';
import type { Publisher } from '../ports/publisher.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { assembleKafka } from './assemble.ts';
import { tell } from './output.ts';
import { VERSION } from './product.ts';

export interface KafkaSession extends AsyncDisposable {
  readonly config: Config;
  readonly publisher: Publisher;
  readonly telemetry: Telemetry;
}

/** After this without an answer the person is told what is waited for. */
const PATIENCE_MS = 3_000;

/** Rejects with `kafka.unreachable`, `kafka.unauthorized`. */
export async function openKafkaSession(config: Config, signal: AbortSignal): Promise<KafkaSession> {
  await using opened = new AsyncDisposableStack();
  const telemetry = openCommandTelemetry(opened);
  const publisher = opened.use(assembleKafka(config, telemetry));
  const notice = setTimeout(() => tell(`waiting for Kafka at ${config.kafka.brokers.join(', ')} …`), PATIENCE_MS);
  try {
    await publisher.admin.reach(signal);
  } finally {
    clearTimeout(notice);
  }
  const held = opened.move();
  return { config, publisher, telemetry, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** The telemetry of a command that ends by itself: warnings and errors as text on stderr; closed with `opened`. */
export function openCommandTelemetry(opened: AsyncDisposableStack): Telemetry {
  const telemetry = openTelemetry({ version: VERSION, log: { level: 'warn', format: 'pretty' } });
  opened.defer(() => telemetry.close());
  return telemetry;
}
