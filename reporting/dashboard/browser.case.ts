import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { Registry } from 'prom-client';
import { expect } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import type { EventLog } from '../../core/eventlog.ts';
import { seededRandom } from '../../core/random.ts';
import type { Reports } from '../../core/report.ts';
import { createMemoryAudiences, createMemoryLog, OPERATOR_KEY, quiet } from '../api/fakes.case.ts';
import type { PacingSource } from '../api/pacing.ts';
import { seedDemo } from '../api/seed.ts';
import { type ApiServer, startApi } from '../api/server.ts';
import type { StatusSources } from '../api/status.ts';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find((path) => existsSync(path));
/** CI may not skip: there a missing browser is a failure. */
export const mustRun = CHROMIUM !== undefined || process.env.EVENKEEL_REQUIRE_ALL_TESTS !== undefined;
if (CHROMIUM === undefined)
  console.warn('SKIPPED: browser tests, because chromium is not installed (apt-get install chromium)');

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export function launch(): Promise<Browser> {
  if (CHROMIUM === undefined) throw new Error('chromium is missing and EVENKEEL_REQUIRE_ALL_TESTS is set');
  const args = '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking';
  return chromium.launch({
    executablePath: CHROMIUM,
    headless: true,
    args: [...args.split(' '), '--disable-component-update', '--disable-sync'],
  });
}

export interface TestServer extends ApiServer {
  readonly loginUrl: string;
  readonly log: EventLog;
  remove(): Promise<void>;
}

/** The real server on a free port, with the demo seeded, over an in-memory log and the given reports. */
export async function startTestServer(
  reports: Reports,
  pacing: PacingSource | null = null,
  status: StatusSources = {},
): Promise<TestServer> {
  const dataDir = mkdtempSync(join(tmpdir(), 'evenkeel-dashboard-'));
  const log = createMemoryLog();
  await seedDemo(log, systemClock.nowMs());
  const config = {
    host: '127.0.0.1',
    port: 0,
    dataDir,
    staticDir: join(root, 'dist', 'dashboard'),
    bootstrapOperatorKey: OPERATOR_KEY,
    version: '0.0.0-test',
    currencies: ['USD', 'EUR'],
    alerts: { maxP99Ms: 25, maxErrorPercent: 0.2, maxLag: 2000 },
  };
  const deps = {
    log,
    reports,
    pacing,
    status,
    audiences: createMemoryAudiences(),
    clock: systemClock,
    random: seededRandom(3),
    logger: quiet,
    metrics: new Registry(),
  };
  const api = await startApi(config, deps);
  return {
    ...api,
    log,
    loginUrl: `${api.url}/#key=${OPERATOR_KEY}`,
    async remove() {
      await api.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

export type WatchedPage = Page & {
  /** Requests to other hosts. */
  readonly foreign: string[];
  /** Errors of the page and its console. */
  readonly faults: string[];
};

/** How long to wait for what must come: not what it may take, for other work may have the machine. */
export const WAIT_MS = 90_000;

export async function newPage(
  browser: Browser,
  server: { readonly url: string },
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const page = await browser.newPage({ locale: 'en-US', viewport: { width: 1360, height: 900 }, ...options });
  page.setDefaultTimeout(WAIT_MS);
  const foreign: string[] = [];
  const faults: string[] = [];
  page.on('request', (request) => {
    if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(server.url)) foreign.push(request.url());
  });
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(message.text());
  });
  return Object.assign(page, { foreign, faults });
}

/** Pixels: pictures in the documentation stay below 300 KB. */
const MAX_PICTURE_HEIGHT = 1750;

/** Keeps a picture of a part of a page for the documentation when EVENKEEL_SCREENSHOTS is set. */
export async function pictureOf(page: Page, selector: string, name: string): Promise<void> {
  if (process.env.EVENKEEL_SCREENSHOTS === undefined) return;
  await page.locator(selector).screenshot({ path: join(pictures(), `${name}.png`) });
}

function pictures(): string {
  const folder = join(root, 'docs', 'images');
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Keeps a picture for the documentation when EVENKEEL_SCREENSHOTS is set. */
export async function screenshot(page: Page, name: string, fullPage = false): Promise<void> {
  if (process.env.EVENKEEL_SCREENSHOTS === undefined) return;
  const before = page.viewportSize()!;
  // Frames outside the viewport are not painted, so the whole page must be inside it.
  const whole = Number(await page.evaluate('document.documentElement.scrollHeight'));
  const height = fullPage ? Math.min(MAX_PICTURE_HEIGHT, whole) : before.height;
  await page.setViewportSize({ width: before.width, height });
  for (const frame of await page.$$('iframe')) await frame.scrollIntoViewIfNeeded();
  await page.evaluate('scrollTo(0, 0)');
  await page.waitForTimeout(fullPage ? 1500 : 300);
  await page.screenshot({ path: join(pictures(), `${name}.png`) });
  await page.setViewportSize(before);
}

const axeSource = readFileSync(join(root, 'node_modules', 'axe-core', 'axe.min.js'), 'utf8');

/** Waits until a page that is as narrow as a small phone can not be moved sideways. */
export async function fitsNarrow(page: Page): Promise<void> {
  const before = page.viewportSize()!;
  await page.setViewportSize({ width: 400, height: 800 });
  const wide = () => page.evaluate('document.documentElement.scrollWidth');
  await expect.poll(wide, { message: page.url() }).toBeLessThanOrEqual(400);
  await page.setViewportSize(before);
}

/** Violations in light and in dark colours, each after its scheme. */
export async function axeFaultsInBoth(page: Page): Promise<readonly string[]> {
  const found: string[] = [];
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    found.push(...(await axeFaults(page)).map((fault) => `${colorScheme}: ${fault}`));
  }
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
  return found;
}

/** Violations of WCAG 2.2 AA and best practices, as `rule: element`. */
async function axeFaults(page: Page): Promise<readonly string[]> {
  await page.evaluate(axeSource);
  const found = (await page.evaluate(
    "axe.run(document, { iframes: false }).then((result) => result.violations.flatMap((rule) => rule.nodes.map((node) => rule.id + ': ' + node.html.slice(0, 160))))",
  )) as string[];
  return found;
}
