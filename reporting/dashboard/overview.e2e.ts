import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { createFakeReports, type Fact, OPERATOR_KEY } from '../api/fakes.case.ts';
import { launch, mustRun, root, startTestServer, type TestServer } from './browser.case.ts';

/** An hour of made-up delivery, one fact per campaign and minute. */
function someFacts(nowMs: number): Fact[] {
  const facts: Fact[] = [];
  for (let minute = 0; minute < 60; minute++) {
    for (let campaign = 10; campaign < 16; campaign++) {
      const impressions = 120 + Math.round(60 * Math.sin(minute / 7 + campaign)) + (minute % 5) * 8;
      const clicks = minute % 3 === 0 ? campaign - 8 : 0;
      const spendNanos = BigInt(impressions) * BigInt(300_000 * (campaign - 8));
      facts.push({ atMs: nowMs - minute * 60_000, advertiser: 1, campaign, impressions, clicks, spendNanos });
    }
  }
  return facts;
}

describe.runIf(mustRun)('the overview in a browser', () => {
  const facts = someFacts(systemClock.nowMs());
  let server: TestServer;
  let browser: Browser;
  const newPage = async (options: Parameters<Browser['newPage']>[0] = {}): Promise<Page & { foreign: string[] }> => {
    const page = await browser.newPage({ locale: 'en-US', viewport: { width: 1360, height: 900 }, ...options });
    const foreign: string[] = [];
    page.on('request', (request) => {
      if (!request.url().startsWith(server.url) && !request.url().startsWith('data:')) foreign.push(request.url());
    });
    return Object.assign(page, { foreign });
  };

  beforeAll(async () => {
    server = await startTestServer(createFakeReports(facts));
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.remove();
  });

  it('logs in by the printed link, shows exact numbers and follows within 2 s', async () => {
    const page = await newPage();
    await page.goto(server.loginUrl);
    await page.waitForSelector('[data-campaign="10"]');
    expect(page.url()).toBe(`${server.url}/`);
    const shown = () => page.textContent('[data-kpi="impressions"]');
    const total = () => facts.reduce((sum, fact) => sum + fact.impressions, 0);
    await expect.poll(shown, { timeout: 2000 }).toBe(total().toLocaleString('en-US'));
    facts.push({ ...facts[0]!, impressions: 1234, clicks: 5, spendNanos: 7_000_000n });
    await expect.poll(shown, { timeout: 2000 }).toBe(total().toLocaleString('en-US'));
    expect(page.foreign).toEqual([]);
    if (process.env.EVENKEEL_SCREENSHOTS) {
      const folder = join(root, 'docs', 'images');
      mkdirSync(folder, { recursive: true });
      await page.screenshot({ path: join(folder, 'overview.png') });
      await page.emulateMedia({ colorScheme: 'dark' });
      await page.waitForTimeout(300);
      await page.screenshot({ path: join(folder, 'overview-dark.png') });
    }
    await page.close();
  });

  it('logs in by hand, refuses a wrong key, logs out', async () => {
    const page = await newPage();
    await page.goto(server.url);
    await page.fill('#key', 'not-a-key-at-all-really');
    await page.click('button[type=submit]');
    expect(await page.textContent('[role=alert]')).toContain('unknown, expired or revoked');
    await page.fill('#key', OPERATOR_KEY);
    await page.click('button[type=submit]');
    await page.waitForSelector('[data-kpi=spend]');
    await page.click('[aria-label="Log out"]');
    await page.waitForSelector('#key');
    await page.reload();
    await page.waitForSelector('#key');
    await page.close();
  });
});
