/**
 * Reading JSON that others wrote: each access says what it expects, and throws `JsonMismatch` with the path where it is not so.
 */

/** What was read is not what was expected. Callers turn it into a `Failure` that says where the text came from. */
export class JsonMismatch extends Error {
  override readonly name = 'JsonMismatch';
}

export class JsonObject {
  readonly #fields: ReadonlyMap<string, unknown>;
  readonly #path: string;

  /** `path` names the object in messages; empty for the outermost one. Throws `JsonMismatch` if `raw` is not an object. */
  constructor(raw: unknown, path = '') {
    if (typeof raw !== 'object' || raw === null || Array.isArray(raw))
      throw new JsonMismatch(`${path === '' ? 'it' : path} is not an object`);
    this.#fields = new Map(Object.entries(raw));
    this.#path = path;
  }

  keys(): readonly string[] {
    return [...this.#fields.keys()];
  }

  /** The field as it is; undefined where it is missing. */
  raw(key: string): unknown {
    return this.#fields.get(key);
  }

  string(key: string): string {
    const value = this.#fields.get(key);
    if (typeof value !== 'string') throw this.#mismatch(key, 'a string');
    return value;
  }

  strings(key: string): readonly string[] {
    const value = this.#fields.get(key);
    if (!Array.isArray(value) || !value.every((one) => typeof one === 'string')) throw this.#mismatch(key, 'a list of strings');
    return value;
  }

  /** A whole number that a double holds exactly. */
  integer(key: string): number {
    const value = this.#fields.get(key);
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw this.#mismatch(key, 'a whole number');
    return value;
  }

  number(key: string): number {
    const value = this.#fields.get(key);
    if (typeof value !== 'number') throw this.#mismatch(key, 'a number');
    return value;
  }

  oneOf<const T extends string>(key: string, choices: readonly T[]): T {
    const value = this.#fields.get(key);
    const found = choices.find((choice) => choice === value);
    if (found === undefined) throw this.#mismatch(key, `one of ${choices.join(', ')}`);
    return found;
  }

  object(key: string): JsonObject {
    return new JsonObject(this.#fields.get(key), this.#at(key));
  }

  objects(key: string): readonly JsonObject[] {
    const value = this.#fields.get(key);
    if (!Array.isArray(value)) throw this.#mismatch(key, 'a list');
    return value.map((one: unknown, i) => new JsonObject(one, `${this.#at(key)}[${i}]`));
  }

  /** All of it as it is. */
  fields(): Readonly<Record<string, unknown>> {
    return Object.fromEntries(this.#fields);
  }

  /** Null where the field is null or missing, else what `read` makes of it. */
  nullable<T>(key: string, read: (key: string) => T): T | null {
    const value = this.#fields.get(key);
    return value === null || value === undefined ? null : read(key);
  }

  /** Every field of an object, read alike. */
  record<T>(key: string, read: (object: JsonObject, key: string) => T): Readonly<Record<string, T>> {
    const object = this.object(key);
    return Object.fromEntries(object.keys().map((field) => [field, read(object, field)]));
  }

  #at(key: string): string {
    return this.#path === '' ? key : `${this.#path}.${key}`;
  }

  #mismatch(key: string, expected: string): JsonMismatch {
    return new JsonMismatch(`${this.#at(key)} is not ${expected}`);
  }
}
