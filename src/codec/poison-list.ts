/**
 * The files that worker threads died of lately, and how often. Bounded: the oldest is forgotten first.
 */
const FILES_MAX = 1000;

export class PoisonList {
  readonly #deaths = new Map<string, number>();

  /** One more death of this file; returns how many there were since it was last read to its end. */
  add(file: string): number {
    const deaths = (this.#deaths.get(file) ?? 0) + 1;
    this.#deaths.delete(file);
    this.#deaths.set(file, deaths);
    for (const oldest of this.#deaths.keys()) {
      if (this.#deaths.size <= FILES_MAX) break;
      this.#deaths.delete(oldest);
    }
    return deaths;
  }

  /** The file was read to its end: what happened before was not its fault. */
  forget(file: string): void {
    this.#deaths.delete(file);
  }
}
