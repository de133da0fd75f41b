import { readFileSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { localDay } from '../../core/budgetday.ts';
import { systemClock } from '../../core/clock.ts';
import { OPERATOR_KEY } from '../api/fakes.case.ts';
import {
  axeFaults,
  launch,
  mustRun,
  newPage,
  pictureOf,
  screenshot,
  startTestServer,
  type TestServer,
} from './browser.case.ts';
import { madeUpFacts, madeUpPacing, madeUpReports, sendBidStats } from './demoworld.case.ts';

describe.runIf(mustRun)('the dashboard in a browser', () => {
  const nowMs = systemClock.nowMs();
  const facts = madeUpFacts(nowMs);
  const today = localDay('UTC', nowMs).startMs;
  let server: TestServer;
  let browser: Browser;

  beforeAll(async () => {
    server = await startTestServer(madeUpReports(facts), madeUpPacing(facts, today, systemClock.nowMs));
    await sendBidStats(server.log);
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
    await expect.poll(() => page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(400);
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
    await page.waitForSelector('.creatives strong');
    expect(await page.textContent('[data-field=sentence]')).toContain('On plan');
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
    await page.fill('#targeting-country', 'deu, fra');
    await page.selectOption('#cr-kind', 'html');
    await page.fill('#cr-source', '<a href="${CLICK_URL}">Jackets</a>');
    await page.fill('#cr-landing', 'http://jackets.example.com/');
    // The draw of the made-up bidders: two of five requests come from these countries.
    await expect.poll(() => page.textContent('.estimate')).toContain('(40% of all)');
    await screenshot(page, 'new-campaign', true);
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

  it('takes and shows times of the advertiser’s zone, in the reader’s locale, wherever the browser is', async () => {
    const headers = { authorization: `Bearer ${OPERATOR_KEY}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ name: 'Berliner Schuhe', currency: 'EUR', timeZone: 'Europe/Berlin' });
    const answer = await fetch(`${server.url}/api/v1/advertisers`, { method: 'POST', headers, body });
    const { id: advertiserId } = (await answer.json()) as { id: number };
    const access = { name: 'Berlin', role: 'advertiser', advertiserId, expiresMs: null } as const;
    const { key } = await server.services.keys.create(access, 'test');
    const page = await newPage(browser, server, { locale: 'de-DE', timezoneId: 'America/Los_Angeles' });
    await page.goto(`${server.url}/campaigns/new#key=${key}`);
    await page.fill('#ca-name', 'Frühling');
    await page.fill('#ca-daily', '12,50');
    await page.fill('#ca-start', '2027-03-01T09:00');
    // After the clocks were put forward.
    await page.fill('#ca-end', '2027-03-31T23:30');
    await page.selectOption('#cr-kind', 'html');
    await page.fill('#cr-source', '<a href="${CLICK_URL}">Schuhe</a>');
    await page.fill('#cr-landing', 'https://schuhe.example.com/');
    await page.click('text=Keep as a draft');
    await page.waitForSelector('h1:has-text("Frühling")');
    const flight = { startMs: Date.parse('2027-03-01T08:00Z'), endMs: Date.parse('2027-03-31T21:30Z') };
    const made = () => [...server.services.directory.all('campaign')].find(({ name }) => name === 'Frühling')!;
    expect(made().flight).toEqual(flight);
    await page.click('.page-head button:has-text("Edit")');
    expect(await page.inputValue('#ca-start')).toBe('2027-03-01T09:00');
    expect(await page.inputValue('#ca-end')).toBe('2027-03-31T23:30');
    expect(await page.inputValue('#ca-daily')).toBe('12,5');
    await page.fill('#ca-daily', '13');
    await page.click('text=Save');
    await expect.poll(() => made().budget.dailyMicros).toBe(13_000_000);
    expect(made().flight).toEqual(flight);
    await expect.poll(() => page.textContent('[data-kpi=spend]')).toMatch(/0,00\s€/);
    const changed = page.locator('.history time').first();
    const atMs = Date.parse((await changed.getAttribute('datetime'))!);
    const style = { dateStyle: 'medium', timeStyle: 'short', timeZone: 'Europe/Berlin' } as const;
    expect(await changed.textContent()).toBe(new Intl.DateTimeFormat('de-DE', style).format(atMs));
    await page.goto(`${server.url}/reports`);
    await expect.poll(() => page.inputValue('#re-zone')).toBe('Europe/Berlin');
    expect(page.faults).toEqual([]);
    await page.close();
  });

  it('builds a report whose totals are exact and exports it', async () => {
    const page = await newPage(browser, server);
    await page.goto(`${server.url}/reports#key=${OPERATOR_KEY}`);
    await page.waitForSelector('[data-total=impressions]');
    await page.click('text=Country');
    await page.waitForSelector('td:has-text("DEU")');
    expect(page.url()).toContain('dimensions=campaign%2Ccountry');
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
    const parquet = page.waitForEvent('download');
    await page.click('text=Export Parquet');
    expect(readFileSync(await (await parquet).path(), 'latin1')).toMatch(/^PAR1.*PAR1$/s);
    await page.click('text=Save this report');
    await page.fill('#sr-name', 'Every morning');
    await page.selectOption('#sr-every', 'day');
    await page.click('text=Save report');
    await page.click('[aria-label="Run now: Every morning"]');
    await page.waitForSelector('a[download="Every morning.csv"]');
    expect(await page.textContent('tr:has-text("Every morning")')).toContain('every day at 06:00');
    await page.click('label:has-text("Country")');
    await page.waitForSelector('td:has-text("DEU")', { state: 'detached' });
    await screenshot(page, 'reports', true);
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

  it('edits a line item: clicks, caps, hours; and adds a native ad with an uploaded picture', async () => {
    const page = await newPage(browser, server);
    await page.goto(`${server.url}/campaigns/12#key=${OPERATOR_KEY}`);
    await page.click('[aria-label^="Edit "]:not([aria-label="Edit campaign"])');
    await page.selectOption('#li-goal', 'cpc');
    await page.fill('#li-target', '0.40');
    await page.fill('#li-cap', '3');
    await page.selectOption('[aria-label=per]', 'minute');
    await page.click('text=Sun');
    await page.selectOption('[aria-label=from]', '8');
    await page.fill('#targeting-within', '52.52, 13.40, 25');
    await page.click('summary:has-text("Devices and connections")');
    await page.click('.steps button:has-text("Phone")');
    for (let click = 0; click < 2; click++) await page.click('.steps button:has-text("Connected TV")');
    await page.click('summary:has-text("Sites, apps and content")');
    const list = {
      name: 'sites.txt',
      mimeType: 'text/plain',
      buffer: Buffer.from('News.example.org\nchess.example.net\n'),
    };
    await page.setInputFiles('label:has-text("Sites, from a file") input >> nth=1', list);
    await expect.poll(() => page.inputValue('#targeting-domain-not')).toBe('news.example.org, chess.example.net');
    await page.fill('#targeting-language', 'german');
    await page.waitForSelector('text=“german” does not look right');
    await page.fill('#targeting-language', '');
    await page.waitForSelector('[data-field=estimate]');
    await pictureOf(page, 'form.inset', 'line-item');
    expect(await axeFaults(page)).toEqual([]);
    await page.click('text=Save line item');
    await page.waitForSelector('td:has-text("$0.40 per click")');
    const { directory } = server.services;
    const item = directory.get('line_item', directory.childrenOf('campaign', 12)[0]!)!;
    expect(item.goal).toMatchObject({ type: 'cpc', targetMicros: 400_000 });
    // Further caps, set by API, stay.
    expect(item.frequencyCaps).toEqual([
      { scope: 'line_item', impressions: 3, per: 'minute' },
      { scope: 'line_item', impressions: 8, per: 'day' },
    ]);
    const slots = [{ days: [1, 2, 3, 4, 5, 6], fromHour: 8, toHour: 24 }];
    expect(item.targeting.dayparting).toEqual({ zone: 'advertiser', slots });
    expect(item.targeting.within).toEqual([{ lat: 52.52, lon: 13.4, km: 25 }]);
    expect(item.targeting.terms).toMatchObject({
      deviceType: { include: ['4'], exclude: ['3'] },
      domain: { include: [], exclude: ['news.example.org', 'chess.example.net'] },
    });
    await page.click('text=Add creative');
    await page.selectOption('#cr-kind', 'native');
    await page.fill('#cr-title', 'Winter is here');
    await page.setInputFiles('#cr-file', {
      name: 'a.png',
      mimeType: 'image/png',
      buffer: Buffer.from(PICTURE, 'base64'),
    });
    await page.waitForSelector('text=1 × 1, 1 KB');
    await page.fill('#cr-landing', 'https://winter.example.com/');
    await pictureOf(page, 'form.inset', 'creative');
    expect(await axeFaults(page)).toEqual([]);
    await page.click('text=Save creative');
    await page.waitForSelector('strong:has-text("Winter is here")');
    const made = [...directory.all('creative')].find((creative) => creative.name === 'Winter is here')!;
    expect(made.native).toMatchObject({ title: 'Winter is here', image: { w: 1, h: 1 } });
    expect((await fetch(made.native!.image!.url)).headers.get('content-type')).toBe('image/png');
    expect(page.faults).toEqual([]);
    await page.close();
  });

  it('looks at a file of campaigns before it creates them, and tells where alerts are sent', async () => {
    const page = await newPage(browser, server);
    await page.goto(`${server.url}/import#key=${OPERATOR_KEY}`);
    const choose = (text: string) =>
      page.setInputFiles('#im-file', { name: 'c.csv', mimeType: 'text/csv', buffer: Buffer.from(text) });
    await choose('advertiserId,name,dailyBudget\n1,Imported one,10\n1,Imported two,much\n99,Imported three,5\n');
    await page.waitForSelector('[data-field=checked]');
    expect(await page.textContent('[data-field=checked]')).toContain('one campaign can be created; 2 faults');
    expect(await page.textContent('tr:has-text("dailyBudget")')).toContain('3');
    await screenshot(page, 'import');
    await choose('advertiserId,name,dailyBudget\n1,Imported one,10\n1,Imported two,20\n');
    await page.click('text=Create them');
    await page.waitForSelector('[data-field=imported]');
    const names = [...server.services.directory.all('campaign')].map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['Imported one', 'Imported two']));
    await page.goto(`${server.url}/alerts`);
    await page.fill('#wh-url', 'https://pager.example.com/alerts');
    await page.click('text=Add address');
    await page.waitForSelector('[data-secret]');
    await page.waitForSelector('tr:has-text("pager.example.com")');
    await page.evaluate("document.querySelector('[data-secret]').textContent = '…'");
    await screenshot(page, 'alerts');
    expect(page.faults).toEqual([]);
    await page.close();
  });

  it('has no accessibility fault on any page, light and dark, and none asks another host', async () => {
    const page = await newPage(browser, server);
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await page.goto(server.loginUrl);
    for (const [path, ready] of pages) {
      await page.waitForSelector('main');
      await page.goto(`${server.url}${path}`);
      await page.waitForSelector(ready);
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        expect(await axeFaults(page), `${path} ${colorScheme}`).toEqual([]);
      }
    }
    expect(page.foreign).toEqual([]);
    await page.close();
  });
});

/** Every page, and what is there once its data is. */
const pages = [
  ['/', '[data-campaign="10"]'],
  ['/campaigns/10', '.funnel'],
  ['/campaigns/new', '#cr-landing'],
  ['/reports', '[data-total=impressions]'],
  ['/alerts', '#wh-url'],
  ['/import', '#im-file'],
  ['/audiences', '#au-name'],
  ['/keys', '#ke-name'],
  ['/operations', '#ki-scope'],
  ['/nowhere', 'text=There is no such page'],
] as const;
/** One transparent pixel. */
const PICTURE = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';
