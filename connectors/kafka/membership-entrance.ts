/**
 * While the first joining of a member waits for others: who they are.
 *
 * Members of this machine whose process is gone are taken out of the group, since a relay that is started again would wait for their session. That comes behind the own
 * joining: a group that is empty in between would wait for others anew.
 */
import { sleep } from '../../src/lib/abort.ts';
import type { Telemetry } from '../../src/ports/telemetry.ts';
import { reasonOf } from './kafka-failure.ts';
import { isGone } from './membership-process.ts';
import type { GroupWire } from './membership-wire.ts';

export interface Newcomer {
  readonly wire: GroupWire;
  readonly group: string;
  readonly instanceId: string;
  readonly telemetry: Telemetry;
}

const LOOK_MS = 20;
const LOOKS_MAX = 100;

/** Whether the newcomer is alone in a group that waits for more. Never rejects: false when `signal` aborts, as the joining has ended. */
export async function isAloneAtEntrance({ wire, group, instanceId, telemetry }: Newcomer, signal: AbortSignal): Promise<boolean> {
  try {
    for (let looks = 0; looks < LOOKS_MAX; looks++) {
      await sleep(LOOK_MS, signal);
      const members = await wire.members(signal);
      if (!members.some((one) => one.instanceId === instanceId)) continue;
      const gone = members.filter((one) => isGone(one.instanceId));
      if (gone.length === 0) return members.length === 1;
      const names = gone.map((one) => one.instanceId);
      telemetry.log('info', 'members whose process is gone are taken out of the group', { group, members: names });
      await wire.leave(gone, 'its process is gone', signal);
      return false;
    }
  } catch (error) {
    if (!signal.aborted) telemetry.log('debug', 'the group cannot be looked at', { group, error: reasonOf(error).text });
  }
  return false;
}
