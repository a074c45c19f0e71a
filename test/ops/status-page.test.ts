/**
 * The status page in a real browser, with ten feeds in all states. Without Chromium these tests are skipped.
 */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { NO_BROWSER, hasBrowser, openBrowser } from './browser.ts';
import { TEN, TOKEN, openStage } from './status-stage.ts';
import type { Stage } from './status-stage.ts';

/** Of a machine that has much else to do. */
const PATIENCE_MS = 60_000;
const RETURNS = 'sales.public.returns';

describe('the status page', () => {
  let browser: Browser | null = null;
  beforeAll(async () => {
    if (hasBrowser) browser = await openBrowser();
  });
  afterAll(async () => browser?.close());
  beforeEach((context) => context.skip(!hasBrowser, NO_BROWSER));

  /** What goes wrong in the page, its policy's refusals too, is thrown when the page is closed. */
  async function visit(stage: Stage, hash = ''): Promise<{ readonly page: Page } & AsyncDisposable> {
    if (browser === null) throw new Error(NO_BROWSER);
    const page = await browser.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    const wrong: string[] = [];
    page.on('pageerror', (error) => wrong.push(String(error)));
    page.on(
      'console',
      (message) => message.type() === 'error' && !message.text().startsWith('Failed to load resource') && wrong.push(message.text()),
    );
    await page.goto(`${stage.url}/${hash}`);
    return {
      page,
      [Symbol.asyncDispose]: async () => {
        await page.close();
        expect(wrong).toEqual([]);
      },
    };
  }

  async function tables(page: Page): Promise<readonly string[]> {
    return page.locator('.feed .table').allTextContents();
  }

  test('shows every feed with its state, those first that want a person, and what is wrong with them', async () => {
    await using stage = await openStage();
    await using visited = await visit(stage);
    const { page } = visited;
    await page.locator('.feed').nth(9).waitFor();
    expect((await tables(page)).slice(0, 3)).toEqual([RETURNS, 'crm.core.accounts', 'crm.core.contacts']);
    expect(await page.locator('.feed .word').allTextContents()).toEqual([
      'Parked',
      'Retrying',
      'Paused',
      'Starting',
      'New',
      'Running',
      'Running',
      'Running',
      'Running',
      'Done',
    ]);
    expect(await page.locator('.feed .why').first().textContent()).toContain('the provider cleaned them away');
    const late = page.locator('.feed', { hasText: 'order_lines' });
    expect([await late.locator('.behind').innerText(), await late.locator('.version').innerText()]).toEqual([
      '5 min\n14 versions',
      '18189',
    ]);
    expect(await page.title()).toBe('(1) acme-relay');
    expect(await page.locator('#sources').innerText()).toContain('its credential expires in 5 days');
  });

  test('is filtered by words and by state, and says where nothing is left', async () => {
    await using stage = await openStage();
    await using visited = await visit(stage);
    const { page } = visited;
    await page.locator('.feed').nth(9).waitFor();
    await page.getByLabel('Filter by table').fill('billing ledger');
    await expectTables(page, 4);
    await page.getByRole('radio', { name: 'Done' }).check();
    expect(await tables(page)).toEqual(['finance.ledger.rates']);
    expect(await page.locator('#count').textContent()).toBe('1 of 10 feeds');
    await page.getByLabel('Filter by table').fill('no such');
    await page.getByText('No feed matches').waitFor();
  });

  test('is sorted by what is chosen', async () => {
    await using stage = await openStage();
    await using visited = await visit(stage);
    const { page } = visited;
    await page.locator('.feed').nth(9).waitFor();
    await page.getByLabel('Sort').selectOption('behind');
    expect((await tables(page)).slice(0, 2)).toEqual(['sales.public.order_lines', RETURNS]);
    await page.getByLabel('Sort').selectOption('name');
    expect(await tables(page)).toEqual(
      TEN.map(({ recipient, table }) => `${recipient} ${table}`)
        .toSorted()
        .map((name) => name.split(' ')[1]),
    );
  });

  test('is worked by the keyboard alone, and a refresh takes neither focus nor what is open', async () => {
    await using stage = await openStage();
    await using visited = await visit(stage);
    const { page } = visited;
    await page.locator('.feed').nth(9).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('returns');
    await expectTables(page, 1);
    await page.keyboard.press('Escape');
    await expectTables(page, 10);
    await page.locator('.line').first().focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Enter');
    const remedy = page.locator('.remedy');
    await remedy.waitFor();
    expect(await remedy.textContent()).toContain('The provider no longer keeps these versions.');
    expect(await focused(page)).toBe(RETURNS);
    // What changes meanwhile is shown in its place.
    stage.board.feedState('analytics/acme/sales.public.orders', 'retrying');
    await refresh(page);
    await page.locator('.feed[data-state="retrying"]').nth(1).waitFor();
    expect(await focused(page)).toBe(RETURNS);
    expect(await remedy.isVisible()).toBe(true);
    await page.keyboard.press('Escape');
    await remedy.waitFor({ state: 'hidden' });
    expect(await focused(page)).toBe(RETURNS);
  });

  test('opens the feed that the address names, with its latest transactions', async () => {
    await using stage = await openStage();
    await using visited = await visit(stage, `#${encodeURIComponent('analytics/acme/sales.public.orders')}`);
    const { page } = visited;
    await page.getByText('Latest transactions').waitFor();
    expect(await page.locator('.commits tbody tr').count()).toBe(20);
    expect(await page.locator('.commits tbody tr').first().innerText()).toBe('10:14:56Z\t18204\t48 200\t1\t1\t5.7 MB');
  });

  test('gives orders once it has the token, which it keeps to itself, and tells what became of them', async () => {
    await using stage = await openStage();
    await using visited = await visit(stage, `#${encodeURIComponent('billing/acme/crm.core.contacts')}`);
    const { page } = visited;
    await page.locator('.facts').waitFor();
    expect(await page.getByRole('button', { name: 'Resume', exact: true }).count()).toBe(0);
    await page.getByText('Give orders').click();
    await page.getByLabel('Token').fill('another');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Resume', exact: true }).click();
    await page.getByText('An order takes the token of the config').waitFor();
    await page.getByLabel('Token').fill(TOKEN);
    await page.keyboard.press('Enter');
    expect(await page.getByRole('button', { name: 'Pause', exact: true }).isDisabled()).toBe(true);
    await page.getByRole('button', { name: 'Resume', exact: true }).click();
    await page.getByText('It is done.').waitFor();
    expect(stage.control.orders).toEqual(['resume billing/acme/crm.core.contacts']);
    expect(await page.evaluate('localStorage.length + sessionStorage.length + document.cookie.length')).toBe(0);
  });

  test('says that the relay does not answer, keeps what it knew, and goes on when it answers again', async () => {
    const stage = await openStage();
    const port = Number(new URL(stage.url).port);
    await using visited = await visit(stage);
    const { page } = visited;
    await page.locator('.feed').nth(9).waitFor();
    await stage[Symbol.asyncDispose]();
    await refresh(page);
    await page.getByText('what stands here is as it was before').waitFor();
    expect(await tables(page)).toHaveLength(10);
    await using _again = await openStage({ port, isEarly: true });
    await refresh(page);
    await page.getByText('The feeds are shown as soon as the relay has reached Kafka.').waitFor();
    expect(await page.getByRole('alert').innerText()).toBe('The relay is not ready until Kafka answers.');
  });

  test('what a provider names its tables is text, whatever it looks like', async () => {
    const table = 'a.b.<img/src=x/onerror=alert(1)>'.replaceAll('/', '\u{2060}');
    await using stage = await openStage({ feeds: [{ table, recipient: 'r', state: 'running', version: 1 }] });
    await using visited = await visit(stage);
    await visited.page.locator('.feed').waitFor();
    expect(await tables(visited.page)).toEqual([table]);
    expect(await visited.page.locator('img').count()).toBe(0);
  });

  test('a relay without feeds says so', async () => {
    await using stage = await openStage({ feeds: [] });
    await using visited = await visit(stage);
    await visited.page.locator('#empty').waitFor();
    expect(await visited.page.locator('#empty').innerText()).toBe(
      'There are no feeds: the config names no table, or its patterns match none yet.',
    );
  });

  test('fits into a telephone and a desk, and is readable in light and dark', async () => {
    await using stage = await openStage();
    await using visited = await visit(stage, `#${encodeURIComponent(`analytics/acme/${RETURNS}`)}`);
    const { page } = visited;
    await page.locator('.remedy').waitFor();
    for (const width of [390, 1280]) {
      await page.setViewportSize({ width, height: 844 });
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        expect([width, colorScheme, await page.evaluate(CONTRASTS)]).toEqual([width, colorScheme, []]);
      }
    }
    expect(await page.evaluate(UNNAMED)).toEqual([]);
  });
});

