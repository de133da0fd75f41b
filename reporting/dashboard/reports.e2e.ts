import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { OPERATOR_KEY } from '../api/fakes.case.ts';
import { axeFaultsInBoth, fitsNarrow, mustRun, screenshot } from './browser.case.ts';
import { startDemo } from './demo.case.ts';

describe.runIf(mustRun)('the report builder in a browser', () => {
  const demo = startDemo();
  const { facts, today } = demo;

  it('builds a report whose totals are exact and exports it', async () => {
    const page = await demo.page();
    await page.goto(`${demo.server.url}/reports#key=${OPERATOR_KEY}`);
    await page.waitForSelector('[data-total=impressions]');
    await page.click('text=Country');
    await page.waitForSelector('td:has-text("DEU")');
    expect(page.url()).toContain('dimensions=campaign%2Ccountry');
    const download = page.waitForEvent('download');
    await page.click('text=Export CSV');
    const csv = readFileSync(await (await download).path(), 'utf8')
      .trim()
      .split('\r\n');
    expect(csv[0]).toBe(
      'campaign,campaignName,country,spend,impressions,clicks,ctr,ecpm,previousSpend,previousImpressions,previousClicks,previousCtr,previousEcpm',
    );
    const nanos = csv
      .slice(1)
      .reduce((sum, line) => sum + BigInt(Math.round(Number(line.split(',').at(-10)) * 1e9)), 0n);
    const truth = facts.filter((fact) => fact.atMs >= today).reduce((sum, fact) => sum + fact.spendNanos, 0n);
    expect(nanos).toBe(truth);
    const parquet = page.waitForEvent('download');
    await page.click('text=Export Parquet');
    expect(readFileSync(await (await parquet).path(), 'latin1')).toMatch(/^PAR1.*PAR1$/s);
    await page.click('text=Save this report');
    await page.fill('#sr-name', 'Every morning');
    await page.selectOption('#sr-every', 'day');
    await page.click('text=Save report');
    await page.click('[aria-label="Run now: Every morning"]');
    await page.waitForSelector('a[download="Every morning.csv"]');
    await expect.poll(() => page.textContent('tr:has-text("Every morning")')).toContain('every day at 06:00');
    await page.click('label:has-text("Country")');
    await page.waitForSelector('td:has-text("DEU")', { state: 'detached' });
    await screenshot(page, 'reports', true);
    expect(page.faults).toEqual([]);
    await page.close();
  });

  it('takes the usual spans of time at a choice, and one campaign alone; the largest row stands first', async () => {
    const page = await demo.page();
    await page.goto(`${demo.server.url}/campaigns/11#key=${OPERATOR_KEY}`);
    await page.click('text=All of it, over any time');
    await page.waitForSelector('td:has-text("DEU")');
    const name = demo.server.services.directory.get('campaign', 11)!.name;
    await expect.poll(() => page.locator('#re-only option:checked').textContent()).toBe(name);
    const of = (fromMs: number, toMs: number, campaign?: number) =>
      facts
        .filter((fact) => fact.atMs >= fromMs && fact.atMs < toMs)
        .filter((fact) => campaign === undefined || fact.campaign === campaign)
        .reduce((sum, fact) => sum + fact.impressions, 0)
        .toLocaleString('en-US');
    const total = () => page.textContent('[data-total=impressions] b, [data-total=impressions]');
    await page.selectOption('#re-period', 'yesterday');
    await expect.poll(total).toContain(of(today - 86_400_000, today, 11));
    expect(page.url()).toContain('period=yesterday');
    await page.selectOption('#re-only', '');
    await expect.poll(total).toContain(of(today - 86_400_000, today));
    await page.click('label:text-is("Country")');
    await page.click('label:text-is("Campaign")');
    const spends = async (): Promise<readonly number[]> =>
      (await page.locator('tr:not(.totals):has([data-change=spendNanos]) td:nth-child(2)').allTextContents()).map(
        (text) => Number.parseFloat(text.replace(/[$,]/g, '')),
      );
    await expect.poll(async () => (await spends()).length).toBe(6);
    expect(await spends()).toEqual([...(await spends())].sort((a, b) => b - a));
    await page.selectOption('#re-period', '');
    await page.fill('#re-from', new Date(today).toISOString().slice(0, 10));
    await expect.poll(total).toContain(of(today, Number.POSITIVE_INFINITY));
    expect(page.faults).toEqual([]);
    await page.close();
  });

  it('shows beside each row how far it is from the period before', async () => {
    const page = await demo.page();
    const day = new Date(today).toISOString().slice(0, 10);
    const query = `from=${day}&to=${day}&timezone=UTC&dimensions=campaign&metrics=impressions`;
    await page.goto(`${demo.server.url}/reports?${query}&compare=previous#key=${OPERATOR_KEY}`);
    const sum = (campaign: number, fromMs: number): number =>
      facts
        .filter((fact) => fact.campaign === campaign && fact.atMs >= fromMs && fact.atMs < fromMs + 86_400_000)
        .reduce((total, fact) => total + fact.impressions, 0);
    for (const campaign of [10, 13]) {
      const [now, before] = [sum(campaign, today), sum(campaign, today - 86_400_000)];
      const name = demo.server.services.directory.get('campaign', campaign)!.name;
      const percent = Number(((now / before - 1) * 100).toFixed(1));
      const shown = `${percent > 0 ? '+' : ''}${percent}%, the period before: ${before.toLocaleString('en-US')}`;
      await expect.poll(() => page.textContent(`tr:has-text("${name}") [data-change=impressions]`)).toBe(shown);
    }
    const changes = async (): Promise<readonly number[]> =>
      (await page.locator('tbody tr:not(.totals) [data-change=impressions]').allTextContents()).map(Number.parseFloat);
    for (const down of [true, false]) {
      await page.click('[data-sort=impressions] button');
      await page.waitForSelector(`th[aria-sort=${down ? 'descending' : 'ascending'}] [data-sort=impressions]`);
      const told = await changes();
      expect(told.length).toBe(6);
      expect(told).toEqual([...told].sort((a, b) => (down ? b - a : a - b)));
    }
    await page.selectOption('#re-compare', 'none');
    await page.waitForSelector('[data-change]', { state: 'detached' });
    expect(await page.locator('[data-sort]').count()).toBe(0);
    expect(page.url()).not.toContain('compare');
    expect(page.faults).toEqual([]);
    await page.close();
  });

  it('offers no mix of measures and dimensions that can not be answered, and says why', async () => {
    const page = await demo.page();
    await page.goto(`${demo.server.url}/reports?dimensions=campaign&metrics=winRate#key=${OPERATOR_KEY}`);
    const chip = (name: string) => page.locator(`.picks label:text-is("${name}") input`);
    await expect.poll(() => chip('Country').isDisabled()).toBe(true);
    await page.waitForSelector('.picks .note:has-text("Win rate is not known by Creative: bids are counted for each")');
    expect(await chip('Line item').isDisabled()).toBe(false);
    await page.click('label:text-is("Impressions")');
    await page.click('label:text-is("Win rate")');
    await expect.poll(() => chip('Country').isDisabled()).toBe(false);
    await page.click('label:text-is("Country")');
    await expect.poll(() => chip('Win rate').isDisabled()).toBe(true);
    expect(await axeFaultsInBoth(page)).toEqual([]);
    await fitsNarrow(page);
    expect(page.faults).toEqual([]);
    await page.close();
  });
});
