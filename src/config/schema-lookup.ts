/**
 * What the config's schema says about the value at a path.
 */
import { z } from 'zod';
import { configSchema } from './schema.ts';
import { expectations } from './values.ts';
import type { Expectation } from './values.ts';
import type { Path } from './yaml-tree.ts';

/** Whether the value at the path is a text whatever it looks like. */
export function isTextAt(path: Path): boolean {
  const kind = expectationAt(path)?.kind;
  return kind === 'text' || kind === 'secret' || kind === 'duration' || kind === 'size';
}

/** What the value at the path must be; null where the schema has no words for it. */
export function expectationAt(path: Path): Expectation | null {
  for (const layer of layersAt(path)) {
    const found = expectations.get(layer);
    if (found !== undefined) return found;
  }
  return null;
}

/** The sentence that documents the key. */
export function descriptionAt(path: Path): string | null {
  for (const layer of layersAt(path)) {
    const found = z.globalRegistry.get(layer)?.description;
    if (found !== undefined) return found;
  }
  return null;
}

/** What holds where the key is left out: a value as a person would write it, nothing (`optional`), or that it must not be (`required`). */
export function absenceAt(path: Path): 'required' | 'optional' | { readonly value: unknown } {
  for (const layer of layersAt(path)) {
    if (layer instanceof z.ZodDefault || layer instanceof z.ZodPrefault) return { value: layer.def.defaultValue };
    if (layer instanceof z.ZodOptional) return 'optional';
  }
  return 'required';
}

/** Whether a list stands at the path. */
export function isListAt(path: Path): boolean {
  return layersAt(path).some((layer) => layer instanceof z.ZodArray);
}

/** The keys of the map at the path; none if no map may stand there. */
export function keysAt(path: Path): readonly string[] {
  for (const layer of layersAt(path)) {
    if (layer instanceof z.ZodObject) return Object.keys(layer.shape);
    if (layer instanceof z.ZodUnion)
      return layer.options.flatMap((option) => (option instanceof z.ZodObject ? Object.keys(option.shape) : []));
  }
  return [];
}

/**
 * Which option of a union the person meant: the map for a map, of several the first that has one of its keys; the list for a list; null for scalars, and for a map that
 * is like none of several, which the union's own sentence tells.
 */
export function branchFor(path: Path, value: unknown): number | null {
  for (const layer of layersAt(path)) {
    if (!(layer instanceof z.ZodUnion)) continue;
    const fits = (option: z.core.$ZodType): boolean =>
      Array.isArray(value) ? option instanceof z.ZodArray : typeof value === 'object' && value !== null && option instanceof z.ZodObject;
    const knows = (option: z.core.$ZodType): boolean =>
      option instanceof z.ZodObject && Object.keys(value ?? {}).some((key) => Object.hasOwn(option.shape, key));
    const fitting = layer.options.filter(fits);
    const meant = fitting.find(knows) ?? (fitting.length === 1 ? fitting[0] : undefined);
    return meant === undefined ? null : layer.options.indexOf(meant);
  }
  return null;
}

function layersAt(path: Path): readonly z.core.$ZodType[] {
  const schema = schemaAt(path);
  return schema === null ? [] : layers(schema);
}

/** The schema of the value at the path, wrappers and all; null where nothing of the kind is known. */
function schemaAt(path: Path): z.core.$ZodType | null {
  let at: z.core.$ZodType | null = configSchema;
  for (const step of path) at = at === null ? null : stepInto(at, step);
  return at;
}

function memberOf(shape: Readonly<Record<string, unknown>>, key: string): z.core.$ZodType | null {
  const member = Object.hasOwn(shape, key) ? shape[key] : null;
  return member instanceof z.ZodType ? member : null;
}

function stepInto(schema: z.core.$ZodType, step: string | number): z.core.$ZodType | null {
  for (const layer of layers(schema)) {
    if (layer instanceof z.ZodObject && typeof step === 'string') return memberOf(layer.shape, step);
    if (layer instanceof z.ZodArray && typeof step === 'number') return layer.element;
    if (layer instanceof z.ZodRecord && typeof step === 'string') return layer.valueType;
    if (layer instanceof z.ZodUnion) {
      for (const option of layer.options) {
        const found = stepInto(option, step);
        if (found !== null) return found;
      }
    }
  }
  return null;
}

/** The schema and what it wraps, from the outside in. */
function layers(schema: z.core.$ZodType): readonly z.core.$ZodType[] {
  const all: z.core.$ZodType[] = [];
  let at: z.core.$ZodType | null = schema;
  while (at !== null) {
    all.push(at);
    if (at instanceof z.ZodOptional || at instanceof z.ZodDefault || at instanceof z.ZodPrefault) at = at.unwrap();
    else at = at instanceof z.ZodPipe ? at.in : null;
  }
  return all;
}