/** As the page does every few seconds. */
async function refresh(page: Page): Promise<void> {
  await page.evaluate("void document.dispatchEvent(new Event('visibilitychange'))");
}

async function expectTables(page: Page, count: number): Promise<void> {
  await page.waitForFunction(`document.querySelectorAll('.feed').length === ${count}`, undefined, { timeout: PATIENCE_MS });
}

async function focused(page: Page): Promise<unknown> {
  return page.evaluate("document.activeElement.querySelector('.table')?.textContent ?? document.activeElement.tagName");
}

/** Texts whose contrast is below 4.5 (WCAG 2.2, 1.4.3), but those of what is disabled. */
const CONTRASTS = `(() => {
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const colour = numbers(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = new Set();
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const element = node.parentElement;
    if (node.data.trim() === '' || !element.checkVisibility() || element.closest('template, script, :disabled, option')) continue;
    const [a, b] = [light(numbers(getComputedStyle(element).color)), light(ground(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) found.add(node.data.trim() + ': ' + contrast.toFixed(2));
  }
  return [...found];
})()`;

/** What can be worked and has no name. */
const UNNAMED = `[...document.querySelectorAll('button, input, select, a, summary')]
  .filter((element) => (element.labels?.[0]?.textContent ?? element.textContent).trim() === '')
  .map((element) => element.outerHTML)`;
