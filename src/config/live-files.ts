/**
 * What stands in files beside the config and may change while the relay runs: passwords, tokens, certificates.
 *
 * Files are read again by their paths whenever what they hold is needed, for a new connection or a request: Kubernetes swaps a link above a mounted secret, which no
 * watcher of the file sees. A file that has become unreadable, empty or unsound changes nothing and is warned of once, until it is mended.
 */
import type { Telemetry } from '../ports/telemetry.ts';

interface Live<T> {
  /** The key of the config. */
  readonly name: string;
  readonly first: T;
  /** Throws an error whose message is for people, and holds no secret. */
  readonly read: () => T;
  readonly isSame: (one: T, other: T) => boolean;
  /** What is wrong with something new, for people; null where it can be used. Without it all can. */
  readonly problemOf?: (value: T) => string | null;
}

export class LiveFiles {
  #telemetry: Pick<Telemetry, 'log'> | null = null;

  /** From here on what is taken up, and what is not, is told in the log. */
  reportTo(telemetry: Pick<Telemetry, 'log'>): void {
    this.#telemetry = telemetry;
  }

  /** What the files hold now, or held when they were sound last; the same object for as long as nothing changes. Never throws. */
  open<T>({ name, first, read, isSame, problemOf }: Live<T>): () => T {
    let current = first;
    let warned: string | null = null;
    const keep = (problem: string): T => {
      if (problem !== warned) this.#telemetry?.log('warn', `\`${name}\`: ${problem}; what it was before stays in use`);
      warned = problem;
      return current;
    };
    return () => {
      let next: T;
      try {
        next = read();
      } catch (error) {
        return keep(error instanceof Error ? error.message : String(error));
      }
      if (isSame(current, next)) {
        warned = null;
        return current;
      }
      const problem = problemOf?.(next) ?? null;
      if (problem !== null) return keep(problem);
      warned = null;
      current = next;
      this.#telemetry?.log('info', `\`${name}\` has changed in its file and is taken up`);
      return current;
    };
  }
}
