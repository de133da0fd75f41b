import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { OPERATOR_KEY } from '../api/fakes.case.ts';
import { mp4, picture } from '../api/media.case.ts';
import { axeFaultsInBoth, fitsNarrow, mustRun, screenshot } from './browser.case.ts';
import { startDemo } from './demo.case.ts';
import { sendBidStats } from './demoworld.case.ts';

describe.runIf(mustRun)('the dashboard in a browser', () => {
  const demo = startDemo();
  const { facts, today } = demo;

  it('logs in by the printed link, shows exact numbers and follows within 2 s', async () => {
    const page = await demo.page();
    await page.goto(demo.server.loginUrl);
    await page.waitForSelector('[data-campaign="10"]');
    expect(page.url()).toBe(`${demo.server.url}/`);
    const total = () => facts.filter((fact) => fact.atMs >= today).reduce((sum, fact) => sum + fact.impressions, 0);
    const shows = () =>
      expect.poll(() => page.textContent('[data-kpi="impressions"]')).toBe(total().toLocaleString('en-US'));
    await shows();
    // Before anybody points at it, the chart tells the latest whole minute.
    await expect.poll(() => page.textContent('.chart .u-legend')).toMatch(/Time\d+:\d\d.*Spend\$\d.*Impressions\d/s);
    // Two seconds are two summaries: counted, they mean the same on a busy machine.
    const told = await toldImpressions(page);
    for (const change of [() => facts.push({ ...facts[0]!, impressions: 1234, clicks: 5 }), () => facts.pop()]) {
      const before = told.length;
      change();
      await shows();
      expect(told.slice(before, before + 2)).toContain(total());
    }
    await screenshot(page, 'overview');
    await page.emulateMedia({ colorScheme: 'dark' });
    await screenshot(page, 'overview-dark');
    expect(page.foreign).toEqual([]);
    expect(page.faults).toEqual([]);
    await page.close();
  });

  it('logs in by hand, refuses a wrong key, logs out', async () => {
    const page = await demo.page();
    await page.goto(demo.server.url);
    await screenshot(page, 'login');
    expect(await axeFaultsInBoth(page)).toEqual([]);
    await fitsNarrow(page);
    await page.fill('#key', 'not-a-key-at-all-really');
    await page.click('button[type=submit]');
    await expect.poll(() => page.textContent('[role=alert]')).toContain('unknown, expired or revoked');
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
    const page = await demo.page();
    await page.goto(`${demo.server.url}/campaigns/11#key=${OPERATOR_KEY}`);
    await page.waitForSelector('.funnel');
    await page.waitForSelector('.creatives iframe');
    await page.waitForSelector('.creatives strong');
    await expect.poll(() => page.textContent('[data-field=sentence]')).toContain('On plan');
    await page.waitForSelector(
      '.note:has-text("Bids at 72% of their value in 100% of auctions. $0.10 lent to bidders, $0.0030 reserved")',
    );
    await screenshot(page, 'campaign', true);
    await page.click('text=Pause');
    await expect.poll(() => page.textContent('.page-head .pill')).toBe('paused');
    await expect.poll(() => page.textContent('.history li')).toContain('status: active → paused');
    expect(demo.server.services.directory.get('campaign', 11)?.status).toBe('paused');
    await page.click('text=Activate');
    await expect.poll(() => page.textContent('.page-head .pill')).toBe('active');
    expect(page.foreign).toEqual([]);
    expect(page.faults).toEqual([]);
    await page.close();
  });

  it('makes a key for an advertiser, who sees no operators’ pages', async () => {
    const page = await demo.page();
    await page.goto(`${demo.server.url}/keys#key=${OPERATOR_KEY}`);
    await page.fill('#ke-name', 'Demo advertiser');
    await page.selectOption('#ke-advertiser', '1');
    await page.click('text=Make key');
    const key = (await page.textContent('[data-key]'))!;
    await page.waitForSelector('tr:has-text("Demo advertiser")');
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.click('button:text-is("Copy")');
    await page.waitForSelector('button:text-is("Copied")');
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe(key);
    await page.evaluate("document.querySelector('[data-key]').textContent = 'ek_…'");
    await screenshot(page, 'keys');
    await page.click('[aria-label="Log out"]');
    await page.fill('#key', key);
    await page.click('button[type=submit]');
    await page.click('.brand');
    await page.waitForSelector('[data-campaign="10"]');
    expect(await page.textContent('nav')).not.toContain('Access');
    await page.goto(`${demo.server.url}/keys`);
    await page.waitForSelector('text=There is no such page');
    await page.close();
  });

  it('shows long lists a page at a time', async () => {
    const { keys } = demo.server.services;
    for (let i = 0; i < 60; i++)
      await keys.create({ name: `Key ${i}`, role: 'operator', advertiserId: null, expiresMs: null }, 'test');
    const all = keys.list().length;
    const page = await demo.page();
    await page.goto(`${demo.server.url}/keys#key=${OPERATOR_KEY}`);
    const rows = () => page.locator('section[aria-label^="Keys"] tbody tr').count();
    await expect.poll(rows).toBe(50);
    await page.click('text=Show more');
    await expect.poll(rows).toBe(all);
    expect(await page.locator('text=Show more').count()).toBe(0);
    for (const { id, name } of keys.list()) if (name.startsWith('Key ')) await keys.revoke(id);
    await page.close();
  });

  it('makes an audience and fills it from a file', async () => {
    const page = await demo.page();
    await page.goto(`${demo.server.url}/audiences#key=${OPERATOR_KEY}`);
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

  it('shows uploaded files and what shows them, and deletes one', async () => {
    const send = async (path: string, type: string, bytes: Buffer): Promise<string> => {
      const headers = { authorization: `Bearer ${OPERATOR_KEY}`, 'content-type': type };
      const body = new Uint8Array(bytes);
      const answer = await fetch(`${demo.server.url}/api/v1/${path}`, { method: 'POST', headers, body });
      return ((await answer.json()) as { url: string }).url;
    };
    const [kept, left] = [
      await send('images', 'image/png', picture(300, 250, [15, 118, 110], [125, 211, 252])),
      await send('images', 'image/png', picture(301, 250, [190, 24, 93], [253, 186, 116])),
    ];
    await send('media', 'video/mp4', mp4(20, 1280, 720));
    const { directory } = demo.server.services;
    const [lineItemId] = directory.childrenOf('campaign', 15);
    const body = {
      ...{ lineItemId, name: 'With a file', landingUrl: 'https://x.example.com/', adomain: ['x.example.com'] },
      ...{ format: 'banner', banner: { w: 300, h: 250, imageUrl: kept } },
    };
    const headers = { authorization: `Bearer ${OPERATOR_KEY}`, 'content-type': 'application/json' };
    await fetch(`${demo.server.url}/api/v1/creatives`, { method: 'POST', headers, body: JSON.stringify(body) });
    const page = await demo.page();
    await page.goto(`${demo.server.url}/ad-files#key=${OPERATOR_KEY}`);
    await page.waitForSelector('li:has-text("300 × 250"):has-text("Shown by With a file")');
    expect(await page.locator('[aria-label="Delete Picture 300 × 250"]').count()).toBe(0);
    expect(await axeFaultsInBoth(page)).toEqual([]);
    await fitsNarrow(page);
    await screenshot(page, 'files');
    await page.selectOption('#fi-shown', { label: 'those that no ad shows' });
    await page.waitForSelector('li:has-text("300 × 250")', { state: 'detached' });
    page.on('dialog', (dialog) => void dialog.accept());
    await page.click('[aria-label="Delete Picture 301 × 250"]');
    await page.waitForSelector('li:has-text("301 × 250")', { state: 'detached' });
    expect([(await fetch(kept)).status, (await fetch(left)).status]).toEqual([200, 404]);
    await page.selectOption('#fi-shown', { label: 'all' });
    await page.click('a:text-is("With a file")');
    await page.waitForSelector(`h1:text-is("${directory.get('campaign', 15)!.name}")`);
    expect(page.faults).toEqual([]);
    await page.close();
  });

  it('lets a person in by e-mail and password', async () => {
    await demo.server.services.people.create({
      email: 'ann@example.com',
      name: 'Ann',
      password: 'correct horse battery',
      role: 'read_only',
      advertiserId: 1,
    });
    const page = await demo.page();
    await page.goto(demo.server.url);
    await page.click('text=Use e-mail and password');
    await page.fill('#email', 'ann@example.com');
    await page.fill('#password', 'correct horse battery');
    await page.click('button[type=submit]');
    await page.waitForSelector('[data-campaign="10"]');
    expect(await page.textContent('.page-head')).not.toContain('New campaign');
    await page.close();
  });

  it('documents the API without asking another host', async () => {
    const page = await demo.page();
    await page.goto(`${demo.server.url}/docs/`);
    await page.waitForSelector('[data-path="/api/v1/campaigns/{id}/funnel"]');
    expect(page.foreign).toEqual([]);
    expect(page.faults).toEqual([]);
    await page.close();
  });

  it('shows operators how bidding goes', async () => {
    const page = await demo.page();
    await sendBidStats(demo.server.log);
    await page.goto(`${demo.server.url}/operations#key=${OPERATOR_KEY}`);
    await expect.poll(() => page.textContent('[data-kpi=rps]')).toBe('500');
    await expect.poll(() => page.textContent('[data-kpi=p99]')).toBe('2.40 ms');
    const noteOf = (name: string) => page.textContent(`.card:has([data-kpi=${name}])`);
    expect(await noteOf('p99'), 'as the server is configured').toContain('promised 25.0 ms');
    expect(await noteOf('errors')).toContain('promised at most 0.2% of requests');
    expect(await page.textContent('[data-kpi=lag]')).toBe('215');
    expect(await noteOf('lag')).toContain('an alert past 2,000');
    expect(await page.textContent('[data-store=queries]')).toBe('21 ms / 84 ms / 140 ms');
    expect(await page.textContent('[data-store=disk]')).toBe('61.4 GB of 120 GB (51%)');
    expect(await page.textContent('[data-store=last-error]')).toContain('TIMEOUT_EXCEEDED');
    expect(await page.textContent('[data-table=events]')).toContain('10,204,118');
    await screenshot(page, 'operations', true);
    await marksWhatIsNotKept(page);
    page.on('dialog', (dialog) => void dialog.accept());
    await page.fill('#ki-scope', 'campaign:14');
    await page.fill('#ki-reason', 'the landing page is down');
    await page.click('text=Stop bidding');
    await page.waitForSelector('text=is stopped: the landing page is down');
    expect(demo.server.services.directory.switches().find((item) => item.on)?.scope).toBe('campaign:14');
    await page.click('[aria-label="Resume campaign:14"]');
    await expect.poll(() => demo.server.services.directory.switches().some((item) => item.on)).toBe(false);
    expect(page.faults).toEqual([]);
    await page.close();
  });

  it('looks at a file of campaigns before it creates them, and tells where alerts are sent', async () => {
    const page = await demo.page();
    await page.goto(`${demo.server.url}/import#key=${OPERATOR_KEY}`);
    const choose = (text: string) =>
      page.setInputFiles('#im-file', { name: 'c.csv', mimeType: 'text/csv', buffer: Buffer.from(text) });
    await choose('advertiserId,name,dailyBudget\n1,Imported one,10\n1,Imported two,much\n99,Imported three,5\n');
    await page.waitForSelector('[data-field=checked]');
    await expect
      .poll(() => page.textContent('[data-field=checked]'))
      .toContain('one campaign can be created; 2 faults');
    await expect.poll(() => page.textContent('tr:has-text("dailyBudget")')).toContain('3');
    const told = (await page.textContent('[data-field=columns]'))!.trim().split(/,\s+/);
    const exported = await page.evaluate(
      "fetch('/api/v1/campaigns/export?format=csv').then((answer) => answer.text())",
    );
    expect(told, 'the columns are those that an export writes').toEqual(String(exported).split('\r\n')[0]!.split(','));
    await screenshot(page, 'import');
    await choose('advertiserId,name,dailyBudget\n1,Imported one,10\n1,Imported two,20\n');
    await page.click('text=Create them');
    await page.waitForSelector('[data-field=imported]');
    const names = [...demo.server.services.directory.all('campaign')].map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['Imported one', 'Imported two']));
    // An operator refuses an ad; the next look finds it.
    const { directory } = demo.server.services;
    const [lineItemId] = directory.childrenOf('campaign', 13);
    const ad = directory.get('creative', directory.childrenOf('line_item', lineItemId!)[0]!)!;
    const refused = await fetch(`${demo.server.url}/api/v1/creatives/${ad.id}`, {
      method: 'PATCH',
      headers: {
        authorization: `Bearer ${OPERATOR_KEY}`,
        'content-type': 'application/json',
        'if-match': `"v${ad.version}"`,
      },
      body: JSON.stringify({ approval: 'rejected' }),
    });
    expect(refused.status).toBe(200);
    await page.goto(`${demo.server.url}/alerts`);
    await page.waitForSelector(`tr:has-text("was rejected: ${ad.name}"):has-text("lasts")`);
    await page.fill('#wh-url', 'https://pager.example.com/alerts');
    await page.click('text=Add address');
    await page.waitForSelector('[data-secret]');
    await page.waitForSelector('tr:has-text("pager.example.com")');
    await page.evaluate("document.querySelector('[data-secret]').textContent = '…'");
    await screenshot(page, 'alerts');
    expect(page.faults).toEqual([]);
    await page.close();
  });

  it('has no accessibility fault on any page, light and dark, fits a phone, and asks no other host', async () => {
    const page = await demo.page();
    await page.goto(demo.server.loginUrl);
    for (const [path, ready] of pages) {
      await page.waitForSelector('main');
      await page.goto(`${demo.server.url}${path}`);
      await page.waitForSelector(ready);
      expect(await axeFaultsInBoth(page), path).toEqual([]);
      await fitsNarrow(page);
    }
    expect(page.foreign).toEqual([]);
    await page.close();
  });
});

