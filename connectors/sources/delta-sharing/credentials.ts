/**
 * The right to ask one provider, as it is at this moment. It changes while the source is open: access tokens are renewed, and a profile file that changes on the
 * disk is taken up. The file is read again and compared, since what mounts a secret swaps a link above it that no watcher of the file sees.
 *
 * A new profile that is unsound, or leads to another endpoint (which is part of a feed's identity), is warned of once and not taken: its secret is never sent to
 * the endpoint of the old one.
 */
import { orAbort } from '../../../src/lib/abort.ts';
import { Failure } from '../../../src/model/failure.ts';
import { Secret } from '../../../src/model/secret.ts';
import type { EpochMs } from '../../../src/model/version.ts';
import type { Telemetry } from '../../../src/ports/telemetry.ts';
import { AccessTokens } from './access-tokens.ts';
import type { Timeouts } from './exchange.ts';
import { ExpiryWatch } from './expiry-watch.ts';
import { askForToken } from './oauth.ts';
import type { Route } from './network.ts';
import type { Credential, OauthGrant, Profile, ProfileFile } from './profile.ts';
import { readProfile } from './profile.ts';
import type { RetryPolicy } from './retry.ts';
import { redact } from './scrub.ts';

export interface CredentialsOptions {
  /** The source's name, for messages. */
  readonly source: string;
  readonly profile: Profile;
  readonly retry: RetryPolicy;
  /** To the token endpoint, which a provider's profile names. */
  readonly route: Route;
  readonly timeouts: Timeouts;
  readonly userAgent: string;
  readonly telemetry: Telemetry;
  /** Ends what is under way. */
  readonly closing: AbortSignal;
}

/** What one question carries. */
export interface Authorization {
  readonly scheme: 'Bearer' | 'Basic';
  readonly token: Secret;
}

/** One profile's credential: what is sent, and what is sent instead of what was refused. */
interface Giver {
  readonly current: (signal: AbortSignal) => Promise<Authorization>;
  /** Null: there is no other. */
  readonly renewed: (refused: Authorization, signal: AbortSignal) => Promise<Authorization | null>;
}

const LOOK_EVERY_MS = 5_000;

/** Tokens sent of late: an answer may still quote the one before. */
const SENT_MAX = 4;

export class Credentials {
  /** The prefix of every API address, without a slash at its end; the same for as long as the source is open. */
  readonly endpoint: string;
  readonly #options: CredentialsOptions;
  readonly #expiry: ExpiryWatch;
  #profile: Profile;
  #giver: Giver;
  #sent: readonly Secret[] = [];
  #lookedAt: EpochMs;
  #looking: Promise<void> | null = null;
  /** The last warning about the file, so that it is given once. */
  #warned: string | null = null;

  constructor(options: CredentialsOptions) {
    const { profile, retry, source, telemetry } = options;
    this.#options = options;
    this.endpoint = profile.endpoint;
    this.#profile = profile;
    this.#giver = giverOf(profile.credential, options);
    this.#lookedAt = retry.clock.now();
    this.#expiry = new ExpiryWatch(source, telemetry);
    this.#expiry.set(profile.expirationTime);
    this.#expiry.look(this.#lookedAt);
  }

  /** Null: the provider does not say. */
  get expirationTime(): EpochMs | null {
    return this.#profile.expirationTime;
  }

