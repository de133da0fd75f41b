import { VASTParser } from '@dailymotion/vast-client';
import { DOMParser } from '@xmldom/xmldom';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { creativeSchema } from '../../core/campaign.ts';
import { defaultProfile } from '../config.ts';
import { compileCreative } from './compile.ts';
import { createFillings, FILL, fill, templateBytes, writeTemplate } from './template.ts';
import { clockTime } from './vast.ts';

const BASE = 'https://bid.example';
const TOKEN = 'dG9rZW4tb2YtYS1iaWQ';
const fillings = createFillings();

const IMPRESSION = `${BASE}/event/imp/${TOKEN}?price=\${AUCTION_PRICE}&cur=EUR`;

/** The bid's fields as they would stand in a response. */
function fieldsOf(creative: object, profile: object = {}, variant = '', assets = '[]') {
  const parsed = creativeSchema.parse({
    id: 7,
    lineItemId: 1,
    name: 'Creative & <name>',
    landingUrl: 'https://shop.example/?a=1&b="2"',
    adomain: ['shop.example'],
    ...creative,
  });
  const ready = compileCreative(parsed, BASE);
  const template = ready.templateFor({ ...defaultProfile, ...profile }, variant);
  fill(fillings, FILL.token, TOKEN);
  fill(fillings, FILL.assets, assets);
  fill(fillings, FILL.currency, '&cur=EUR');
  fill(fillings, FILL.bidId, '0123456789abcdef01234567');
  fill(fillings, FILL.skipAfter, clockTime(5));
  const out = Buffer.alloc(templateBytes(template, fillings));
  expect(writeTemplate(template, fillings, out, 0)).toBe(out.length);
  return JSON.parse(`{"id":"1"${out.toString()}}`) as Record<string, string> & { w?: number; dur?: number };
}

const file = { url: 'https://cdn.example/v.mp4?a=1&b=2', mime: 'video/mp4', w: 640, h: 360, bitrateKbps: 1200 };
const video = { format: 'video', video: { durationSeconds: 75, skipAfterSeconds: 5, mediaFiles: [file] } };

async function parseVast(xml: string) {
  const errors: string[] = [];
  // The client wants a browser's parser; xmldom reports what a browser would refuse.
  const document = new DOMParser({
    onError: (_: string, message: string) => errors.push(message),
  } as never).parseFromString(xml, 'text/xml');
  const parser = new VASTParser();
  const response = await parser.parseVAST(document as never, { resolveAll: false });
  expect(errors).toEqual([]);
  return response;
}

describe('banner markup', () => {
  it('links the image to our click link, with the exchange’s macro before it', () => {
    const banner = { w: 300, h: 250, imageUrl: 'https://cdn.example/i.png?x=1&y="2"' };
    const bid = fieldsOf({ format: 'banner', banner }, { clickMacro: '%%CLICK%%', clickMacroEncodes: true });
    expect(bid.adm).toContain(`href="%%CLICK%%${encodeURIComponent(`${BASE}/event/click/`)}`);
    expect(bid.adm).toContain('src="https://cdn.example/i.png?x=1&amp;y=&quot;2&quot;"');
    expect(bid.adm).toContain(`src="${BASE}/event/imp/${TOKEN}?price=\${AUCTION_PRICE}&cur=EUR"`);
    expect(bid).toMatchObject({ w: 300, h: 250, mtype: 1, crid: '7', exp: 3600 });
  });

  it('leaves the exchange its macros in our links', () => {
    const bid = fieldsOf({ format: 'banner', banner: { w: 1, h: 1, html: '<b>x</b>' } });
    expect(bid.nurl).toBe(`${BASE}/notice/win/${TOKEN}?price=\${AUCTION_PRICE}&cur=EUR&mbr=\${AUCTION_MBR}`);
    expect(bid.burl).toBe(`${BASE}/notice/bill/${TOKEN}?price=\${AUCTION_PRICE}&cur=EUR&mbr=\${AUCTION_MBR}`);
    expect(bid.lurl).toContain('&loss=${AUCTION_LOSS}&mtw=${AUCTION_MIN_TO_WIN}');
  });

  it('carries the price on the impression too, encoded where that is asked', () => {
    const banner = { format: 'banner', banner: { w: 1, h: 1, html: '<b>x</b>' } };
    const bid = fieldsOf(banner, { billingEvent: 'impression', price: { scheme: 'base64' } });
    expect(bid.burl).toBeUndefined();
    expect(bid.adm).toContain(`/event/imp/${TOKEN}?price=\${AUCTION_PRICE:B64}&cur=EUR`);
  });

  it('leaves every macro of the advertiser’s own markup to the exchange', () => {
    const names = 'ID BID_ID IMP_ID SEAT_ID AD_ID PRICE CURRENCY MBR LOSS MIN_TO_WIN MULTIPLIER IMP_TS PRICE:B64';
    const macros = names.split(' ').map((name) => `\${AUCTION_${name}}`);
    const html = `<img src="https://t.example/?${macros.join('&')}">`;
    expect(fieldsOf({ format: 'banner', banner: { w: 1, h: 1, html } }).adm).toContain(html);
  });

  it('asks for no ratio where prices are encrypted', () => {
    const price = { scheme: 'google', encryptionKey: '', integrityKey: '' };
    const bid = fieldsOf({ format: 'banner', banner: { w: 1, h: 1, html: '<b>x</b>' } }, { price });
    expect(`${bid.nurl}${bid.burl}`).not.toContain('mbr');
  });

  it('puts our click link where the advertiser’s HTML wants it', () => {
    const html = '<a href="${CLICK_URL}">$& $1 buy</a>';
    const bid = fieldsOf({ format: 'banner', banner: { w: 1, h: 1, html } });
    expect(bid.adm).toContain(`<a href="${BASE}/event/click/${TOKEN}">$& $1 buy</a>`);
  });

  it('is valid JSON and never gives a place away, whatever the advertiser wrote', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 200 }),
        fc.constantFrom('\uE001', '\uE002', '"', '\\', ''),
        (text, odd) => {
          const bid = fieldsOf({ format: 'banner', banner: { w: 1, h: 1, html: `<i>${odd}${text}</i>` } });
          expect(bid.adm!.split(TOKEN).length).toBe(2);
        },
      ),
    );
  });
});

