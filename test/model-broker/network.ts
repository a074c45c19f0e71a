/** The way from a client to the broker and back, which is where things go wrong. */
export interface Network {
  /**
   * Carries a request over, has `work` done there, and carries its answer back. Rejects with what `work` throws, or with `Disconnected`: then nobody knows whether the
   * work was done, or will be. It may never settle.
   */
  call<T>(what: string, work: () => T): Promise<T>;
}

export class Disconnected extends Error {}

/** Without delay and without fault. */
export const direct: Network = {
  call: async (_, work) => work(),
};
