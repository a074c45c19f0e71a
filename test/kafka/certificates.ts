/** A certificate authority of the test's own, and a server certificate for 127.0.0.1 and localhost that it signed. Needs `openssl`. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './run.ts';

export interface Certificates {
  /** PEM text. */
  readonly ca: string;
  /** Path of a PEM file with the server's key and chain. */
  readonly keystore: string;
}

/** Writes into `folder`. */
export async function makeCertificates(folder: string): Promise<Certificates> {
  const openssl = (...args: readonly string[]): Promise<string> => run('openssl', args, folder);
  const newKey = ['-newkey', 'rsa:2048', '-nodes'];
  await openssl('req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=cdf-relay test authority');
  await openssl('req', ...newKey, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=localhost');
  await writeFile(join(folder, 'server.ext'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
  const authority = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'];
  await openssl('x509', '-req', '-in', 'server.csr', ...authority, '-out', 'server.pem', '-days', '2', '-extfile', 'server.ext');
  const keystore = join(folder, 'keystore.pem');
  await writeFile(keystore, (await readFile(join(folder, 'server.key'), 'utf8')) + (await readFile(join(folder, 'server.pem'), 'utf8')));
  return { ca: await readFile(join(folder, 'ca.pem'), 'utf8'), keystore };
}
