import { expect, it } from 'vitest';
import { isAllowedHost } from '../../src/config/allowed-host.ts';

it.each([
  'minio',
  'minio.storage.svc',
  'Storage_1.example',
  '1.example',
  'xn--bcher-kva.example',
  '10.0.0.1',
  '::1',
  'fd00::/8',
  '0.0.0.0/0',
  '10.1.0.0/16',
])('%s can be let in', (entry) => expect(isAllowedHost(entry)).toBe(true));

it.each([
  '',
  ' ',
  'minio:9000',
  'http://minio',
  'minio/',
  '*.example',
  '-a',
  'a..b',
  'a.',
  '10.0.0.0/33',
  '10.0.0/8',
  '10.1',
  '::/129',
  'fe80::1%eth0',
  '10.0.0.0/8/8',
  'minio/8',
  '10.0.0.0/',
  '[::1]',
  'a'.repeat(254),
])('%j cannot', (entry) => expect(isAllowedHost(entry)).toBe(false));
