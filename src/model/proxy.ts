/**
 * Which proxy leads to an address, by the environment variables that every program knows: `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, also in lower case, which win.
 *
 * `NO_PROXY` is read as Go and curl read it: `*` for everything; a host, which stands for the names below it too; an address; a block such as `10.0.0.0/8`; each with
 * or without a port. This very machine is never asked for through a proxy.
 */
import { BlockList, isIP } from 'node:net';
import { Failure } from './failure.ts';

export type ProxyEnvironment = Readonly<Record<string, string | undefined>>;

/** Null: there is none. Throws `proxy.invalid`, whose message holds no password. */
export function proxyFor(address: URL, env: ProxyEnvironment): URL | null {
  const name = address.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const value = variable(name, env);
  if (value === '' || isExempt(address, variable('NO_PROXY', env))) return null;
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  if (!URL.canParse(text)) throw new Failure('proxy.invalid', `${name} is not the address of a proxy`);
  const proxy = new URL(text);
  if (proxy.protocol !== 'http:' && proxy.protocol !== 'https:')
    throw new Failure('proxy.invalid', `${name} names a proxy of the kind ${proxy.protocol.slice(0, -1)}`);
  return proxy;
}

function variable(name: string, env: ProxyEnvironment): string {
  return env[name.toLowerCase()] ?? env[name] ?? '';
}

function isExempt(address: URL, exceptions: string): boolean {
  const host = bare(address.hostname.toLowerCase());
  const port = address.port === '' ? (address.protocol === 'https:' ? '443' : '80') : address.port;
  if (host === 'localhost' || isWithin(host, '127.0.0.0/8') || host === '::1') return true;
  return exceptions
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => entry === '*' || covers(entry.toLowerCase(), host, port));
}

function covers(entry: string, host: string, port: string): boolean {
  if (entry.includes('/')) return isWithin(host, entry);
  const [, named = '', ownPort] = /^(\[[^\]]*\]|[^:]*|.*:.*:.*?)(?::(\d+))?$/.exec(entry) ?? [];
  if (ownPort !== undefined && ownPort !== port) return false;
  const name = bare(named).replace(/^\*?\./, '');
  return name !== '' && (host === name || (isIP(host) === 0 && host.endsWith(`.${name}`)));
}

function isWithin(host: string, block: string): boolean {
  const [start = '', bits = ''] = block.split('/');
  const family = isIP(start);
  if (family === 0 || family !== isIP(host) || !/^\d{1,3}$/.test(bits) || Number(bits) > (family === 4 ? 32 : 128)) return false;
  const blocks = new BlockList();
  blocks.addSubnet(start, Number(bits), family === 4 ? 'ipv4' : 'ipv6');
  return blocks.check(host, family === 4 ? 'ipv4' : 'ipv6');
}

function bare(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}
