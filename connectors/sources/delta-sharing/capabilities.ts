/**
 * What is asked of a response, and what the response says it is. Only the response's own header counts (PROTOCOL.md, "Delta Sharing Capabilities Header"):
 * a server that has never heard of a capability ignores it.
 */
import type { ResponseFormat } from '../../../src/model/change-files.ts';

export const CAPABILITIES_HEADER = 'delta-sharing-capabilities';

export interface Granted {
  readonly format: ResponseFormat;
  /** An answer that ends without its endStreamAction has been cut. */
  readonly endPromised: boolean;
}

/** The request header's value. */
export function capabilitiesAsked(formats: readonly ResponseFormat[], features: readonly string[]): string {
  return `responseformat=${formats.join(',')};readerfeatures=${features.join(',')};includeendstreamaction=true`;
}

/** Reads the response header; `unasked` is a format that was not asked for. An absent header means an old server: parquet, and nothing promised. */
export function capabilitiesGranted(header: string | null, formats: readonly ResponseFormat[]): Granted | { readonly unasked: string } {
  const pairs = new Map(
    (header ?? '')
      .toLowerCase()
      .split(';')
      .map((pair) => {
        const [key = '', value = ''] = pair.split('=', 2);
        return [key.trim(), value.trim()] as const;
      }),
  );
  const said = pairs.get('responseformat') ?? 'parquet';
  const format = formats.find((it) => it === said);
  if (format === undefined) return { unasked: said };
  return { format, endPromised: pairs.get('includeendstreamaction') === 'true' };
}
