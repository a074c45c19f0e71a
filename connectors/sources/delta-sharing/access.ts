/**
 * In which ways a table is given. OpenSharing has tables that no question of ours is for: Iceberg tables, which have an API of their own, and tables that are given by
 * their directory alone (OpenSharing, spec/protocols/TABLES.md).
 */
import { Failure } from '../../../src/model/failure.ts';

export interface Access {
  /** `delta`, `iceberg`; empty where the provider does not say. */
  readonly formats: readonly string[];
  /** `url`, `dir`; null where the provider does not say, which means `url`. */
  readonly modes: readonly string[] | null;
}

/** Throws `table.access` for a table that is not given as Delta by signed URLs. */
export function requireAccess({ formats, modes }: Access, doing: string): void {
  if (formats.length > 0 && !formats.includes('delta'))
    throw new Failure('table.access', `${doing}: the table is given as ${formats.join(', ').slice(0, 60)}, and not as Delta`);
  if (modes === null || modes.some((mode) => mode.toLowerCase() === 'url')) return;
  const words = modes.length === 0 ? 'in no access mode' : `in access mode ${modes.join(', ').slice(0, 60)} alone`;
  throw new Failure('table.access', `${doing}: the table is given ${words}, and not by signed URLs`);
}