/** The same page of a server that promises more than it keeps, and whose store is away. */
async function marksWhatIsNotKept(page: Page): Promise<void> {
  await page.route('**/events/status', async (route) => {
    const status = (await (await route.fetch()).json()) as Record<string, unknown>;
    const sla = { p99Ms: 2, errorPercent: 0.2, lagRecords: 100 };
    const store = { error: { code: 'store_unavailable', message: 'The store does not answer.' } };
    await route.fulfill({ json: { ...status, sla, store } });
  });
  const marked = 'outside of what is promised';
  await expect.poll(() => page.textContent('[data-kpi=p99]')).toBe(`2.40 ms, ${marked}`);
  expect(await page.textContent('[data-kpi=lag]')).toBe(`215, ${marked}`);
  expect(await page.textContent('[data-kpi=errors]')).toBe('0.0');
  expect(await page.textContent('tr:has-text("0a1b2c3d")')).toContain('no: too slow');
  await page.waitForSelector('text=The store does not answer.');
  await page.unroute('**/events/status');
}

/** Impressions of all campaigns in every summary that the page is sent from now on. */
async function toldImpressions(page: Page): Promise<readonly number[]> {
  const told: number[] = [];
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Network.enable');
  devtools.on('Network.eventSourceMessageReceived', ({ data }) => {
    const { campaigns } = JSON.parse(data) as { campaigns: { today: { impressions: number } }[] };
    told.push(campaigns.reduce((sum, { today }) => sum + today.impressions, 0));
  });
  return told;
}

/** Every page, and what is there once its data is. */
const pages = [
  ['/', '[data-campaign="10"]'],
  ['/campaigns/10', '.funnel'],
  ['/campaigns/new', '#cr-landing'],
  ['/reports', '[data-total=impressions]'],
  ['/alerts', '#wh-url'],
  ['/import', '#im-file'],
  ['/audiences', '#au-name'],
  ['/ad-files', '#fi-shown'],
  ['/keys', '#ke-name'],
  ['/operations', '#ki-scope'],
  ['/nowhere', 'text=There is no such page'],
] as const;
