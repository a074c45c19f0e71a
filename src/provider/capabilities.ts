/**
 * The `delta-sharing-capabilities` header, and the response format it leads to.
 */
import type { ResponseFormat } from '../model/change-files.ts';
import type { Metadata, Protocol } from './log-actions.ts';
import { invalid, unsupported } from './refusal.ts';

export interface Capabilities {
  /** In lower case, in the client's order; empty if it names none. */
  readonly formats: readonly string[];
  /** In lower case. */
  readonly readerFeatures: readonly string[];
  readonly includeEndStreamAction: boolean;
  readonly asyncQuery: boolean;
}

export type IdHash = 'md5' | 'sha256';

export function parseCapabilities(header: string | null): Capabilities {
  const values = new Map<string, string>();
  for (const part of (header ?? '').toLowerCase().split(';')) {
    const [key = '', value = ''] = part.split('=', 2);
    values.set(key.trim(), value.trim());
  }
  return {
    formats: list(values.get('responseformat')),
    readerFeatures: list(values.get('readerfeatures')),
    includeEndStreamAction: values.get('includeendstreamaction') === 'true',
    asyncQuery: values.get('asyncquery') === 'true',
  };
}

/**
 * `parquet` wherever table and client allow it. A table that needs reader features goes as `delta`, to clients that name them all. Throws a `Refusal`.
 */
export function chooseFormat(asked: Capabilities, needed: readonly string[]): ResponseFormat {
  if (needed.length === 0) return asked.formats.length === 0 || asked.formats.includes('parquet') ? 'parquet' : 'delta';
  const understood = asked.formats.includes('delta') && needed.every((feature) => asked.readerFeatures.includes(feature.toLowerCase()));
  if (!understood) throw unsupported('Unsupported Delta Table Properties');
  return 'delta';
}

/** The hash of file ids: the format's own unless the `fileidhash` header names one. Throws a `Refusal`. */
export function chooseIdHash(header: string | null, format: ResponseFormat): IdHash {
  const asked = header?.trim().toLowerCase() ?? format;
  if (asked === 'parquet') return 'md5';
  if (asked === 'delta') return 'sha256';
  throw invalid(`Unsupported fileidhash: '${asked}'. Supported: parquet, delta`);
}

/** What a reader must know, by the protocol. */
export function neededFeatures(protocol: Protocol): readonly string[] {
  if (protocol.minReaderVersion === 2) return ['columnMapping'];
  return protocol.minReaderVersion < 2 ? [] : (protocol.readerFeatures ?? []);
}

/** What the reference server goes by. */
export function featuresByProperty({ configuration }: Metadata): readonly string[] {
  const mapping = configuration['delta.columnMapping.mode'] ?? 'none';
  return [
    ...(configuration['delta.enableDeletionVectors'] === 'true' ? ['deletionVectors'] : []),
    ...(mapping === 'none' ? [] : ['columnMapping']),
  ];
}

function list(text: string | undefined): readonly string[] {
  return (text ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
