/**
 * A network on which requests and answers are messages of the scheduler, some of which go astray.
 */
import type { Owner, Scheduler } from './scheduler.ts';
import { Disconnected } from './network.ts';
import type { Network } from './network.ts';

export type Mishap =
  /** The request does not arrive, which its sender is told. */
  | 'unsent'
  /** The request is done and its answer lost, and the sender is told that the connection is. */
  | 'lost'
  /** The request does not arrive, and nobody says so. */
  | 'silently-unsent'
  /** The request is done, and no answer ever comes. */
  | 'silently-lost'
  /** The connection is lost, and the request arrives after all: in a moment, when others have gone on, or when everybody has given up. */
  | 'late-10'
  | 'late-3000'
  | 'late-40000';

export const MISHAPS: readonly Mishap[] = ['unsent', 'lost', 'silently-unsent', 'silently-lost', 'late-10', 'late-3000', 'late-40000'];

/** Of a process. `next` says what becomes of its next request. */
export function lossyNetwork(scheduler: Scheduler, owner: Owner, next: (what: string) => Mishap | null): Network {
  return {
    call: async (what, work) =>
      new Promise((resolve, reject) => {
        const mishap = next(what);
        const answer = (say: string, settle: () => void): void => scheduler.later(`${what}: ${say}`, owner, settle);
        const disconnect = (): void => answer('disconnected', () => reject(new Disconnected(`${what} is ${String(mishap)}`)));
        const arrive = (afterwards: (settle: () => void) => void): void => {
          try {
            const result = work();
            afterwards(() => resolve(result));
          } catch (error) {
            afterwards(() => reject(error));
          }
        };
        const send = (afterwards: (settle: () => void) => void, afterMs = 0): void =>
          scheduler.later(what, null, () => arrive(afterwards), afterMs);
        switch (mishap) {
          case null:
            return send((settle) => answer('answer', settle));
          case 'unsent':
            return disconnect();
          case 'lost':
            return send(disconnect);
          case 'silently-unsent':
            return;
          case 'silently-lost':
            return send(() => {});
          default:
            disconnect();
            send(() => {}, Number(mishap.slice('late-'.length)));
        }
      }),
  };
}

/** Of a provider, whose client gives up by itself: what it is not told is told all the same. */
export function impatient(mishap: Mishap | null): Mishap | null {
  return mishap === 'silently-unsent' ? 'unsent' : mishap === 'silently-lost' ? 'lost' : mishap;
}
