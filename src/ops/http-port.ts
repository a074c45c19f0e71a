/**
 * The HTTP port, taken for a moment: whether it could be had.
 */
import { createServer } from 'node:net';
import { Failure } from '../model/failure.ts';

/** Resolves when the port is free again. Rejects with `http.port` when it cannot be had. */
export async function tryPort(place: { readonly host: string; readonly port: number }): Promise<void> {
  const server = createServer();
  const listening = Promise.withResolvers<void>();
  server.on('error', listening.reject);
  server.listen(place, listening.resolve);
  try {
    await listening.promise;
  } catch (cause) {
    throw portFailure(place, cause);
  }
  const closed = Promise.withResolvers<void>();
  server.close(() => closed.resolve());
  await closed.promise;
}

/** What `listen` ended with, in words. */
export function portFailure({ host, port }: { readonly host: string; readonly port: number }, cause: unknown): Failure {
  return new Failure('http.port', `the HTTP port ${host}:${port} cannot be opened (${reason(cause)})`, { cause });
}

function reason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  if (code === 'EADDRINUSE') return 'something else has it';
  if (code === 'EACCES') return 'this user has no right to it';
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return 'this machine has no such address';
  return String(code ?? error);
}
