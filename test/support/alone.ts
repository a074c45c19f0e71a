import type { Membership } from '../../src/ports/membership.ts';

/** A group of one member, to which everything belongs at once: for tests that are about something else than replicas. */
export const alone: Membership = {
  join: ({ partitions }, duty, signal) => {
    const all = Array.from({ length: partitions }, (_, partition) => partition);
    const joined = Promise.resolve().then(() => {
      if (!signal.aborted) for (const partition of all) duty.assigned(partition);
    });
    return {
      joined,
      isConfirmed: true,
      announce: () => {},
      leave: async () => {
        await joined;
        if (!signal.aborted) await Promise.all(all.map((partition) => duty.revoked(partition)));
      },
    };
  },
};
