/**
 * Why a certificate was not accepted, out of what node:tls and whatever wraps it throws.
 */

/** OpenSSL's reasons as node:tls names them (https://nodejs.org/api/tls.html#x509-certificate-error-codes). */
const PROBLEMS: Readonly<Record<string, string>> = {
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is signed by an authority that is not trusted here',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by nobody but itself',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is signed by an authority that is not trusted here',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate is signed by an authority that is not trusted here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is signed by an authority that is not trusted here',
  CERT_SIGNATURE_FAILURE: 'its certificate is signed by another authority than the trusted one of that name',
  CERT_UNTRUSTED: 'its certificate is signed by an authority that is not trusted here',
  CERT_REJECTED: 'its certificate is signed by an authority that is not trusted here',
  INVALID_CA: 'its certificate is signed by what is no authority',
  INVALID_PURPOSE: 'its certificate is not made for servers',
  CERT_CHAIN_TOO_LONG: 'the chain of its certificate is too long',
  CERT_REVOKED: 'its certificate is revoked',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  HOSTNAME_MISMATCH: 'its certificate is for another host',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
};

/** OpenSSL's names of alerts about ours (RFC 8446 §6.2), with whatever version stands before them. */
const OURS =
  /^ERR_SSL_.*ALERT_(CERTIFICATE_REQUIRED|BAD_CERTIFICATE|UNKNOWN_CA|UNSUPPORTED_CERTIFICATE|CERTIFICATE_(REVOKED|EXPIRED|UNKNOWN)|ACCESS_DENIED)$/;

const LAYERS_MAX = 32;

/** What is wrong with the other side's certificate, or what it finds wrong with ours, to stand behind a colon; null where that is not what went wrong. */
export function certificateProblem(error: unknown): string | null {
  const waiting: unknown[] = [error];
  for (let layers = 0; layers < LAYERS_MAX && waiting.length > 0; layers++) {
    const layer = waiting.shift();
    if (!(layer instanceof Error)) continue;
    const code: unknown = Reflect.get(layer, 'code');
    if (typeof code === 'string' && Object.hasOwn(PROBLEMS, code)) return `${PROBLEMS[code] ?? ''} (${code})`;
    if (typeof code === 'string' && OURS.test(code)) return `it asks for a certificate of ours, and does not take what it got (${code})`;
    // What opens several connections throws several errors; and kafkajs keeps of an error its message and its code in words.
    const errors: unknown = Reflect.get(layer, 'errors');
    waiting.push(layer.cause, ...(Array.isArray(errors) ? Array.from<unknown>(errors) : []));
  }
  return null;
}
