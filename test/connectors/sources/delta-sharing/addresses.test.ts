import { expect, it } from 'vitest';
import { isLetIn, letIn, specialUse } from '../../../../connectors/sources/delta-sharing/addresses.ts';

const SPECIAL: Readonly<Record<string, readonly string[]>> = {
  loopback: [
    '127.0.0.1',
    '127.255.255.254',
    '::1',
    '0:0:0:0:0:0:0:1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '0000:0000:0000:0000:0000:FFFF:7F00:0001',
    '::ffff:0:127.0.0.1',
    '64:ff9b::127.0.0.1',
    '2002:7f00:1::1',
  ],
  'link-local': [
    '169.254.169.254',
    '::ffff:169.254.169.254',
    '64:ff9b::a9fe:a9fe',
    '2002:a9fe:a9fe::',
    'fe80::1',
    'fe80::1%eth0',
    'febf::1',
  ],
  private: [
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.0.1',
    '100.64.0.1',
    '100.127.255.255',
    'fc00::1',
    'fd00:ec2::254',
    'fec0::1',
    '64:ff9b:1::1',
    '64:ff9b::10.1.2.3',
  ],
  "of the cloud's own host": ['168.63.129.16'],
  unspecified: ['0.0.0.0', '0.1.2.3', '::', '::ffff:0.0.0.0'],
  multicast: ['224.0.0.1', '239.255.255.255', 'ff02::1'],
  reserved: [
    '192.0.0.8',
    '192.0.2.1',
    '198.18.0.1',
    '198.51.100.1',
    '203.0.113.1',
    '240.0.0.1',
    '255.255.255.255',
    '::8.8.8.8',
    '100::1',
    '2001::1',
    '2001:db8::1',
    '3fff::1',
  ],
  'no address': ['', 'localhost', '127.1'],
};

it.each(Object.entries(SPECIAL).flatMap(([use, addresses]) => addresses.map((address) => [address, use])))('%s is %s', (address, use) => {
  expect(specialUse(address)).toBe(use);
});

it.each([
  '8.8.8.8',
  '172.15.255.255',
  '172.32.0.1',
  '100.63.255.255',
  '100.128.0.1',
  '169.253.0.1',
  '2606:4700::1111',
  '::ffff:8.8.8.8',
  '64:ff9b::8.8.8.8',
  '2002:808:808::1',
])('%s is of the open Internet', (address) => expect(specialUse(address)).toBeNull());

it.each([
  ['10.1.2.3', true],
  ['::ffff:10.1.2.3', true],
  ['64:ff9b::a01:203', true],
  ['10.2.0.1', false],
  ['192.168.0.7', true],
  ['192.168.0.8', false],
  ['fd00::1', true],
  ['fd01::1', false],
  ['127.0.0.1', false],
])('of a block, an address and a block of IPv6, %s is let in: %s', (address, is) => {
  expect(isLetIn(letIn(['10.1.0.0/16', '192.168.0.7', 'fd00::/16', 'minio']), address)).toBe(is);
});

it('names are let in whatever their case', () => {
  expect([...letIn(['MinIO.storage', '::1']).names]).toEqual(['minio.storage']);
});
