/**
 * Avro names of things that are called otherwise: a pure, injective function of the own name, as Debezium's `avro_unicode` mode
 * (io.debezium.schema.UnicodeReplacementFunction). A UTF-16 unit that Avro does not allow there becomes `_u` and four hex digits.
 *
 * Unlike Debezium an underscore stays as it is, so that `order_id` keeps its name, unless it begins what looks like an escape: then it is escaped itself,
 * and `_u0041` in an Avro name always means `A`.
 */

/** The Avro name (Avro specification, "Names": `[A-Za-z_][A-Za-z0-9_]*`) of a name that is not empty. */
export function avroName(own: string): string {
  return own.replaceAll(/_(?=u[0-9a-fA-F]{4})|[^A-Za-z0-9_]|^[0-9]/g, escape);
}

/** An Avro name as that of a type, which may not be called like one of Avro's own ("Names": primitive type names may not be defined in any namespace): such a name begins with an escape. */
export function avroTypeName(avro: string): string {
  return PRIMITIVES.has(avro) ? escape(avro) + avro.slice(1) : avro;
}

const PRIMITIVES: ReadonlySet<string> = new Set(['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string']);

/** Of the first unit. */
function escape(unit: string): string {
  return `_u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
