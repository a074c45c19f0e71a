import { describe, expect, test } from 'vitest';
import { proxyFor } from '../../src/model/proxy.ts';

const env = { HTTPS_PROXY: 'http://proxy:3128', HTTP_PROXY: 'proxy:3129' };
const proxied = (address: string, more: Readonly<Record<string, string>> = {}): string | null =>
  proxyFor(new URL(address), { ...env, ...more })?.href ?? null;

describe('proxyFor', () => {
  test('each scheme has its own, an address without a scheme is one too, and the lower case wins', () => {
    expect(proxied('https://a.example/x')).toBe('http://proxy:3128/');
    expect(proxied('http://a.example/x')).toBe('http://proxy:3129/');
    expect(proxied('https://a.example/x', { https_proxy: 'http://other:1' })).toBe('http://other:1/');
    expect(proxied('https://a.example/x', { https_proxy: '' })).toBe(null);
    expect(proxyFor(new URL('https://a.example'), {})).toBe(null);
  });

  test.each(['http://localhost:9/', 'https://127.0.0.2/', 'https://[::1]/'])('%s is this machine, and asked without', (address) => {
    expect(proxied(address)).toBe(null);
  });

  test.each([
    ['*', 'https://a.example/', true],
    ['a.example', 'https://a.example/', true],
    ['A.Example', 'https://b.a.example/', true],
    ['.a.example', 'https://b.a.example/', true],
    ['*.a.example', 'https://b.a.example/', true],
    ['a.example', 'https://aa.example/', false],
    ['x, a.example y', 'https://a.example/', true],
    ['a.example:443', 'https://a.example/', true],
    ['a.example:444', 'https://a.example/', false],
    ['10.0.0.0/8', 'https://10.1.2.3/', true],
    ['10.0.0.0/8', 'https://11.1.2.3/', false],
    ['10.0.0.0/99', 'https://10.1.2.3/', false],
    ['10.1.2.3', 'https://10.1.2.3/', true],
    ['.3', 'https://10.1.2.3/', false],
    ['[fd00::1]:443', 'https://[fd00::1]/', true],
    ['fd00::1', 'https://[fd00::1]/', true],
    ['fd00::/8', 'https://[fd00::1]/', true],
    ['', 'https://a.example/', false],
  ])('NO_PROXY=%s and %s: %s', (exceptions, address, isExempt) => {
    expect(proxied(address, { NO_PROXY: exceptions }) === null).toBe(isExempt);
  });

  test.each([
    ['socks5://relay:hunter2@proxy:1080', 'HTTPS_PROXY names a proxy of the kind socks5'],
    ['http://relay:hunter2@', 'HTTPS_PROXY is not the address of a proxy'],
  ])('a proxy that is none is told without its password: %s', (address, told) => {
    expect(() => proxied('https://a.example/', { HTTPS_PROXY: address })).toThrow(told);
  });
});
