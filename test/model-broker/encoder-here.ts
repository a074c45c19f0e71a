/**
 * The encoder of src/codec in this thread: each call works at once to its end, so nothing of it depends on the time. It takes the exam of the pool.
 */
import { avroTexts } from '../../src/codec/avro-schema.ts';
import { EVENT_SCHEMA, encodeEvents } from '../../src/codec/events.ts';
import { MARK_BYTES, markSegment } from '../../src/codec/key-marks.ts';
import { RecordWriter } from '../../src/codec/record-writer.ts';
import { encodeEntry } from '../../src/codec/segments.ts';
import { encodeVersion } from '../../src/codec/version-encoder.ts';
import { flatten, rebuilt } from '../../src/codec/wire.ts';
import { openDecoder } from '../../connectors/decoders/parquet.ts';
import { orAbort } from '../../src/lib/abort.ts';
import type { ChangeFile, FileContent } from '../../src/model/change-files.ts';
import { Failure } from '../../src/model/failure.ts';
import type { Encoder, Segment } from '../../src/ports/encoder.ts';

export function encoderHere(): Encoder {
  const decoder = openDecoder();
  const writer = new RecordWriter();
  return {
    async *encode(request, signal) {
      signal.throwIfAborted();
      const { entry, version } = request;
      for (const segment of failing(() => [...encodeEntry(request, decoder, writer)], entry.file, version)) {
        yield segment;
        signal.throwIfAborted();
      }
    },
    async *encodeVersion({ read, ...job }, signal) {
      const reading = new AbortController();
      const { version } = job.plan;
      const steps = encodeVersion(job, decoder, new RecordWriter());
      let content: FileContent | undefined;
      let file: ChangeFile | null = null;
      try {
        for (;;) {
          signal.throwIfAborted();
          // As far as it goes without another file, since the decoder is one for all.
          const made: Segment[] = [];
          let needed: ChangeFile | null = null;
          let isOver = false;
          failing(
            () => {
              while (needed === null && !isOver) {
                const next = steps.next(content);
                content = undefined;
                if (next.done === true) isOver = true;
                else if ('kind' in next.value) needed = next.value.file;
                else made.push(next.value);
              }
            },
            file,
            version,
          );
          yield* made;
          if (isOver || needed === null) return;
          file = needed;
          content = await orAbort(read(needed, AbortSignal.any([signal, reading.signal])), signal);
        }
      } finally {
        reading.abort(new Error('the reader left'));
      }
    },
    marked: markSegment,
    markBytes: MARK_BYTES,
    schemas: avroTexts,
    eventSchema: EVENT_SCHEMA,
    events: (events, prefix) => [...encodeEvents(events, prefix)],
    [Symbol.asyncDispose]: async () => {},
  };
}

/** Does nothing twice: for small files that come again and again. */
export function remembering(real: Encoder): Encoder {
  const made = new Map<string, readonly Segment[]>();
  return {
    ...real,
    async *encode(request, signal) {
      const name = JSON.stringify({ ...request, bytes: Buffer.from(request.bytes).toString('latin1') });
      const known = made.get(name);
      if (known !== undefined) return yield* known;
      const segments: Segment[] = [];
      for await (const segment of real.encode(request, signal)) segments.push(segment);
      made.set(name, segments);
      yield* segments;
    },
  };
}

/** A failure says which file it is about, as a worker's does. */
function failing<T>(work: () => T, file: ChangeFile | null, version: number): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof Failure ? rebuilt(flatten(error, file, version)) : error;
  }
}
