/**
 * `npm run pictures`: takes the pictures of the status page in docs/images, each in its look and width, with ten feeds in all states.
 */
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { openBrowser } from './browser.ts';
import { TOKEN, openStage } from './status-stage.ts';

const FOLDER = fileURLToPath(new URL('../../docs/images/', import.meta.url));
const PARKED = 'analytics/acme/sales.public.returns';

const PICTURES = [
  { name: 'status-light-1280', width: 1280, height: 860, look: 'light', open: null },
  { name: 'status-dark-1280', width: 1280, height: 860, look: 'dark', open: PARKED },
  { name: 'status-light-390', width: 390, height: 1_200, look: 'light', open: null },
  { name: 'status-dark-390', width: 390, height: 844, look: 'dark', open: PARKED },
] as const;

await mkdir(FOLDER, { recursive: true });
await using stage = await openStage();
const browser = await openBrowser();
for (const { name, width, height, look, open } of PICTURES) {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme: look, deviceScaleFactor: 1 });
  await page.goto(open === null ? stage.url : `${stage.url}/#${encodeURIComponent(open)}`);
  await page.getByText('Ready', { exact: true }).waitFor();
  if (open !== null) {
    await page.getByText('Give orders').click();
    await page.getByLabel('Token').fill(TOKEN);
    await page.getByRole('button', { name: 'Use it' }).click();
    await page.getByRole('button', { name: 'Resume' }).waitFor();
    await page.getByText('Give orders').click();
  }
  await page.mouse.move(0, 0);
  await page.evaluate('scrollTo(0, 0)');
  await page.screenshot({ path: `${FOLDER}${name}.png`, fullPage: width === 1280 && open === null });
  await page.close();
}
await browser.close();
