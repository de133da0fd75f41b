import { readFileSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { localDay } from '../../core/budgetday.ts';
import { systemClock } from '../../core/clock.ts';
import { OPERATOR_KEY } from '../api/fakes.case.ts';
import { axeFaults, launch, mustRun, newPage, screenshot, startTestServer, type TestServer } from './browser.case.ts';
import { madeUpFacts, madeUpPacing, madeUpReports, sendBidStats } from './demoworld.case.ts';

describe.runIf(mustRun)('the dashboard in a browser', () => {
  const nowMs = systemClock.nowMs();
  const facts = madeUpFacts(nowMs);
  const today = localDay('UTC', nowMs).startMs;
  let server: TestServer;
  let browser: Browser;

  beforeAll(async () => {
    server = await startTestServer(madeUpReports(facts), madeUpPacing(facts, today, systemClock.nowMs));
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.remove();
  });

  it('logs in by the printed link, shows exact numbers and follows within 2 s', async () => {
    const page = await newPage(browser, server);
    await page.goto(server.loginUrl);
    await page.waitForSelector('[data-campaign="10"]');
    expect(page.url()).toBe(`${server.url}/`);
    const shown = () => page.textContent('[data-kpi="impressions"]');
    const total = () => facts.filter((fact) => fact.atMs >= today).reduce((sum, fact) => sum + fact.impressions, 0);
    await expect.poll(shown, { timeout: 2000 }).toBe(total().toLocaleString('en-US'));
    facts.push({ ...facts[0]!, impressions: 1234, clicks: 5, spendNanos: 7_000_000n });
    await expect.poll(shown, { timeout: 2000 }).toBe(total().toLocaleString('en-US'));
    facts.pop();
    await expect.poll(shown, { timeout: 2000 }).toBe(total().toLocaleString('en-US'));
    await screenshot(page, 'overview');
    await page.emulateMedia({ colorScheme: 'dark' });
    await screenshot(page, 'overview-dark');
    await page.setViewportSize({ width: 400, height: 800 });
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(400);
    expect(page.foreign).toEqual([]);
    expect(page.faults).toEqual([]);
    await page.close();
  });

  it('logs in by hand, refuses a wrong key, logs out', async () => {
    const page = await newPage(browser, server);
    await page.goto(server.url);
    await screenshot(page, 'login');
    expect(await axeFaults(page)).toEqual([]);
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

  it('explains a campaign, pauses it, and tells who did', async () => {
    const page = await newPage(browser, server);
    await page.goto(`${server.url}/campaigns/11#key=${OPERATOR_KEY}`);
    await page.waitForSelector('.funnel');
    await page.waitForSelector('.creatives iframe');
    expect(await page.textContent('[data-field=sentence]')).toContain('On plan');
    await page.waitForTimeout(600);
    await screenshot(page, 'campaign', true);
    await page.click('text=Pause');
    await expect.poll(() => page.textContent('.page-head .pill')).toBe('paused');
    await expect.poll(() => page.textContent('.history li')).toContain('status: active → paused');
    expect(server.services.directory.get('campaign', 11)?.status).toBe('paused');
    await page.click('text=Activate');
    await expect.poll(() => page.textContent('.page-head .pill')).toBe('active');
    expect(page.foreign).toEqual([]);
    expect(page.faults).toEqual([]);
    await page.close();
  });

  it('creates a campaign with its first ad and explains what is refused', async () => {
    const page = await newPage(browser, server);
    await page.goto(server.loginUrl);
    await page.click('text=New campaign');
    await page.fill('#ca-name', 'Winter jackets');
    await page.fill('#ca-daily', '12.50');
    await page.fill('#li-bid', '2,75');
    await page.fill('#targeting-countries', 'deu, fra');
    await page.selectOption('#cr-kind', 'html');
    await page.fill('#cr-source', '<a href="${CLICK_URL}">Jackets</a>');
    await page.fill('#cr-landing', 'http://jackets.example.com/');
    await screenshot(page, 'new-campaign');
    await page.click('text=Create and start');
    expect(await page.textContent('[role=alert]')).toContain('must be https');
    await page.fill('#cr-landing', 'https://jackets.example.com/');
    await page.click('text=Create and start');
    await page.waitForSelector('h1:has-text("Winter jackets")');
    const made = [...server.services.directory.all('campaign')].find((campaign) => campaign.name === 'Winter jackets')!;
    expect(made).toMatchObject({ status: 'active', budget: { dailyMicros: 12_500_000 } });
    const lineItem = server.services.directory.get(
      'line_item',
      server.services.directory.childrenOf('campaign', made.id)[0]!,
    )!;
    expect(lineItem.goal).toEqual({ type: 'cpm', bidCpmMicros: 2_750_000 });
    expect(lineItem.targeting.terms).toEqual({ country: { include: ['DEU', 'FRA'], exclude: [] } });
    expect(page.faults.filter((fault) => !fault.includes('422'))).toEqual([]);
    await page.close();
  });

  it('builds a report whose totals are exact and exports it', async () => {
    const page = await newPage(browser, server);
    await page.goto(`${server.url}/reports#key=${OPERATOR_KEY}`);
    await page.waitForSelector('[data-total=impressions]');
    await page.click('text=Country');
    await page.waitForSelector('td:has-text("DEU")');
    expect(page.url()).toContain('dimensions=campaign%2Ccountry');
    await screenshot(page, 'reports');
    const download = page.waitForEvent('download');
    await page.click('text=Export CSV');
    const csv = readFileSync(await (await download).path(), 'utf8')
      .trim()
      .split('\r\n');
    expect(csv[0]).toBe('campaign,campaignName,country,spend,impressions,clicks,ctr,ecpm');
    const nanos = csv
      .slice(1)
      .reduce((sum, line) => sum + BigInt(Math.round(Number(line.split(',').at(-5)) * 1e9)), 0n);
    const truth = facts.filter((fact) => fact.atMs >= today).reduce((sum, fact) => sum + fact.spendNanos, 0n);
    expect(nanos).toBe(truth);
    expect(page.faults).toEqual([]);
    await page.close();
  });

  it('makes a key for an advertiser, who sees no operators’ pages', async () => {
    const page = await newPage(browser, server);
    await page.goto(`${server.url}/keys#key=${OPERATOR_KEY}`);
    await page.fill('#ke-name', 'Demo advertiser');
    await page.selectOption('#ke-advertiser', '1');
    await page.click('text=Make key');
    const key = (await page.textContent('[data-key]'))!;
    await page.waitForSelector('tr:has-text("Demo advertiser")');
    await page.evaluate("document.querySelector('[data-key]').textContent = 'ek_…'");
    await screenshot(page, 'keys');
    await page.click('[aria-label="Log out"]');
    await page.fill('#key', key);
    await page.click('button[type=submit]');
    await page.click('.brand');
    await page.waitForSelector('[data-campaign="10"]');
    expect(await page.textContent('nav')).not.toContain('Access');
    await page.goto(`${server.url}/keys`);
    await page.waitForSelector('text=There is no such page');
    await page.close();
  });

  it('makes an audience and fills it from a file', async () => {
    const page = await newPage(browser, server);
    await page.goto(`${server.url}/audiences#key=${OPERATOR_KEY}`);
    await page.fill('#au-name', 'Newsletter readers');
    await page.click('text=Create audience');
    await page.waitForSelector('tr:has-text("Newsletter readers")');
    const lines = Array.from({ length: 500 }, (_, i) => i.toString(16).padStart(64, '0')).join('\n');
    await page.setInputFiles('input[type=file]', {
      name: 'users.csv',
      mimeType: 'text/csv',
      buffer: Buffer.from(lines),
    });
    await expect.poll(() => page.textContent('[data-field=users]')).toBe('500');
    await screenshot(page, 'audiences');
    expect(page.faults).toEqual([]);
    await page.close();
  });

  it('lets a person in by e-mail and password', async () => {
    await server.services.people.create({
      email: 'ann@example.com',
      name: 'Ann',
      password: 'correct horse battery',
      role: 'read_only',
      advertiserId: 1,
    });
    const page = await newPage(browser, server);
    await page.goto(server.url);
    await page.click('text=Use e-mail and password');
    await page.fill('#email', 'ann@example.com');
    await page.fill('#password', 'correct horse battery');
    await page.click('button[type=submit]');
    await page.waitForSelector('[data-campaign="10"]');
    expect(await page.textContent('.page-head')).not.toContain('New campaign');
    await page.close();
  });

  it('documents the API without asking another host', async () => {
    const page = await newPage(browser, server);
    await page.goto(`${server.url}/docs/`);
    await page.waitForSelector('[data-path="/api/v1/campaigns/{id}/funnel"]');
    expect(page.foreign).toEqual([]);
    expect(page.faults).toEqual([]);
    await page.close();
  });

  it('shows operators how bidding goes', async () => {
    const page = await newPage(browser, server);
    await sendBidStats(server.log);
    await page.goto(`${server.url}/operations#key=${OPERATOR_KEY}`);
    await expect.poll(() => page.textContent('[data-kpi=rps]')).toBe('500');
    expect(await page.textContent('[data-kpi=p99]')).toBe('2.40 ms');
    await screenshot(page, 'operations');
    page.on('dialog', (dialog) => void dialog.accept());
    await page.fill('#ki-scope', 'campaign:14');
    await page.fill('#ki-reason', 'the landing page is down');
    await page.click('text=Stop bidding');
    await page.waitForSelector('text=is stopped: the landing page is down');
    expect(server.services.directory.switches().find((item) => item.on)?.scope).toBe('campaign:14');
    await page.click('[aria-label="Resume campaign:14"]');
    await expect.poll(() => server.services.directory.switches().some((item) => item.on)).toBe(false);
    expect(page.faults).toEqual([]);
    await page.close();
  });

  it.each(['/', '/campaigns/10', '/campaigns/new', '/reports', '/audiences', '/keys', '/operations'])(
    'has no accessibility fault on %s, light and dark',
    async (path) => {
      const page = await newPage(browser, server);
      await page.goto(`${server.url}${path}#key=${OPERATOR_KEY}`);
      await page.waitForSelector('h1');
      await page.waitForLoadState('networkidle').catch(() => undefined);
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        expect(await axeFaults(page), colorScheme).toEqual([]);
      }
      await page.close();
    },
  );
});
