/**
 * The private key that a profile names, fit for the algorithm it names: whatever would fail when the first token is asked for, fails when the profile is read.
 */
import type { KeyObject } from 'node:crypto';
import { createPrivateKey } from 'node:crypto';
import { Failure } from '../../../src/model/failure.ts';

export interface SigningKey {
  readonly algorithm: string;
  /** Which of its keys the other side is to check with; null where the profile does not say. */
  readonly keyId: string | null;
  readonly key: KeyObject;
}

export const ALGORITHM_DEFAULT = 'RS256';

interface KeyKind {
  readonly type: 'rsa' | 'ec' | 'ed25519';
  /** As node:crypto names it. */
  readonly curve?: string;
  readonly needs: string;
}

const RSA: KeyKind = { type: 'rsa', needs: 'an RSA key of 2048 bits or more' };
const RSA_BITS_LEAST = 2048;

const ENCRYPTED = /^-----BEGIN ENCRYPTED|^Proc-Type: 4,ENCRYPTED/m;

/** JSON Web Algorithms (RFC 7518 §3.1, RFC 8037) with a private key → the key they need. */
const ALGORITHMS: Readonly<Record<string, KeyKind>> = {
  RS256: RSA,
  RS384: RSA,
  RS512: RSA,
  PS256: RSA,
  PS384: RSA,
  PS512: RSA,
  ES256: { type: 'ec', curve: 'prime256v1', needs: 'an EC key on P-256' },
  ES384: { type: 'ec', curve: 'secp384r1', needs: 'an EC key on P-384' },
  ES512: { type: 'ec', curve: 'secp521r1', needs: 'an EC key on P-521' },
  EdDSA: { type: 'ed25519', needs: 'an Ed25519 key' },
};

/** Throws `profile.unsupported` for another algorithm, `profile.invalid` for a key that is not fit for it. `name` is the key file's. */
export function signingKey(
  { pem, algorithm, keyId }: { readonly pem: string; readonly algorithm: string; readonly keyId: string | null },
  { what, name }: { readonly what: string; readonly name: string },
): SigningKey {
  const kind = Object.hasOwn(ALGORITHMS, algorithm) ? ALGORITHMS[algorithm] : undefined;
  if (kind === undefined) {
    throw new Failure(
      'profile.unsupported',
      `${what}: auth.privateKey.algorithm ${JSON.stringify(algorithm.slice(0, 60))} is not supported, only ${Object.keys(ALGORITHMS).join(', ')} are`,
    );
  }
  const key = keyIn(pem, `${what}: the key in ${name}`);
  if (!isFit(key, kind))
    throw new Failure('profile.invalid', `${what}: the key in ${name} does not fit ${algorithm}, which needs ${kind.needs}`);
  return { algorithm, keyId, key };
}

function keyIn(pem: string, what: string): KeyObject {
  if (ENCRYPTED.test(pem)) throw new Failure('profile.invalid', `${what} is encrypted, and nobody is there to type its passphrase`);
  try {
    return createPrivateKey(pem);
  } catch {
    // What the library says may quote the text.
    throw new Failure('profile.invalid', `${what} is not a private key in PEM`);
  }
}

function isFit(key: KeyObject, kind: KeyKind): boolean {
  const { modulusLength = 0, namedCurve } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType !== kind.type) return false;
  if (kind.type === 'rsa') return modulusLength >= RSA_BITS_LEAST;
  return kind.curve === undefined || namedCurve === kind.curve;
}
