import { describe, expect, it } from 'vitest';
import { OPERATOR_KEY } from '../api/fakes.case.ts';
import { mp4 } from '../api/media.case.ts';
import { axeFaultsInBoth, fitsNarrow, mustRun, pictureOf, screenshot } from './browser.case.ts';
import { startDemo } from './demo.case.ts';

describe.runIf(mustRun)('the campaign editor in a browser', () => {
  const demo = startDemo();

  it('creates a campaign with its first ad and explains what is refused', async () => {
    const page = await demo.page();
    await page.goto(demo.server.loginUrl);
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
    await page.waitForSelector('[role=alert]:has-text("must be https")');
    await page.fill('#cr-landing', 'https://jackets.example.com/');
    await page.click('text=Create and start');
    await page.waitForSelector('h1:has-text("Winter jackets")');
    const made = [...demo.server.services.directory.all('campaign')].find(
      (campaign) => campaign.name === 'Winter jackets',
    )!;
    expect(made).toMatchObject({ status: 'active', budget: { dailyMicros: 12_500_000 } });
    const lineItem = demo.server.services.directory.get(
      'line_item',
      demo.server.services.directory.childrenOf('campaign', made.id)[0]!,
    )!;
    expect(lineItem.goal).toEqual({ type: 'cpm', bidCpmMicros: 2_750_000 });
    expect(lineItem.targeting.terms).toEqual({ country: { include: ['DEU', 'FRA'], exclude: [] } });
    expect(page.faults.filter((fault) => !fault.includes('422'))).toEqual([]);
    await page.close();
  });

  it('takes and shows times of the advertiser’s zone, in the reader’s locale, wherever the browser is', async () => {
    const headers = { authorization: `Bearer ${OPERATOR_KEY}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ name: 'Berliner Schuhe', currency: 'EUR', timeZone: 'Europe/Berlin' });
    const answer = await fetch(`${demo.server.url}/api/v1/advertisers`, { method: 'POST', headers, body });
    const { id: advertiserId } = (await answer.json()) as { id: number };
    const access = { name: 'Berlin', role: 'advertiser', advertiserId, expiresMs: null } as const;
    const { key } = await demo.server.services.keys.create(access, 'test');
    const page = await demo.page({ locale: 'de-DE', timezoneId: 'America/Los_Angeles' });
    await page.goto(`${demo.server.url}/campaigns/new#key=${key}`);
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
    const made = () => [...demo.server.services.directory.all('campaign')].find(({ name }) => name === 'Frühling')!;
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
    await page.goto(`${demo.server.url}/reports`);
    await expect.poll(() => page.inputValue('#re-zone')).toBe('Europe/Berlin');
    expect(page.faults).toEqual([]);
    await page.close();
  });

  it('edits a line item: clicks, caps, hours; and adds a native ad with an uploaded picture', async () => {
    const page = await demo.page();
    await page.goto(`${demo.server.url}/campaigns/12#key=${OPERATOR_KEY}`);
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
    expect(await axeFaultsInBoth(page)).toEqual([]);
    await fitsNarrow(page);
    await page.click('text=Save line item');
    await page.waitForSelector('td:has-text("$0.40 per click")');
    const { directory } = demo.server.services;
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
      buffer: Buffer.from(String(await page.evaluate(DRAWN)), 'base64'),
    });
    await page.waitForSelector('text=600 × 315');
    await page.fill('#cr-description', 'Jackets that keep the rain out, made to be mended.');
    await page.fill('#cr-sponsoredBy', 'Northwind');
    await page.fill('#cr-callToAction', 'See more');
    await page.fill('#cr-landing', 'https://winter.example.com/');
    await page.frameLocator('.draft iframe').locator('text=Winter is here').waitFor();
    await pictureOf(page, 'form.inset', 'creative');
    expect(await axeFaultsInBoth(page)).toEqual([]);
    await fitsNarrow(page);
    await page.click('text=Save creative');
    await page.waitForSelector('strong:has-text("Winter is here")');
    const made = [...directory.all('creative')].find((creative) => creative.name === 'Winter is here')!;
    expect(made.native).toMatchObject({ title: 'Winter is here', image: { w: 600, h: 315 } });
    expect((await fetch(made.native!.image!.url)).headers.get('content-type')).toBe('image/png');
    expect(page.faults).toEqual([]);
    await page.close();
  });

  it('changes an ad, which then waits for approval again; stops it and takes it off the lists', async () => {
    const { directory, keys } = demo.server.services;
    const access = { name: 'Own', role: 'advertiser', advertiserId: 1, expiresMs: null } as const;
    const { key } = await keys.create(access, 'test');
    const [lineItem] = directory.childrenOf('campaign', 14);
    const ad = () => directory.get('creative', directory.childrenOf('line_item', lineItem!)[0]!)!;
    const before = ad();
    const page = await demo.page();
    await page.goto(`${demo.server.url}/campaigns/14#key=${key}`);
    await page.click(`[aria-label="Edit ${before.name}"]`);
    await page.waitForSelector('#cr-name:focus');
    expect(await page.inputValue('#cr-landing')).toBe(before.landingUrl);
    await page.frameLocator('.draft iframe').locator('body').waitFor();
    await page.fill('#cr-landing', 'http://new.example.com/');
    await page.click('text=Save creative');
    await page.waitForSelector('[role=alert]:has-text("must be https")');
    await page.fill('#cr-landing', 'https://new.example.com/');
    await page.fill('#cr-name', 'Renewed');
    expect(await axeFaultsInBoth(page)).toEqual([]);
    await fitsNarrow(page);
    await page.click('text=Save creative');
    await page.waitForSelector('.creatives li:has(strong:text-is("Renewed")):has-text("pending")');
    expect(ad()).toEqual({
      ...before,
      name: 'Renewed',
      landingUrl: 'https://new.example.com/',
      adomain: ['new.example.com'],
      approval: 'pending',
      version: before.version + 1,
      updatedMs: expect.any(Number),
    });
    await page.click('[aria-label="Pause Renewed"]');
    await page.click('[aria-label="Activate Renewed"]');
    await page.click('[aria-label="Pause Renewed"]');
    page.on('dialog', (dialog) => void dialog.accept());
    await page.click('[aria-label="Archive Renewed"]');
    await page.waitForSelector('strong:text-is("Renewed")', { state: 'detached' });
    expect(ad().status).toBe('archived');
    expect(page.faults.filter((fault) => !fault.includes('422'))).toEqual([]);
    await page.close();
  });

  it('takes videos, sounds and other servers’ tags, shows them before they are saved, and is used by keyboard', async () => {
    const page = await demo.page();
    await page.goto(`${demo.server.url}/campaigns/13#key=${OPERATOR_KEY}`);
    await page.focus('text=Add creative');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#cr-line-item:focus');
    await page.keyboard.press('Escape');
    await page.waitForSelector('button:has-text("Add creative"):focus');
    const add = async (kind: string, landing: string) => {
      await page.keyboard.press('Enter');
      await page.selectOption('#cr-kind', kind);
      await page.fill('#cr-landing', landing);
    };
    const save = async (name: string) => {
      await page.click('text=Save creative');
      await page.waitForSelector(`.creatives strong:has-text("${name}")`);
      await page.waitForSelector('button:has-text("Add creative"):focus');
      return [...demo.server.services.directory.all('creative')].find((creative) => creative.name === name)!;
    };
    await add('video', 'https://film.example.com/');
    await page.setInputFiles('#cr-file', { name: 'a.mp4', mimeType: 'video/mp4', buffer: mp4(21, 640, 360) });
    await page.waitForSelector('text=640 × 360, 21 seconds');
    expect(await page.inputValue('#cr-seconds')).toBe('21');
    await page.waitForSelector('.draft iframe');
    await page.frameLocator('.draft iframe').locator('video').waitFor();
    await page.fill('#cr-skip', '30');
    await page.waitForSelector('text=It ends before it may be skipped');
    await page.fill('#cr-skip', '5');
    expect(await axeFaultsInBoth(page)).toEqual([]);
    await fitsNarrow(page);
    expect(await save('Video 21 s')).toMatchObject({
      format: 'video',
      video: { durationSeconds: 21, skipAfterSeconds: 5, mediaFiles: [{ mime: 'video/mp4', w: 640, h: 360 }] },
    });
    await add('audio', 'https://radio.example.com/');
    await page.setInputFiles('#cr-file', { name: 'a.m4a', mimeType: 'audio/mp4', buffer: mp4(30, 0, 0) });
    await page.waitForSelector('text=30 seconds');
    expect(await save('Audio 30 s')).toMatchObject({
      audio: { durationSeconds: 30, mediaFiles: [{ mime: 'audio/mp4', w: 0, h: 0 }] },
    });
    await add('video', 'https://tag.example.com/');
    await page.selectOption('#cr-from', 'tag');
    await page.fill('#cr-source', 'https://ads.example.org/vast.xml');
    expect(await save('Video 15 s')).toMatchObject({
      video: { vastTagUrl: 'https://ads.example.org/vast.xml', mediaFiles: [] },
    });
    await add('image', 'https://x.example.com/');
    await page.setInputFiles('#cr-file', {
      name: 'a.png',
      mimeType: 'image/png',
      buffer: Buffer.from('not a picture at all'),
    });
    await page.waitForSelector('[role=alert]:has-text("must be a PNG")');
    expect(page.faults.filter((fault) => !fault.includes('422'))).toEqual([]);
    await page.close();
  });
});

/** One transparent pixel. */
const DRAWN = `(() => {
  const canvas = Object.assign(document.createElement('canvas'), { width: 600, height: 315 });
  const pen = canvas.getContext('2d');
  const fill = (colour, path) => { pen.fillStyle = colour; pen.fill(new Path2D(path)); };
  fill('#bcd4ea', 'M0 0h600v315h-600z');
  fill('#7d9fc0', 'M0 250L150 90 260 200 390 60 600 260V315H0z');
  fill('#ffffff', 'M390 60L345 108 372 102 395 122 420 98 440 108zM150 90L112 130 140 126 165 140 184 124z');
  fill('#2f5d50', 'M0 262C160 226 300 300 600 244V315H0z');
  return canvas.toDataURL('image/png').split(',')[1];
})()`;
