/**
 * The signed URLs of a live provider.
 */
import { afterAll, expect, test } from 'vitest';
import { Differences } from './differences.ts';
import { fetchFile, openLiveProvider } from './live-provider.ts';
import { snapshotUrls } from './raw-changes.ts';

const live = await openLiveProvider();
afterAll(() => live[Symbol.asyncDispose]());
const url = await firstUrl();

test.skipIf(url === null)('a signed URL gives a file, whole and in ranges, to whoever has it', async () => {
  const differences = new Differences();
  const whole = await fetchFile(url ?? '');
  expect([whole.status, whole.bytes.subarray(0, 4).toString()]).toEqual([200, 'PAR1']);
  const size = whole.bytes.length;
  const ranged = async (range: string): Promise<unknown> => {
    const { status, headers, bytes } = await fetchFile(url ?? '', { headers: { range } });
    return { status, range: headers.get('content-range'), bytes: bytes.toString('base64') };
  };
  differences.look(
    'the first four bytes',
    await ranged('bytes=0-3'),
    { status: 206, range: `bytes 0-3/${size}`, bytes: whole.bytes.subarray(0, 4).toString('base64') },
    'does not cope: it proves files by ranges before it begins a version in parts, and reads deletion vectors so',
  );
  differences.look(
    'the last four bytes',
    await ranged('bytes=-4'),
    { status: 206, range: `bytes ${size - 4}-${size - 1}/${size}`, bytes: whole.bytes.subarray(-4).toString('base64') },
    'copes: it asks for ranges by their beginning',
  );
  expect(differences.told).toEqual([]);
});

test.skipIf(url === null)('it gives nothing without its signature, or with another', async () => {
  const differences = new Differences();
  const [plain = '', query = ''] = (url ?? '').split('?');
  differences.look(
    'a URL without its query',
    refused((await fetchFile(plain)).status),
    true,
    'copes: but the provider gives its files to everybody',
  );
  const tampered = `${plain}?${query.slice(0, -4)}${query.endsWith('0000') ? '1111' : '0000'}`;
  differences.look(
    'a URL with another signature',
    refused((await fetchFile(tampered)).status),
    true,
    'copes: but the provider gives its files to everybody',
  );
  const { status } = await fetchFile(url ?? '', { method: 'HEAD' });
  differences.look('HEAD on a URL that is signed for GET', [200, 403, 405].includes(status), true, 'copes: it asks by GET alone');
  expect(differences.told).toEqual([]);
});

/** Of a live file of the first table that has one. */
async function firstUrl(): Promise<string | null> {
  for (const table of live.tables) {
    const [found] = snapshotUrls(await live.askTable(table, '/query', { method: 'POST', body: '{"limitHint":1}' }));
    if (found !== undefined) return found;
  }
  return null;
}

function refused(status: number): boolean {
  return status >= 400 && status < 500;
}
