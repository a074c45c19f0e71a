/**
 * A real browser: Debian's Chromium, where it is installed.
 */
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';

const CHROMIUM = '/usr/bin/chromium';

export const hasBrowser = existsSync(CHROMIUM);
export const NO_BROWSER = `${CHROMIUM} is not there: apt-get install chromium`;

/** Without a sandbox, which a container does not allow; it loads nothing but pages of the test. */
export async function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] });
}
