/**
 * The passes over files that worker threads died of lately, and how often. Bounded: the oldest is forgotten first.
 */
const PASSES_MAX = 1000;

export class PoisonList {
  readonly #deaths = new Map<string, number>();

  /** One more death in this pass over a file; returns how many there were since it last came to its end. */
  add(pass: string): number {
    const deaths = (this.#deaths.get(pass) ?? 0) + 1;
    this.#deaths.delete(pass);
    this.#deaths.set(pass, deaths);
    for (const oldest of this.#deaths.keys()) {
      if (this.#deaths.size <= PASSES_MAX) break;
      this.#deaths.delete(oldest);
    }
    return deaths;
  }

  /** The pass came to its end: what happened before was not the file's fault. */
  forget(pass: string): void {
    this.#deaths.delete(pass);
  }
}
