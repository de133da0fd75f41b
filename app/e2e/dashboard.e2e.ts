import { readFileSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { seededRandom } from '../../core/random.ts';
import { startTraffic } from '../../loadtest/demo.ts';
import { launch, mustRun, newPage, WAIT_MS } from '../../reporting/dashboard/browser.case.ts';
import { callApi, type System, startSystem } from './processes.case.ts';

/** A decimal amount of a CSV as nanos, exactly. */
function nanosOf(text: string): bigint {
  const [units = '0', fraction = ''] = text.split('.');
  return BigInt(units) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
}

describe.runIf(mustRun)('an advertiser in a real browser, on the real system', () => {
  let system: System;
  let browser: Browser;

  beforeAll(async () => {
    system = await startSystem();
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    await system?.stop();
  });

  it('creates a campaign, sees it win from the simulator, watches spend move, pauses it, and exports the ledger of truth', async () => {
    const post = <T>(path: string, body: unknown) =>
      callApi<T>(system, path, { method: 'POST', body: JSON.stringify(body) });
    const advertiser = await post<{ id: number }>('/api/v1/advertisers', { name: 'Seen in a browser' });
    const other = await post<{ id: number }>('/api/v1/advertisers', { name: 'Somebody else' });
    const page = await newPage(browser, { url: system.apiUrl });
    await page.goto(`${system.apiUrl}/#key=${system.operatorKey}`);
    await page.click('text=New campaign');
    await page.selectOption('#ca-advertiser', String(advertiser.id));
    await page.fill('#ca-name', 'In the browser');
    await page.fill('#ca-daily', '5000');
    await page.fill('#li-bid', '9');
    await page.selectOption('#cr-kind', 'html');
    await page.fill('#cr-source', '<a href="${CLICK_URL}">Seen</a>');
    await page.fill('#cr-landing', 'https://seen.example.com/');
    await page.click('text=Create and start');
    await page.waitForSelector('h1:has-text("In the browser")');
    const campaignId = Number(/\/campaigns\/(\d+)/.exec(page.url())?.[1]);

    // An exchange with patience: what is tested is the page, not the latency of a machine that runs a browser too.
    const url = `${system.bidUrl}/openrtb2/bid/demo`;
    const traffic = startTraffic(
      { url, rps: 40, tmaxMs: 5000, statusMs: 600_000 },
      { clock: systemClock, random: seededRandom(11) },
    );
    const shown = async (kpi: string) =>
      Number(((await page.textContent(`[data-kpi=${kpi}]`)) ?? '').replace(/[$,]/g, ''));
    await expect.poll(() => shown('impressions'), { timeout: WAIT_MS }).toBeGreaterThan(20);
    const spent = await shown('spend');
    expect(spent).toBeGreaterThan(0);
    await expect.poll(() => shown('spend'), { timeout: WAIT_MS }).toBeGreaterThan(spent);

    // Every impression it matched is told of: it bid, or lost it at a stage.
    interface Funnel {
      readonly matched: number;
      readonly bids: number;
      readonly stages: readonly { readonly stage: string; readonly lost: number }[];
    }
    const funnel = await callApi<Funnel>(system, `/api/v1/campaigns/${campaignId}/funnel`);
    expect(funnel.bids).toBeGreaterThan(0);
    expect(funnel.stages.map(({ stage }) => stage)).toContain('floor');
    expect(funnel.bids + funnel.stages.reduce((sum, { lost }) => sum + lost, 0)).toBe(funnel.matched);
    await page.waitForSelector('.funnel li:has-text("Below the floor price")');

    await page.click('text=Pause');
    await page.waitForSelector('.page-head .pill:has-text("paused")');
    const pausedAt = performance.now();
    let lastBidAt = pausedAt;
    // How long this process itself was kept waiting: what it did not see in time, it does not blame on the bidder.
    let stall = 0;
    for (let bids = traffic.status().bids; performance.now() - pausedAt < 2500; ) {
      const before = performance.now();
      await new Promise((resolve) => setTimeout(resolve, 20));
      stall = Math.max(stall, performance.now() - before - 20);
      if (traffic.status().bids === bids) continue;
      bids = traffic.status().bids;
      lastBidAt = performance.now();
    }
    expect(lastBidAt - pausedAt, 'ms until the last bid after the page said paused').toBeLessThan(1000 + stall);

    const truth = (await traffic.stop({ deliver: true })).get(String(campaignId))!;
    const delivered = truth.counts.impression.acknowledged;
    await expect.poll(() => shown('impressions'), { timeout: WAIT_MS }).toBe(delivered);
    await page.goto(`${system.apiUrl}/reports?dimensions=campaign&metrics=spendNanos,impressions`);
    await page.waitForSelector('[data-total=impressions]');
    const download = page.waitForEvent('download');
    await page.click('text=Export CSV');
    const csv = readFileSync(await (await download).path(), 'utf8')
      .trim()
      .split('\r\n');
    const row = csv.find((line) => line.startsWith(`${campaignId},`))!.split(',');
    expect([nanosOf(row.at(-2)!), Number(row.at(-1))]).toEqual([truth.spendNanos, delivered]);

    // The first load of a page is the browser's own business with the disk; the best of three is the page's.
    const paints: number[] = [];
    const rows: number[] = [];
    for (let load = 0; load < 3; load++) {
      await page.goto(`${system.apiUrl}/`);
      await page.waitForSelector(`[data-campaign="${campaignId}"]`);
      rows.push(Number(await page.evaluate('performance.now()')));
      const paint = "performance.getEntriesByName('first-contentful-paint')[0].startTime";
      paints.push(Number(await page.evaluate(paint)));
    }
    process.stdout.write(
      `first paint ${Math.min(...paints).toFixed(0)} ms, campaigns shown ${Math.min(...rows).toFixed(0)} ms\n`,
    );
    expect(Math.min(...paints), 'ms to the first paint').toBeLessThan(1000);

    const { key } = await post<{ key: string }>('/api/v1/keys', {
      name: 'other',
      role: 'advertiser',
      advertiserId: other.id,
    });
    const stranger = await browser.newPage();
    await stranger.goto(`${system.apiUrl}/campaigns/${campaignId}#key=${key}`);
    await stranger.waitForSelector('text=There is no such campaign');
    expect(await stranger.textContent('main')).not.toContain('In the browser');
    expect(page.foreign).toEqual([]);
    expect(page.faults).toEqual([]);
  });
});