  /** For the next question. Rejects as `askForToken` does where there is a token to be asked for. */
  async authorization(signal: AbortSignal): Promise<Authorization> {
    await this.#look(LOOK_EVERY_MS, signal);
    this.#expiry.look(this.#options.retry.clock.now());
    const giver = this.#giver;
    try {
      return this.#keep(await giver.current(signal));
    } catch (error) {
      if (!(error instanceof Failure) || error.code !== 'provider.unauthorized') throw error;
      await this.#look(0, signal);
      if (this.#giver === giver) throw error;
      return this.#keep(await this.#giver.current(signal));
    }
  }

  /** Another than `refused`, which the provider answered 401 to: from the file if it has changed, else a fresh token; null where there is none. */
  async renewed(refused: Authorization, signal: AbortSignal): Promise<Authorization | null> {
    await this.#look(0, signal);
    const other = await this.#giver.renewed(refused, signal);
    return other === null ? null : this.#keep(other);
  }

  /** Resolves when the profile is another than now; looks at its file for as long as somebody waits. Rejects with `signal.reason`. */
  async changed(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options.retry;
    const profile = this.#profile;
    // What came as text stays as it is.
    if (profile.file === null) return orAbort(new Promise<never>(() => {}), signal);
    while (this.#profile === profile) {
      await clock.sleep(LOOK_EVERY_MS, signal);
      await this.#look(LOOK_EVERY_MS, signal);
    }
  }

  /** The text without the secrets that an answer may bring back. */
  redacted(text: string): string {
    return redact(
      text,
      [...this.#sent, ...secretsOf(this.#profile.credential)].map((secret) => secret.reveal()),
    );
  }

  #keep(authorization: Authorization): Authorization {
    if (!this.#sent.includes(authorization.token)) this.#sent = [authorization.token, ...this.#sent].slice(0, SENT_MAX);
    return authorization;
  }

  /** Reads the file again, unless that was done less than `everyMs` ago. */
  async #look(everyMs: number, signal: AbortSignal): Promise<void> {
    const { file } = this.#profile;
    if (file === null) return;
    const now = this.#options.retry.clock.now();
    // A clock that is set back makes the wait no longer.
    if (this.#looking === null && now >= this.#lookedAt && now - this.#lookedAt < everyMs) return;
    this.#lookedAt = now;
    this.#looking ??= this.#read(file).finally(() => {
      this.#looking = null;
    });
    await orAbort(this.#looking, signal);
  }

  async #read(file: ProfileFile): Promise<void> {
    try {
      this.#takeUp(await readProfile(file.path, file.what), file.what);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.#warn(`${error.message}; the profile as it was stays in use`);
    }
  }

  #takeUp(profile: Profile, what: string): void {
    const { source, telemetry } = this.#options;
    if (profile.endpoint !== this.endpoint) {
      this.#warn(`${what}: its endpoint is another than at the start; the profile as it was stays in use until the relay is started again`);
      return;
    }
    this.#warned = null;
    if (profile.digest === this.#profile.digest) return;
    this.#profile = profile;
    this.#giver = giverOf(profile.credential, this.#options);
    this.#expiry.set(profile.expirationTime);
    telemetry.log('info', `${what} has changed and is taken up`, { source });
  }

  #warn(sentence: string): void {
    if (sentence === this.#warned) return;
    this.#warned = sentence;
    this.#options.telemetry.log('warn', sentence, { source: this.#options.source });
  }
}

function giverOf(credential: Credential, options: CredentialsOptions): Giver {
  switch (credential.kind) {
    case 'bearer':
      return fixed({ scheme: 'Bearer', token: credential.token });
    case 'basic': {
      const pair = `${credential.username}:${credential.password.reveal()}`;
      return fixed({ scheme: 'Basic', token: new Secret(Buffer.from(pair).toString('base64')) });
    }
    case 'client-secret':
    case 'signed':
      return granted(credential, options);
  }
}

function fixed(authorization: Authorization): Giver {
  return {
    current: async () => authorization,
    renewed: async (refused) => (refused.token.reveal() === authorization.token.reveal() ? null : authorization),
  };
}

function granted(grant: OauthGrant, options: CredentialsOptions): Giver {
  const { closing, retry, route, source, telemetry, timeouts, userAgent } = options;
  const tokens = new AccessTokens({
    fetch: async (signal) => askForToken(grant, { source, route, timeouts, clock: retry.clock, userAgent }, signal),
    retry,
    closing,
    warn: (failure, expiresAt) =>
      telemetry.log('warn', `${failure.message}; the token in use ends at ${new Date(expiresAt).toISOString()}`, {
        source,
        code: failure.code,
        remedy: failure.remedy,
      }),
  });
  return {
    current: async (signal) => ({ scheme: 'Bearer', token: await tokens.current(signal) }),
    renewed: async (refused, signal) => ({ scheme: 'Bearer', token: await tokens.renewed(refused.token, signal) }),
  };
}

function secretsOf(credential: Credential): readonly Secret[] {
  switch (credential.kind) {
    case 'bearer':
      return [credential.token];
    case 'basic':
      return [credential.password];
    case 'client-secret':
      return [credential.clientSecret];
    case 'signed':
      return [];
  }
}
