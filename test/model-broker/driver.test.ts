import { describe } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { leaveDangling } from '../contracts/dangling-transaction.ts';
import { examPublisher } from '../contracts/publisher.ts';
import { ModelBroker } from './broker.ts';
import { ModelPublisher } from './driver.ts';
import { direct } from './network.ts';

describe('the driver of the model broker', () => {
  const broker = new ModelBroker({ clock: systemClock, later: (_, work) => queueMicrotask(work) });
  const open = ({ claimTimeoutMs }: { readonly claimTimeoutMs: number }): ModelPublisher =>
    new ModelPublisher({ broker, network: direct, clock: systemClock, transactionTimeoutMs: 30_000, claimTimeoutMs });
  examPublisher({ open, vanish: (data, checkpoints) => leaveDangling(open({ claimTimeoutMs: 30_000 }), data, checkpoints) });
});
