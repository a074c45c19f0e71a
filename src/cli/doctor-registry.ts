/**
 * What `doctor` finds of the registry: whether it is there and takes schemas, and what it would do with each of ours. Nothing is registered.
 */
import { EVENT_SCHEMA } from '../codec/events.ts';
import type { Config } from '../config/config.ts';
import type { SchemaRegistry, SchemaRequest } from '../ports/schema-registry.ts';
import { commitsTopic } from '../relay/ledger.ts';
import type { FeedOutlook } from './outlook.ts';
import { checked, lacking, parks, pass, warn } from './report.ts';
import type { Check } from './report.ts';

/** Levels under which a column that is added or made wider, as `evolve` lets it, is refused. */
const STRICT: readonly string[] = ['FULL', 'FULL_TRANSITIVE', 'FORWARD', 'FORWARD_TRANSITIVE'];

export async function checkRegistry(config: Config, registry: SchemaRegistry, signal: AbortSignal): Promise<readonly Check[]> {
  if (config.registry === null)
    return [pass('registry', 'none: schemas are on the schemas topic of each recipient, and under /registry of the HTTP port')];
  const { place, mode, compatibility } = await registry.look(signal);
  const told = [`compatibility ${compatibility ?? 'not told'}`, `mode ${mode ?? 'not told'}`].join(', ');
  const readOnly = mode !== null && mode.startsWith('READONLY') && config.registry.autoRegister;
  return [
    readOnly
      ? lacking(
          'registry',
          `${place} takes no schemas: ${told}`,
          'Set its mode to READWRITE, or `registry.autoRegister` to false and register schemas beforehand (`plan --schemas`).',
        )
      : pass('registry', `${place} answers: ${told}`),
    ...(STRICT.includes(compatibility ?? '')
      ? [
          warn(
            'registry',
            `with ${compatibility ?? ''} a column that becomes wider upstream parks its feed`,
            'BACKWARD takes what `onSchemaChange: evolve` lets through.',
          ),
        ]
      : []),
  ];
}

/** Of the feed's schemas, and of its recipient's ledger; nothing is said of what would go well. */
export async function checkSchemas(
  config: Config,
  registry: SchemaRegistry,
  outlook: FeedOutlook,
  signal: AbortSignal,
): Promise<readonly Check[]> {
  if (config.registry === null) return [];
  return checked(
    outlook.spec.id,
    async () => {
      for (const request of schemaRequests(outlook)) await registry.foresee(request, signal);
      return [];
    },
    parks,
  );
}

export function schemaRequests({ spec, prospect }: FeedOutlook): readonly SchemaRequest[] {
  const { recipient } = spec;
  const texts = prospect.schemas?.texts ?? null;
  if (texts === null) return [];
  const own = { recipient, topic: prospect.topic };
  return [...(texts.key === null ? [] : [{ ...own, part: 'key', text: texts.key } as const]), { ...own, part: 'value', text: texts.value }];
}

/** The schema of `{recipient}.commits`. */
export function ledgerRequest(recipient: string): SchemaRequest {
  return { recipient, topic: commitsTopic(recipient), part: 'value', text: EVENT_SCHEMA };
}
