import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import type { Reports } from '../../core/report.ts';
import { launch, mustRun, newPage, startTestServer, type TestServer } from './browser.case.ts';
import { madeUpFacts, madeUpReports } from './demoworld.case.ts';

const assets = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'dist', 'dashboard', 'assets');

/** What the first paint waits for, told without a clock: a busy machine is slow at everything. */
describe.runIf(mustRun)('the first paint of the dashboard', () => {
  let server: TestServer;
  let browser: Browser;
  /** The store answers nobody before this is called. */
  let answer: (() => void) | null = null;

  beforeAll(async () => {
    const inner = madeUpReports(madeUpFacts(systemClock.nowMs()));
    let held: Promise<void> = Promise.resolve();
    const reports: Reports = {
      ...inner,
      query: async (query) => {
        await held;
        return inner.query(query);
      },
    };
    server = await startTestServer(reports);
    browser = await launch();
    const page = await newPage(browser, server);
    await page.goto(server.loginUrl);
    await page.waitForSelector('[data-campaign="10"]');
    await page.close();
    held = new Promise((resolve) => {
      answer = resolve;
    });
  });
  afterAll(async () => {
    answer?.();
    await browser?.close();
    await server?.remove();
  });

  it('shows campaigns while the store is still asked, and puts them right afterwards', async () => {
    const page = await newPage(browser, server);
    await page.goto(server.loginUrl);
    await page.waitForSelector('[data-campaign="10"]');
    const shown = Number((await page.textContent('[data-kpi=impressions]'))?.replace(/,/g, ''));
    expect(shown).toBeGreaterThan(0);
    expect(page.faults).toEqual([]);
    await page.close();
  });

  it('asks for the numbers beside the question who is there, not after it', async () => {
    const page = await newPage(browser, server);
    await page.goto(server.loginUrl);
    await page.waitForSelector('[data-campaign="10"]');
    let letGo = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    await page.route('**/api/v1/me', async (route) => {
      await held;
      await route.continue();
    });
    const stream = page.waitForRequest('**/api/v1/live/events');
    await page.goto(`${server.url}/`);
    await stream;
    letGo();
    await page.waitForSelector('[data-campaign="10"]');
    await page.close();
  });

  it('loads one script and one style sheet, together smaller than a picture', () => {
    const files = readdirSync(assets).filter((name) => name.startsWith('index-'));
    expect(files.map((name) => name.split('.').at(-1)).sort()).toEqual(['css', 'js']);
    const bytes = files.reduce((sum, name) => sum + gzipSync(readFileSync(join(assets, name))).length, 0);
    expect(bytes).toBeLessThan(80_000);
  });
});
