/** A certificate authority of the test's own, and certificates that it signed. Needs `openssl`. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './run.ts';

/** PEM texts. */
export interface Issued {
  readonly cert: string;
  readonly key: string;
}

export interface Certificates extends Issued {
  /** PEM text. */
  readonly ca: string;
  /** Path of the same. */
  readonly truststore: string;
  /** Path of a PEM file with the server's key and chain. */
  readonly keystore: string;
  /** A certificate for a name, which is also that of a server as below. */
  readonly issue: (name: string) => Promise<Issued>;
}

/** Writes into `folder`. The server's certificate is for 127.0.0.1, localhost and names under relay.test. */
export async function makeCertificates(folder: string): Promise<Certificates> {
  const openssl = (...args: readonly string[]): Promise<string> => run('openssl', args, folder);
  const newKey = ['-newkey', 'rsa:2048', '-nodes'];
  await openssl('req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=cdf-relay test authority');
  await writeFile(join(folder, 'san.ext'), 'subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:*.relay.test\n');
  const text = (name: string): Promise<string> => readFile(join(folder, name), 'utf8');
  const issue = async (name: string): Promise<Issued> => {
    await openssl('req', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    const authority = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'];
    await openssl('x509', '-req', '-in', `${name}.csr`, ...authority, '-out', `${name}.pem`, '-days', '2', '-extfile', 'san.ext');
    return { cert: await text(`${name}.pem`), key: await text(`${name}.key`) };
  };
  const server = await issue('localhost');
  const keystore = join(folder, 'keystore.pem');
  await writeFile(keystore, server.key + server.cert);
  return { ...server, ca: await text('ca.pem'), truststore: join(folder, 'ca.pem'), keystore, issue };
}

/** Certificates for several names. */
export async function issuedTo(names: readonly string[], { issue }: Certificates): Promise<Readonly<Record<string, Issued>>> {
  // One after the other: the authority counts what it signs in a file.
  const issued: [string, Issued][] = [];
  for (const name of names) issued.push([name, await issue(name)]);
  return Object.fromEntries(issued);
}
