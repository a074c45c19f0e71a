/**
 * Whether an entry of `allowHosts` is a host name, an IP address, or a block of addresses.
 */
import { isIP, isIPv4, isIPv6 } from 'node:net';

/** Labels of letters, digits, `-` and `_`, as resolvers take them; the last one is not all digits, which would be a part of an address. */
const HOST =
  /^(?=.{1,253}$)(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*(?=[^.]*[A-Za-z_-])[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;

export function isAllowedHost(entry: string): boolean {
  const [address = '', bits, more] = entry.split('/');
  if (bits === undefined) return isIP(address) !== 0 ? !address.includes('%') : HOST.test(address);
  if (more !== undefined || !/^\d{1,3}$/.test(bits)) return false;
  return (isIPv4(address) && Number(bits) <= 32) || (isIPv6(address) && !address.includes('%') && Number(bits) <= 128);
}
