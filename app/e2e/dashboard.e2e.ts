import { readFileSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launch, mustRun, newPage } from '../../reporting/dashboard/browser.case.ts';
import { callApi, type System, startSystem, until } from './processes.case.ts';

const request = {
  imp: [{ id: '1', banner: { format: [{ w: 300, h: 250 }] }, bidfloor: 0.01, secure: 1 }],
  site: { domain: 'news.example', page: 'https://news.example/today', cat: ['IAB12'] },
  device: {
    ua: 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0',
    ip: '203.0.113.7',
    devicetype: 2,
    geo: { country: 'DEU' },
  },
  tmax: 1000,
};

interface Bid {
  readonly price: number;
  readonly burl?: string;
  readonly nurl?: string;
  readonly adm: string;
}

/** Asks for one bid. */
async function ask(system: System, id: string): Promise<Bid | null> {
  const body = JSON.stringify({ id, ...request, user: { id: `visitor-${id}` } });
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${system.bidUrl}/openrtb2/bid/demo`, { method: 'POST', headers, body });
  if (response.status !== 200) return null;
  const answer = (await response.json()) as { seatbid: { bid: Bid[] }[] };
  return answer.seatbid[0]?.bid[0] ?? null;
}

/** Plays the exchange and the browser for one won bid: win, billing, impression. */
async function show(bid: Bid): Promise<void> {
  const price = String(bid.price);
  const beacons = [bid.nurl, bid.burl, /https?:\/\/[^"'\s]+\/event\/imp\/[^"'\s\\]+/.exec(bid.adm)?.[0]];
  for (const url of beacons) {
    if (url === undefined) continue;
    // A visitor's browser: what names itself a tool does not count.
    const visitor = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0' };
    await fetch(url.replaceAll('${AUCTION_PRICE}', price).replaceAll('&amp;', '&'), { headers: visitor });
  }
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

  it('creates a campaign, sees it win, watches spend move, pauses it, and exports exactly what was delivered', async () => {
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

    let shown = 0;
    let asked = 0;
    await until(
      async () => {
        const bid = await ask(system, `b${asked++}`);
        if (bid !== null) await show(bid);
        if (bid !== null) shown += 1;
        return shown >= 25;
      },
      60_000,
      'twenty-five impressions',
    );
    const impressions = () => page.textContent('[data-kpi=impressions]').catch(() => null);
    await expect.poll(impressions, { timeout: 20_000 }).toBe(String(shown));
    expect(await page.textContent('[data-kpi=spend]')).not.toBe('$0.00');

    await page.click('text=Pause');
    await page.waitForSelector('.page-head .pill:has-text("paused")');
    const pausedAt = performance.now();
    let last = pausedAt;
    while (performance.now() - pausedAt < 2500) {
      const bid = await ask(system, `p${asked++}`);
      if (bid !== null) last = performance.now();
    }
    expect(last - pausedAt, 'ms until the last bid after the page said paused').toBeLessThan(1000);

    await page.goto(`${system.apiUrl}/reports?dimensions=campaign&metrics=spendNanos,impressions`);
    await page.waitForSelector('[data-total=impressions]');
    const download = page.waitForEvent('download');
    await page.click('text=Export CSV');
    const csv = readFileSync(await (await download).path(), 'utf8')
      .trim()
      .split('\r\n');
    const row = csv.find((line) => line.startsWith(`${campaignId},`))!.split(',');
    expect(Number(row.at(-1))).toBe(shown);
    const report = await callApi<{ totals: { spendNanos: string } }>(
      system,
      '/api/v1/reports?metrics=spendNanos&totals=true',
    );
    expect(BigInt(Math.round(Number(row.at(-2)) * 1e9))).toBe(BigInt(report.totals.spendNanos));

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
