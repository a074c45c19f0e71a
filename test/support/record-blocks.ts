/** Blocks of Kafka records, made one by one: for tests that need a few known records. */
import type { RecordBlock } from '../../src/ports/encoder.ts';

export interface MadeRecord {
  readonly key: string | null;
  readonly value: string | Uint8Array | null;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The records in Kafka's framing (RecordBatch v2 §Record). */
export function blockOf(partition: number, records: readonly MadeRecord[]): RecordBlock {
  const framed = records.map((record, i) => {
    const headers = Object.entries(record.headers ?? {});
    const body = Buffer.concat([
      Buffer.from([0]),
      varint(0),
      varint(i),
      bytes(record.key),
      bytes(record.value),
      varint(headers.length),
      ...headers.flatMap(([name, value]) => [bytes(name), bytes(value)]),
    ]);
    return Buffer.concat([varint(body.length), body]);
  });
  return { partition, count: records.length, bytes: new Uint8Array(Buffer.concat(framed)) };
}

function bytes(content: string | Uint8Array | null): Buffer {
  if (content === null) return varint(-1);
  const buffer = Buffer.from(content);
  return Buffer.concat([varint(buffer.length), buffer]);
}

function varint(value: number): Buffer {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  const out: number[] = [];
  for (; rest > 0x7f; rest >>>= 7) out.push((rest & 0x7f) | 0x80);
  out.push(rest);
  return Buffer.from(out);
}
