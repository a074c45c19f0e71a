/**
 * Which addresses a provider may send us to. What it tells — where a file lies, where a token is had — may lead to this very machine, to the services of the
 * cloud it runs in, or to the network behind it: those addresses are refused unless they are let in by name, address or block.
 *
 * The list is IANA's of special-purpose addresses that are not globally reachable (RFC 6890 and its registries). An IPv6 address that only carries an IPv4 one
 * (mapped, 6to4, NAT64) is judged as the one it carries.
 */
import { BlockList, isIP, isIPv4, SocketAddress } from 'node:net';
import { assert } from '../../../src/lib/assert.ts';

/** What an address is, in a word for people; null: an address of the open Internet. */
export function specialUse(address: string): string | null {
  const plain = carried(address);
  const family = familyOf(plain);
  // What cannot be read cannot be judged.
  if (family === null) return 'no address';
  return SPECIAL.find(({ blocks }) => blocks.check(plain, family))?.use ?? null;
}

/** What the operator lets in. */
export interface LetIn {
  /** Lower case, as `URL.hostname` writes them. */
  readonly names: ReadonlySet<string>;
  readonly blocks: BlockList;
}

/** `entries`: host names, addresses, blocks such as `10.1.0.0/16`; the config has checked their form. */
export function letIn(entries: readonly string[]): LetIn {
  const names = new Set<string>();
  const blocks = new BlockList();
  for (const entry of entries) {
    const [start = '', bits] = entry.split('/');
    const family = familyOf(start);
    if (family === null) {
      assert(bits === undefined, `${entry} in allowHosts`);
      names.add(entry.toLowerCase());
    } else {
      blocks.addSubnet(start, bits === undefined ? WIDTH[family] : Number(bits), family);
    }
  }
  return { names, blocks };
}

export function isLetIn({ blocks }: LetIn, address: string): boolean {
  return [address, carried(address)].some((it) => {
    const family = familyOf(it);
    return family !== null && blocks.check(it, family);
  });
}

/** `[::1]` as a URL has it → `::1`; any other host is as it is. */
export function withoutBrackets(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}

type Family = 'ipv4' | 'ipv6';

const WIDTH = { ipv4: 32, ipv6: 128 } as const;

const SPECIAL: readonly { readonly use: string; readonly blocks: BlockList }[] = [
  special('loopback', '127.0.0.0/8', '::1/128'),
  // With 169.254.169.254, where clouds give their machines credentials; fd00:ec2::254 is among the private ones.
  special('link-local', '169.254.0.0/16', 'fe80::/10'),
  special('private', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7', 'fec0::/10', '64:ff9b:1::/48'),
  // A public address that leads to the host below, from every machine of Azure.
  special("of the cloud's own host", '168.63.129.16/32'),
  special('unspecified', '0.0.0.0/8', '::/128'),
  special('multicast', '224.0.0.0/4', 'ff00::/8'),
  special(
    'reserved',
    '192.0.0.0/24',
    '192.0.2.0/24',
    '192.88.99.0/24',
    '198.18.0.0/15',
    '198.51.100.0/24',
    '203.0.113.0/24',
    '240.0.0.0/4',
    '::/96',
    '100::/64',
    '2001::/23',
    '2001:db8::/32',
    '3fff::/20',
    '5f00::/16',
  ),
];

function special(use: string, ...entries: readonly string[]): (typeof SPECIAL)[number] {
  return { use, blocks: letIn(entries).blocks };
}

function familyOf(address: string): Family | null {
  const family = isIP(address);
  return family === 0 ? null : family === 4 ? 'ipv4' : 'ipv6';
}

/** The IPv4 address that an IPv6 one stands for; any other is as it is. */
function carried(address: string): string {
  if (isIP(address) !== 6) return address;
  const groups = groupsOf(address);
  const [first, second] = groups;
  // ::ffff:a.b.c.d (RFC 4291 §2.5.5.2) and its translated form ::ffff:0:a.b.c.d (RFC 2765).
  const isMapped = startsWith(groups, [0, 0, 0, 0, 0, 0xffff]) || startsWith(groups, [0, 0, 0, 0, 0xffff, 0]);
  const isNat64 = startsWith(groups, [0x64, 0xff9b, 0, 0, 0, 0]);
  if (isMapped || isNat64) return dotted(groups[6], groups[7]);
  return first === 0x2002 ? dotted(second, groups[2]) : address;
}

function startsWith(groups: readonly number[], head: readonly number[]): boolean {
  return head.every((group, at) => groups[at] === group);
}

function dotted(high = 0, low = 0): string {
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
}

/** The eight groups of an IPv6 address, in whatever spelling. */
function groupsOf(address: string): readonly number[] {
  const [bare = ''] = address.split('%');
  // Node writes a parsed address in its shortest form, in which the last two groups may still be an IPv4 address.
  const written = new SocketAddress({ address: bare, family: 'ipv6' }).address;
  const last = written.slice(written.lastIndexOf(':') + 1);
  const text = isIPv4(last) ? `${written.slice(0, -last.length)}${hexOf(last)}` : written;
  const [head = '', tail] = text.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  return [...before, ...zeros, ...after].map((group) => Number.parseInt(group, 16));
}

function hexOf(ipv4: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = ipv4.split('.').map(Number);
  return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}