describe('VAST', () => {
  it.each(['4.2', '4.1', '4.0', '3.0', '2.0'])('%s inline is read by an independent parser', async (version) => {
    const bid = fieldsOf(video, {}, version);
    expect(bid).toMatchObject({ mtype: 2, dur: 75, w: 640, h: 360 });
    const response = await parseVast(bid.adm!);
    expect(response.version).toBe(version);
    const [ad] = response.ads;
    expect(ad!.impressionURLTemplates.map(({ url }: { url: string }) => url)).toEqual([IMPRESSION]);
    expect(ad!.errorURLTemplates).toEqual([`${BASE}/event/video/${TOKEN}?e=error`]);
    const [creative] = ad!.creatives as unknown as [
      {
        duration: number;
        skipDelay: number;
        mediaFiles: { fileURL: string; mimeType: string; width: number }[];
        trackingEvents: Record<string, string[]>;
        videoClickThroughURLTemplate: { url: string };
      },
    ];
    expect([creative.duration, creative.skipDelay]).toEqual([75, -1]);
    expect(bid.adm!.includes('<AdServingId>0123456789abcdef01234567</AdServingId>')).toBe(version.startsWith('4'));
    expect(creative.mediaFiles).toMatchObject([{ fileURL: file.url, mimeType: 'video/mp4', width: 640 }]);
    for (const event of ['start', 'firstQuartile', 'midpoint', 'thirdQuartile', 'complete']) {
      expect(creative.trackingEvents[event]).toEqual([`${BASE}/event/video/${TOKEN}?e=${event}`]);
    }
    expect(creative.videoClickThroughURLTemplate.url).toBe(`${BASE}/event/click/${TOKEN}`);
  });

  it('lets the viewer skip where that was agreed, and says so', async () => {
    const bid = fieldsOf({ ...video, attr: [3] }, {}, '4.2 skip');
    expect(bid.attr).toEqual([3, 16]);
    const [ad] = (await parseVast(bid.adm!)).ads;
    expect(ad!.creatives).toMatchObject([{ skipDelay: 5 }]);
    expect(fieldsOf(video, {}, '4.2').attr).toBeUndefined();
  });

  it('wraps another server’s tag with our tracking', async () => {
    const vastTagUrl = 'https://tags.example/vast?cb=[CACHEBUSTING]&x=1';
    const bid = fieldsOf({ format: 'video', video: { durationSeconds: 15, vastTagUrl } }, {}, '4.2');
    const document = new DOMParser().parseFromString(bid.adm!, 'text/xml');
    const text = (name: string) => document.getElementsByTagName(name)[0]?.textContent;
    expect(text('VASTAdTagURI')).toBe(vastTagUrl);
    expect(text('Impression')).toBe(IMPRESSION);
    expect(document.getElementsByTagName('Tracking').length).toBe(5);
    expect(text('ClickTracking')).toBe(`${BASE}/event/click/${TOKEN}`);
  });

  it('carries audio', async () => {
    const mediaFiles = [{ url: 'https://cdn.example/a.mp3', mime: 'audio/mpeg', bitrateKbps: 128 }];
    const bid = fieldsOf({ format: 'audio', audio: { durationSeconds: 30, mediaFiles } }, {}, '4.2');
    expect(bid).toMatchObject({ mtype: 3, dur: 30 });
    expect(bid.adm).toContain('<Ad id="7" adType="audio">');
    expect((await parseVast(bid.adm!)).ads.length).toBe(1);
  });

  // No parser of DAAST is to be had; these are the places where it differs from VAST 3.0.
  it('carries audio as DAAST 1.0 for players that know nothing newer', () => {
    const mediaFiles = [{ url: 'https://cdn.example/a.mp3', mime: 'audio/mpeg', bitrateKbps: 128 }];
    const audio = { durationSeconds: 30, mediaFiles };
    const { adm } = fieldsOf({ format: 'audio', audio, cat: ['IAB1-6'] }, {}, 'DAAST 1.0');
    const document = new DOMParser().parseFromString(adm!, 'text/xml');
    const text = (name: string) => document.getElementsByTagName(name)[0]?.textContent;
    expect([document.documentElement?.tagName, document.documentElement?.getAttribute('version')]).toEqual([
      'DAAST',
      '1.0',
    ]);
    expect([text('Category'), text('Duration'), text('MediaFile')]).toEqual(['IAB1-6', '00:00:30', mediaFiles[0]!.url]);
    expect(text('Impression')).toBe(IMPRESSION);
    expect(document.getElementsByTagName('Tracking').length).toBe(5);
    expect(text('AdInteractions')).toBe(`${BASE}/event/click/${TOKEN}`);
    expect(adm).not.toContain('VideoClicks');
    const tag = { durationSeconds: 30, vastTagUrl: 'https://tags.example/daast' };
    const wrapped = fieldsOf({ format: 'audio', audio: tag }, {}, 'DAAST 1.0').adm!;
    expect(wrapped).toContain('<DAASTAdTagURI><![CDATA[https://tags.example/daast]]></DAASTAdTagURI>');
  });

  it('stays well-formed whatever the names and addresses are', async () => {
    const names = fc
      .string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 60 })
      .filter((name) => name.trim() !== '');
    await fc.assert(
      fc.asyncProperty(names, fc.constantFrom(']]>', '<', '&', '"', "'"), async (name, odd) => {
        const mediaFiles = [{ ...file, url: `https://cdn.example/v.mp4?q=${odd}` }];
        const bid = fieldsOf({ ...video, name: name + odd, video: { durationSeconds: 15, mediaFiles } }, {}, '4.2');
        expect((await parseVast(bid.adm!)).ads.length).toBe(1);
      }),
      { numRuns: 50 },
    );
  });
});

describe('native markup', () => {
  const native = { title: 'Title', image: { url: 'https://cdn.example/n.jpg', w: 1200, h: 627 } };
  const assets = JSON.stringify(JSON.stringify([{ id: 1, required: 1, title: { text: 'A "quoted" title' } }])).slice(
    1,
    -1,
  );

  it('is native 1.2 with an event tracker', () => {
    const bid = fieldsOf({ format: 'native', native }, {}, 'bare:trackers', assets);
    const adm = JSON.parse(bid.adm!) as Record<string, unknown>;
    expect(adm).toEqual({
      ver: '1.2',
      assets: [{ id: 1, required: 1, title: { text: 'A "quoted" title' } }],
      link: { url: `${BASE}/event/click/${TOKEN}` },
      eventtrackers: [{ event: 1, method: 1, url: IMPRESSION }],
    });
    expect(bid).toMatchObject({ mtype: 4 });
  });

  it('answers an older placement in its form', () => {
    const bid = fieldsOf({ format: 'native', native }, {}, 'wrapped:legacy', assets);
    expect(JSON.parse(bid.adm!)).toMatchObject({ native: { imptrackers: [IMPRESSION] } });
  });
});
