/** What an administrator's client asks the model broker. Nobody lacks a right here, and the broker does not tell of rights. */
import { must } from '../../src/lib/assert.ts';
import type { TopicAdmin } from '../../src/ports/publisher.ts';
import type { ModelBroker } from './broker.ts';
import { CALL_MS } from './calls.ts';
import type { Calls } from './calls.ts';

const BROKER_SETTINGS = { 'transaction.max.timeout.ms': '900000' } as const;

export function adminOf(broker: ModelBroker, calls: Calls): TopicAdmin {
  const ask = <T>(what: string, work: () => T): Promise<T> => calls.make(what, CALL_MS, work);
  const there = (topics: readonly string[]): readonly string[] => topics.filter((topic) => broker.describe(topic) !== null);
  return {
    reach: () => ask('reach', () => ({ brokers: 1 })),
    describe: (topic) => ask('describe', () => broker.describe(topic)),
    create: async (specs) => {
      for (const spec of specs) await ask('create', () => broker.create(spec));
    },
    rehearse: () => ask('rehearse', () => {}),
    config: (topic) => ask('config', () => broker.config(topic)),
    offsets: (topic) => ask('offsets', () => broker.logs(topic).map(({ start, end }) => ({ start, end }))),
    firstCommitted: (topic, partition, from) =>
      ask('firstCommitted', () => {
        const log = must(broker.logs(topic)[partition], `${topic}-${partition}`);
        return log.committed(partition, from).records[0]?.offset ?? null;
      }),
    look: (topics) =>
      ask('look', () => {
        const look = (topic: string) => ({ state: broker.describe(topic), settings: broker.config(topic), rights: null });
        return new Map(there(topics).map((topic) => [topic, look(topic)]));
      }),
    lookAtCluster: (names) =>
      ask('lookAtCluster', () => {
        const settings = Object.fromEntries(Object.entries(BROKER_SETTINGS).filter(([name]) => names.includes(name)));
        return { brokers: [{ id: 1, settings }], groupRights: null };
      }),
    lookAtTransactions: () => ask('lookAtTransactions', () => ({ version: 2, mayWrite: true })),
    tails: (topics) =>
      ask('tails', () => {
        const tail = (topic: string) => broker.logs(topic).map(({ end, stable }, partition) => ({ partition, end, stable }));
        return new Map(there(topics).map((topic) => [topic, tail(topic)]));
      }),
  };
}
