/**
 * kafkajs, set up for the relay: its noise as debug lines of our log, the codecs that it lacks, short and bounded retries.
 */
import kafkajs from 'kafkajs';
import type { CompressionTypes as CompressionType, Kafka } from 'kafkajs';
import { compress, decompress } from './compression.ts';
import type { Codec, Compression } from './compression.ts';
import type { KafkajsSockets } from './kafkajs-sockets.ts';
import type { KafkaOptions } from './options.ts';
import { kafkajsSasl } from './sasl.ts';

const { CompressionCodecs, CompressionTypes } = kafkajs;

/** kafkajs' numbers of what `kafka.compression` names. */
export const COMPRESSION: Readonly<Record<Compression, CompressionType>> = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
};

// The codecs of kafkajs are one table for the whole process, and these are missing in it.
Object.assign(CompressionCodecs, {
  [CompressionTypes.Snappy]: () => codecOf('snappy'),
  [CompressionTypes.LZ4]: () => codecOf('lz4'),
  [CompressionTypes.ZSTD]: () => codecOf('zstd'),
});

/**
 * About 15 s in all. The first wait is short because after every commit the next transaction meets CONCURRENT_TRANSACTIONS while the markers are written: with the
 * default of 300 ms there are three transactions a second.
 */
const RETRY = { initialRetryTime: 20, multiplier: 2, maxRetryTime: 1_000, retries: 20 };

/**
 * Before the end of a session kafkajs proves anew who we are ahead of a request. Brokers take that once a second at most: with the default of 10 s no session of less would
 * ever work, such as that of a token in the last part of its life.
 */
const REAUTHENTICATION_MS = 1_000;

/** `sockets` are this client's alone. */
export function kafkajsClient(options: KafkaOptions, sockets: KafkajsSockets): Kafka {
  return new kafkajs.Kafka({
    clientId: options.clientId,
    brokers: sockets.brokers,
    socketFactory: sockets.open,
    ...(options.sasl === null ? {} : { sasl: kafkajsSasl(options.sasl) }),
    connectionTimeout: 5_000,
    authenticationTimeout: 10_000,
    reauthenticationThreshold: REAUTHENTICATION_MS,
    requestTimeout: 10_000,
    retry: RETRY,
    logLevel: kafkajs.logLevel.WARN,
    logCreator:
      () =>
      ({ namespace, log }) => {
        options.telemetry.log('debug', `kafkajs: ${log.message}`, { namespace });
      },
  });
}

/** As kafkajs calls it. */
function codecOf(codec: Codec): {
  readonly compress: (encoder: { readonly buffer: Buffer }) => Promise<Buffer>;
  readonly decompress: (bytes: Buffer) => Promise<Buffer>;
} {
  return { compress: ({ buffer }) => compress(buffer, codec), decompress: (bytes) => decompress(bytes, codec) };
}
