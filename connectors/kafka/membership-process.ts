/**
 * Which process a member of the group is, so that a relay that is started again on the same machine need not wait for the session of the one that was killed. The name
 * is the member's `group.instance.id`, where tools show it too. On Linux alone it says enough to hold a process for dead; elsewhere the session is waited for.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

interface ProcessName {
  /** Machine, its boot, and the namespace that process ids count in; empty where they are not known. */
  readonly place: string;
  readonly pid: number;
  /** In the kernel's ticks since the boot. */
  readonly startedAt: string;
}

const NAME = /^(.+)_(\d+)_(\d*)_([0-9a-f]+)$/;
const HOST_LENGTH_MAX = 100;

/** `<host>_<boot>_<pid namespace>_<pid>_<start>_<random>`: another one each time, since one process may be several members. */
export function newInstanceId(): string {
  const { place, pid, startedAt } = ownName();
  return `${place}_${pid}_${startedAt}_${randomBytes(4).toString('hex')}`;
}

/** Whether the member was a process of this machine that is there no more. False where that cannot be known. */
export function isGone(instanceId: string): boolean {
  const own = ownName();
  const match = NAME.exec(instanceId);
  if (match === null || own.startedAt === '') return false;
  const [, place = '', pidText = '', startedAt = ''] = match;
  if (place !== own.place || startedAt === '') return false;
  const now = startOf(Number(pidText));
  return now === NONE || (now !== null && now !== startedAt);
}

function ownName(): ProcessName {
  const host = hostname()
    .replaceAll(/[^A-Za-z0-9.-]/g, '-')
    .slice(0, HOST_LENGTH_MAX);
  const boot = orEmpty(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
  const namespace = orEmpty(() => readlinkSync('/proc/self/ns/pid').replaceAll(/\D/g, ''));
  const startedAt = boot === '' || namespace === '' ? '' : startOf(process.pid);
  return { place: `${host}_${boot}_${namespace}`, pid: process.pid, startedAt: startedAt === NONE ? '' : (startedAt ?? '') };
}

const NONE = 'none';

/** When a process was started; `none` = there is no such process, null = that cannot be known. */
function startOf(pid: number): string | null {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // A process of another user is refused, and is there.
    if (error instanceof Error && Reflect.get(error, 'code') === 'ESRCH') return NONE;
  }
  // `pid (name) state …`: the name may hold anything, so what follows its last bracket counts (proc_pid_stat(5)).
  const fields = orEmpty(() => readFileSync(`/proc/${pid}/stat`, 'utf8'))
    .split(') ')
    .at(-1)
    ?.split(' ');
  const [state, startedAt] = [fields?.[0], fields?.[19]];
  if (state === undefined || startedAt === undefined) return null;
  return state === 'Z' || state === 'X' ? NONE : startedAt;
}

function orEmpty(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
