/**
 * kafkajs, set up for the relay: its noise as debug lines of our log, zstd by node:zlib, short and bounded retries.
 */
import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';
import kafkajs from 'kafkajs';
import type { Kafka } from 'kafkajs';
import type { KafkajsSockets } from './kafkajs-sockets.ts';
import { kafkajsSasl } from './options.ts';
import type { KafkaOptions } from './options.ts';

const { CompressionCodecs, CompressionTypes } = kafkajs;

/** kafkajs' numbers of what `kafka.compression` names. */
export const COMPRESSION = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP, zstd: CompressionTypes.ZSTD } as const;

const compress = promisify(zstdCompress);
/** Level 1 takes half the time of the default 3 for a tenth more bytes; the default piece of 16 KiB is a turn of the event loop each. */
const ZSTD = { chunkSize: 65_536, params: { [constants.ZSTD_c_compressionLevel]: 1 } };
const decompress = promisify(zstdDecompress);

// The codecs of kafkajs are one table for the whole process, and zstd is missing in it.
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: ({ buffer }: { readonly buffer: Buffer }) => compress(buffer, ZSTD),
  decompress: (buffer: Buffer) => decompress(buffer),
});

/**
 * About 15 s in all. The first wait is short because after every commit the next transaction meets CONCURRENT_TRANSACTIONS while the markers are written: with the
 * default of 300 ms there are three transactions a second.
 */
const RETRY = { initialRetryTime: 20, multiplier: 2, maxRetryTime: 1_000, retries: 20 };

/** `sockets` are this client's alone. */
export function kafkajsClient(options: KafkaOptions, sockets: KafkajsSockets): Kafka {
  return new kafkajs.Kafka({
    clientId: options.clientId,
    brokers: sockets.brokers,
    socketFactory: sockets.open,
    ...(options.sasl === null ? {} : { sasl: kafkajsSasl(options.sasl) }),
    connectionTimeout: 5_000,
    authenticationTimeout: 10_000,
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
