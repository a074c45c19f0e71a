import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseProfile, readProfile } from '../../../../connectors/sources/delta-sharing/profile.ts';
import type { Profile } from '../../../../connectors/sources/delta-sharing/profile.ts';
import { Failure } from '../../../../src/model/failure.ts';
import type { Scripted, ScriptedServer } from './scripted-server.ts';
import { hangUp, json, lines, scriptedServer, text } from './scripted-server.ts';
import type { TokenServer } from './token-server.ts';
import { CLIENT, tokenServer } from './token-server.ts';
import type { SourceSettings, Watched } from './wire-makers.ts';
import { CHANGES, metaData, NEVER, NOW, PARQUET, PROTOCOL, sourceOver, TABLE, VERSION } from './wire-makers.ts';

const SECOND = 1000;
const MINUTE = { retryTimeoutMs: 60_000 };

let server: ScriptedServer;
let folder: string;
let clock: { at: number };
beforeEach(async () => {
  server = await scriptedServer();
  folder = await mkdtemp(join(tmpdir(), 'credentials-'));
  clock = { at: NOW };
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

function bearer(bearerToken: string, more: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({ shareCredentialsVersion: 1, endpoint: `${server.origin}/api`, bearerToken, ...more });
}

function over(profile: Profile, settings: SourceSettings = {}): Watched {
  return sourceOver(server, { profile, now: () => clock.at, ...settings });
}

/** Answers 7 to whoever comes with one of `tokens`. */
function takes(...tokens: readonly string[]): void {
  server.on(VERSION, (response, asked) => {
    const isTaken = tokens.some((token) => asked.headers.authorization === `Bearer ${token}`);
    (isTaken ? text(200, '', { 'Delta-Table-Version': '7' }) : text(401, 'no'))(response, asked);
  });
}

function sent(): readonly (string | undefined)[] {
  return server.asked.map(({ headers }) => headers.authorization);
}

async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  const error = await promise.catch((thrown: unknown) => thrown);
  if (!(error instanceof Failure)) throw new Error(`no failure: ${String(error)}`);
  return error;
}

describe('a fixed credential', () => {
  it('of type basic is sent as it is, and neither it nor its password comes back in a message', async () => {
    const profile = { shareCredentialsVersion: 2, type: 'BASIC', endpoint: `${server.origin}/api`, username: 'ann', password: 'pässword' };
    const pair = Buffer.from('ann:pässword').toString('base64');
    server.on(VERSION, json(403, { errorCode: `NO_${pair}`, message: `Basic ${pair}, that is "pässword", may not` }));
    const source = over(parseProfile(JSON.stringify(profile), 'the profile'));
    const failure = await failureOf(source.latestVersion(TABLE, NEVER));
    expect(failure.message).toBe(
      'asking acme for the latest version of s.d.t: the provider answers 403 NO_[SECRET]: "Basic [secret], that is \\"[secret]\\", may not"',
    );
    expect(sent()).toEqual([`Basic ${pair}`]);
  });

  it('that an answer quotes in its last line is told without it', async () => {
    server.on(
      CHANGES,
      lines([PROTOCOL, metaData(0), { endStreamAction: { errorMessage: 'bad tok-1', httpStatusErrorCode: 400 } }], PARQUET),
    );
    const source = over(parseProfile(bearer('tok-1'), 'the profile'));
    const failure = await failureOf(source.changes(TABLE, { from: 0, to: 0, listedAs: null }, NEVER));
    expect(failure.message).toBe('asking acme for the changes 0..0 of s.d.t: the provider answers 400: "bad [secret]"');
  });

  it('that came as text and is refused is not asked with again', async () => {
    takes('another');
    await expect(over(parseProfile(bearer('mine'), 'the profile'), MINUTE).latestVersion(TABLE, NEVER)).rejects.toMatchObject({
      code: 'provider.unauthorized',
    });
    expect(sent()).toEqual(['Bearer mine']);
  });
});

describe('a profile file that changes on the disk', () => {
  const path = (): string => join(folder, 'acme.share');
  const write = async (content: string): Promise<void> => writeFile(path(), content);
  const opened = async (settings: SourceSettings = {}): Promise<Watched> => over(await readProfile(path(), 'profile acme.share'), settings);

  it('is taken up by a question some seconds later, with its own expiry', async () => {
    await write(bearer('old', { expirationTime: '2027-01-01T00:00:00Z' }));
    takes('old', 'new');
    const source = await opened();
    await write(bearer('new', { expirationTime: '2028-01-01T00:00:00Z' }));
    for (const at of [0, 4_999, 5_000, 6_000]) {
      clock.at = NOW + at;
      await source.latestVersion(TABLE, NEVER);
    }
    expect(sent()).toEqual(['Bearer old', 'Bearer old', 'Bearer new', 'Bearer new']);
    expect(source.expiries).toEqual([Date.parse('2027-01-01T00:00:00Z'), Date.parse('2028-01-01T00:00:00Z')]);
    expect(source.logs).toEqual(['info profile acme.share has changed and is taken up']);
  });

  it('is taken up where it changes by a link above it, as mounted secrets do', async () => {
    await mkdir(join(folder, '..1'));
    await mkdir(join(folder, '..2'));
    await writeFile(join(folder, '..1/acme.share'), bearer('old'));
    await writeFile(join(folder, '..2/acme.share'), bearer('new'));
    await symlink('..1', join(folder, '..data'));
    await symlink('..data/acme.share', path());
    takes('old', 'new');
    const source = await opened();
    await source.latestVersion(TABLE, NEVER);
    await symlink('..2', join(folder, '..data_tmp'));
    await rename(join(folder, '..data_tmp'), join(folder, '..data'));
    clock.at += 5 * SECOND;
    await source.latestVersion(TABLE, NEVER);
    expect(sent()).toEqual(['Bearer old', 'Bearer new']);
  });

  it('is told to whoever waits for another credential', async () => {
    await write(bearer('old'));
    const source = await opened();
    await write(bearer('new'));
    clock.at += 5 * SECOND;
    await source.credentialRenewed(NEVER);
    expect(source.logs).toEqual(['info profile acme.share has changed and is taken up']);
    await expect(source.credentialRenewed(AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
  });

  it('is looked at again at once when its token is refused, and the question asked once more', async () => {
    await write(bearer('old'));
    takes('new');
    const source = await opened();
    await write(bearer('new'));
    expect(await source.latestVersion(TABLE, NEVER)).toBe(7);
    expect(sent()).toEqual(['Bearer old', 'Bearer new']);
  });

  it.each([
    ['other token is refused too', 'new', ['Bearer old', 'Bearer new']],
    ['token is the same', 'old', ['Bearer old']],
  ])('leaves a question refused whose %s', async (_, token, tokens) => {
    await write(bearer('old'));
    takes('none');
    const source = await opened(MINUTE);
    await write(bearer(token, { comment: 'changed' }));
    await expect(source.latestVersion(TABLE, NEVER)).rejects.toMatchObject({ code: 'provider.unauthorized' });
    expect(sent()).toEqual(tokens);
  });

  it('into something unsound is told once, and used again when it is sound', async () => {
    await write(bearer('old'));
    takes('old', 'new');
    const source = await opened();
    const askLater = async (): Promise<void> => {
      clock.at += 5 * SECOND;
      await source.latestVersion(TABLE, NEVER);
    };
    await write('{"bearerToken": "half');
    await askLater();
    await askLater();
    await rm(path());
    await askLater();
    await askLater();
    await write(bearer('new'));
    await askLater();
    expect(sent()).toEqual(['Bearer old', 'Bearer old', 'Bearer old', 'Bearer old', 'Bearer new']);
    expect(source.logs).toEqual([
      'warn profile acme.share: it is not JSON; the profile as it was stays in use',
      'warn profile acme.share: there is no such file; the profile as it was stays in use',
      'info profile acme.share has changed and is taken up',
    ]);
  });

  it('to another endpoint is told once and not taken up: its token goes nowhere', async () => {
    await write(bearer('old'));
    takes('old');
    const source = await opened();
    await write(bearer('new', { endpoint: 'https://another.example/api' }));
    for (let i = 0; i < 3; i++) {
      clock.at += 5 * SECOND;
      await source.latestVersion(TABLE, NEVER);
    }
    expect(sent()).toEqual(['Bearer old', 'Bearer old', 'Bearer old']);
    expect(source.endpoint).toBe(`${server.origin}/api`);
    expect(source.logs).toEqual([
      'warn profile acme.share: its endpoint is another than at the start; the profile as it was stays in use until the relay is started again',
    ]);
  });
});

describe('an access token', () => {
  let tokens: TokenServer;
  beforeAll(async () => {
    tokens = await tokenServer(5);
  });
  beforeEach(() => {
    tokens.asked.length = 0;
    tokens.instead.length = 0;
  });
  afterAll(async () => {
    await tokens[Symbol.asyncDispose]();
  });

  const oauth = (clientSecret = CLIENT.clientSecret): string =>
    JSON.stringify({
      shareCredentialsVersion: 2,
      type: 'oauth_client_credentials',
      endpoint: `${server.origin}/api`,
      tokenEndpoint: tokens.endpoint,
      clientId: CLIENT.clientId,
      clientSecret,
    });
  const opened = (settings: SourceSettings = {}): Watched => over(parseProfile(oauth(), 'the profile'), settings);
  const origin = (): string => new URL(tokens.endpoint).origin;
  const AT_7 = text(200, '', { 'Delta-Table-Version': '7' });

  /** The API of a provider that knows the tokens that the server gave. */
  function takesGiven(isTaken: (nth: number) => boolean = () => true): void {
    const given: string[] = [];
    server.on(VERSION, (response, asked) => {
      const token = asked.headers.authorization?.slice('Bearer '.length) ?? '';
      if (!given.includes(token)) given.push(token);
      (isTaken(given.indexOf(token)) ? AT_7 : text(401, 'no'))(response, asked);
    });
  }

  it('is one that the OAuth server gave', async () => {
    server.on(VERSION, AT_7);
    await opened().latestVersion(TABLE, NEVER);
    const [authorization = ''] = sent();
    expect(await tokens.scopeOf(authorization?.slice('Bearer '.length) ?? '')).toBe('');
  });

  it('trap 39: of 5 s is not fetched for every question; it is renewed in its last second, without anybody waiting', async () => {
    takesGiven();
    const source = opened();
    for (const at of [0, 1_000, 3_999]) {
      clock.at = NOW + at;
      await source.latestVersion(TABLE, NEVER);
    }
    expect([new Set(sent()).size, tokens.asked.length]).toEqual([1, 1]);
    clock.at = NOW + 4_000;
    await expect
      .poll(
        async () => {
          await source.latestVersion(TABLE, NEVER);
          return [new Set(sent()).size, tokens.asked.length];
        },
        { interval: 1, timeout: 240_000 },
      )
      .toEqual([2, 2]);
  });

  it('that has ended is renewed before the next question', async () => {
    takesGiven();
    const source = opened();
    await source.latestVersion(TABLE, NEVER);
    clock.at = NOW + 5_000;
    await source.latestVersion(TABLE, NEVER);
    expect([new Set(sent()).size, sent().length, tokens.asked.length]).toEqual([2, 2, 2]);
  });

  it('is fetched once for all who wait for it; one who stops waiting does not stop the others', async () => {
    takesGiven();
    const held: (() => void)[] = [];
    const arrived = Promise.withResolvers<void>();
    tokens.instead.push((response) => {
      held.push(() => response.writeHead(200).end(JSON.stringify({ access_token: 'shared', expires_in: '3600' })));
      arrived.resolve();
    });
    const source = opened();
    const leaving = new AbortController();
    const first = source.latestVersion(TABLE, leaving.signal).catch((error: unknown) => error);
    await arrived.promise;
    const others = Promise.all(Array.from({ length: 12 }, async () => source.latestVersion(TABLE, NEVER)));
    const reason = new Error('enough');
    leaving.abort(reason);
    expect(await first).toBe(reason);
    for (const answer of held) answer();
    expect(await others).toEqual(Array.from({ length: 12 }, () => 7));
    expect([tokens.asked.length, new Set(sent())]).toEqual([1, new Set(['Bearer shared'])]);
  });

  it('that the provider refuses is renewed once, and the question asked again', async () => {
    takesGiven((nth) => nth > 0);
    const source = opened();
    expect(await Promise.all([source.latestVersion(TABLE, NEVER), source.latestVersion(TABLE, NEVER)])).toEqual([7, 7]);
    expect([new Set(sent()).size, tokens.asked.length]).toEqual([2, 2]);
  });

  it('that the provider refuses as well when it is renewed is not asked with again', async () => {
    takesGiven(() => false);
    const source = opened(MINUTE);
    const failure = await failureOf(source.latestVersion(TABLE, NEVER));
    expect([failure.code, failure.disposition, failure.message]).toEqual([
      'provider.unauthorized',
      'probe',
      'asking acme for the latest version of s.d.t: the provider answers 401: "no"',
    ]);
    expect([sent().length, tokens.asked.length, source.waits]).toEqual([2, 2, []]);
  });

  it('that the OAuth server refuses is told by its error, and not tried again', async () => {
    const source = over(parseProfile(oauth('wrong-secret'), 'the profile'), MINUTE);
    const failure = await failureOf(source.latestVersion(TABLE, NEVER));
    expect([failure.code, failure.message]).toEqual([
      'provider.unauthorized',
      `asking ${origin()} for a token for acme: it answers 401 invalid_client: "client authentication failed"`,
    ]);
    expect([sent(), tokens.asked.length, source.waits]).toEqual([[], 1, []]);
  });

  it('is asked for again where that passes by itself', async () => {
    takesGiven();
    tokens.instead.push(json(503, {}), json(429, {}, { 'retry-after': '9' }), hangUp);
    const source = opened(MINUTE);
    expect(await source.latestVersion(TABLE, NEVER)).toBe(7);
    expect([source.waits, tokens.asked.length, sent().length]).toEqual([[500, 9_000, 2_000], 4, 1]);
  });

  it('is used to its end while it cannot be renewed, which is told once', async () => {
    takesGiven();
    const refused: Scripted = json(400, { error: 'unauthorized_client' });
    const source = opened();
    await source.latestVersion(TABLE, NEVER);
    tokens.instead.push(refused, refused);
    clock.at = NOW + 4_000;
    for (let i = 0; i < 3; i++) await source.latestVersion(TABLE, NEVER);
    await expect.poll(() => source.logs, { interval: 1, timeout: 240_000 }).toHaveLength(1);
    await source.latestVersion(TABLE, NEVER);
    expect(tokens.asked).toHaveLength(2);
    clock.at = NOW + 5_000;
    await expect(source.latestVersion(TABLE, NEVER)).rejects.toMatchObject({ code: 'provider.unauthorized' });
    expect(await source.latestVersion(TABLE, NEVER)).toBe(7);
    expect(source.logs).toEqual([
      `warn asking ${origin()} for a token for acme: it answers 400 unauthorized_client; the token in use ends at 2026-11-21T03:00:05.000Z`,
    ]);
  });

  it('is had with the new secret where the file has one and the old is refused', async () => {
    takesGiven();
    const path = join(folder, 'acme.share');
    await writeFile(path, oauth('old-secret'));
    const source = over(await readProfile(path, 'profile acme.share'));
    await writeFile(path, oauth());
    expect(await source.latestVersion(TABLE, NEVER)).toBe(7);
    expect(tokens.asked).toHaveLength(2);
  });

  it('is no credential whose end is told of', async () => {
    takesGiven();
    const source = opened();
    await source.latestVersion(TABLE, NEVER);
    expect([source.expiries, source.logs]).toEqual([[], []]);
  });

  it('is not asked for any more when the source is closed', async () => {
    const arrived = Promise.withResolvers<void>();
    tokens.instead.push(() => arrived.resolve());
    const source = opened(MINUTE);
    const asking = source.latestVersion(TABLE, NEVER).catch((error: unknown) => error);
    await arrived.promise;
    await source[Symbol.asyncDispose]();
    expect(String(await asking)).toBe('Error: source acme is closed');
    expect(tokens.asked).toHaveLength(1);
  });
});
