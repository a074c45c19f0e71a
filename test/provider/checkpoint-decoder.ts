/**
 * A decoder for checkpoints alone, so that the provider's tests do not depend on the relay's own.
 */
import { parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import type { FileDecoder } from '../../src/ports/file-decoder.ts';

export const checkpointDecoder: FileDecoder = {
  batches() {
    throw new Error('the provider reads whole rows only');
  },
  async rows(bytes, columns) {
    const file = bytes.slice().buffer;
    return parquetReadObjects({ file, compressors, ...(columns === null ? {} : { columns: [...columns] }) });
  },
  heldBytes: () => 0,
};
