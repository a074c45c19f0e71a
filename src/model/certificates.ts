/**
 * Certificates for TLS: whom we trust, and who we are.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext, getCACertificates } from 'node:tls';
import type { SecureContextOptions } from 'node:tls';
import type { Secret } from './secret.ts';

export interface Certificates {
  /** PEM texts; null = the authorities that Node trusts, and no certificate of our own. */
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: Secret | null;
}

/** The certificates as they are at this moment, for a connection that is being opened: the same object for as long as nothing changes. Never throws. */
export type Tls = () => Certificates;

export type CertificateOptions = Pick<SecureContextOptions, 'ca' | 'cert' | 'key'>;

/** For node:tls. With an authority of the operator's, no other is trusted. */
export function tlsOptions({ ca, cert, key }: Certificates): CertificateOptions {
  return { ...(ca === null ? {} : { ca: [ca] }), ...(cert === null ? {} : { cert }), ...(key === null ? {} : { key: key.reveal() }) };
}

/** The same for connections that lead to others besides: Node's own authorities stay trusted. */
export function addedTo(certificates: Certificates): CertificateOptions {
  const { ca } = certificates;
  return { ...tlsOptions(certificates), ...(ca === null ? {} : { ca: [...getCACertificates('default'), ca] }) };
}

/** Why nothing can be encrypted with these, to stand behind a colon; null where all is well. Never quotes a key. */
export function unusable({ ca, cert, key }: Certificates): string | null {
  const secret = key?.reveal();
  const checks: readonly (readonly [string, () => unknown])[] = [
    ['`ca` is no certificate that can be read', () => ca === null || new X509Certificate(ca)],
    ['`cert` is no certificate that can be read', () => cert === null || new X509Certificate(cert)],
    ['`key` is no private key that can be read without a passphrase', () => secret === undefined || createPrivateKey(secret)],
    ['`key` is not the key of `cert`', () => cert === null || secret === undefined || createSecureContext({ cert, key: secret })],
  ];
  return checks.find(([, check]) => throws(check))?.[0] ?? null;
}

function throws(check: () => unknown): boolean {
  try {
    check();
    return false;
  } catch {
    return true;
  }
}
