import type { Publisher } from '../../src/ports/publisher.ts';

/** A driver that does something first whenever rows are sent to a topic. */
export function sendingAfter(real: Publisher, before: (topic: string) => Promise<void>): Publisher {
  return {
    admin: real.admin,
    read: (request, signal) => real.read(request, signal),
    claim: async (request, signal) => {
      const { producer, records } = await real.claim(request, signal);
      return {
        records,
        producer: {
          begin: () => producer.begin(),
          send: async (topic, blocks) => {
            await before(topic);
            return producer.send(topic, blocks);
          },
          sendControl: (all) => producer.sendControl(all),
          commit: (deadlineMs) => producer.commit(deadlineMs),
          abort: (deadlineMs) => producer.abort(deadlineMs),
          close: () => producer.close(),
        },
      };
    },
    [Symbol.asyncDispose]: async () => {},
  };
}
