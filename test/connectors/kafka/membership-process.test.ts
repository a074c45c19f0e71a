import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { platform } from 'node:os';
import { expect, test } from 'vitest';
import { isGone, newInstanceId } from '../../../connectors/kafka/membership-process.ts';

test('each member has a name of its own, in letters that Kafka takes', () => {
  const names = [newInstanceId(), newInstanceId()];
  expect(new Set(names).size).toBe(2);
  for (const name of names) expect(name).toMatch(/^[A-Za-z0-9._-]{1,249}$/);
});

test('who lives, or cannot be known, is not held for gone', () => {
  const own = newInstanceId();
  expect(isGone(own)).toBe(false);
  for (const other of ['', 'consumer-1', `elsewhere_${own}`, own.replace(/_\d+_\d*_/, '_999999999__')]) expect(isGone(other)).toBe(false);
});

test.skipIf(platform() !== 'linux')('a process of this machine that has ended is gone, also when its number is another’s now', async () => {
  const child = spawn(process.execPath, ['-e', '']);
  const { pid } = child;
  await once(child, 'exit');
  const own = newInstanceId();
  expect(isGone(own.replace(`_${process.pid}_`, `_${String(pid)}_`))).toBe(true);
  expect(isGone(own.replace(/_(\d+)_([0-9a-f]+)$/, '_1_$2'))).toBe(true);
});
