import { expect, test, vi } from 'vitest';
import { BearerTokens } from '../../../connectors/kafka/bearer-tokens.ts';
import type { BearerToken } from '../../../connectors/kafka/bearer-tokens.ts';
import { Failure } from '../../../src/model/failure.ts';
import { Secret } from '../../../src/model/secret.ts';

/** Tokens `1`, `2` … of five minutes, on a clock of its own. */
class Stage {
  now = 0;
  asked = 0;
  lifetimeMs = 300_000;
  failure: Failure | null = null;
  readonly tokens = new BearerTokens(
    async (): Promise<BearerToken> => {
      this.asked++;
      if (this.failure !== null) throw this.failure;
      return { value: new Secret(String(this.asked)), lifetimeMs: this.lifetimeMs };
    },
    () => this.now,
  );

  async token(): Promise<string> {
    return (await this.tokens.current()).reveal();
  }
}

test('a token is asked for once, for everybody, and again in the last part of its life', async () => {
  const stage = new Stage();
  expect(await Promise.all([stage.token(), stage.token()])).toEqual(['1', '1']);
  stage.now = 239_999;
  expect(await stage.token()).toBe('1');
  stage.now = 240_000;
  expect(await stage.token()).toBe('2');
});

test('of a short life, half a minute is left where that is less than half of it', async () => {
  const stage = new Stage();
  stage.lifetimeMs = 60_000;
  await stage.token();
  stage.now = 29_999;
  expect(await stage.token()).toBe('1');
  stage.now = 30_000;
  expect(await stage.token()).toBe('2');
});

test('a renewal that fails leaves the old token in use to its end, and is not repeated at once', async () => {
  const stage = new Stage();
  await stage.token();
  stage.failure = new Failure('kafka.token', 'not now');
  stage.now = 250_000;
  expect([await stage.token(), await stage.token()]).toEqual(['1', '1']);
  expect(stage.asked).toBe(2);
  stage.now = 300_000;
  await expect(stage.token()).rejects.toBe(stage.failure);
  stage.failure = null;
  stage.now = 301_000;
  expect(await stage.token()).toBe('4');
});

test('what a broker refused is not given again, unless it was replaced meanwhile', async () => {
  const stage = new Stage();
  const first = await stage.tokens.current();
  stage.tokens.refused(first);
  expect(await stage.token()).toBe('2');
  stage.tokens.refused(first);
  expect(await stage.token()).toBe('2');
});

test('an endpoint that never answers, and heeds no signal, is given up and asked again', async () => {
  const overdue = new AbortController();
  const timeout = vi.spyOn(AbortSignal, 'timeout').mockReturnValue(overdue.signal);
  let now = 0;
  let asked = 0;
  const silent = new Promise<BearerToken>(() => {});
  const tokens = new BearerTokens(
    () => (++asked === 1 ? silent : Promise.resolve({ value: new Secret('second'), lifetimeMs: 300_000 })),
    () => now,
  );
  const first = tokens.current();
  timeout.mockRestore();
  overdue.abort();
  await expect(first).rejects.toMatchObject({ code: 'kafka.token', message: 'no token came within 10 s' });
  now = 1_000;
  expect((await tokens.current()).reveal()).toBe('second');
});
