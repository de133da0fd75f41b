import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Bidder } from './bidder.ts';
import { defaultBidderConfig } from './config.ts';
import { acceptBids, type PrebidRequest } from './prebidserver.case.ts';
import { change, grant, publish, smallInventory } from './testing/inventory.case.ts';
import { createMemoryLog } from './testing/memorylog.case.ts';
import { quietDeps } from './testing/quietdeps.case.ts';

const { startBidder } = (await import(
  new URL('../dist/engine/bidder.js', import.meta.url).href
)) as typeof import('./bidder.ts');

const shop = { landingUrl: 'https://shop.example/', adomain: ['shop.example'], cat: ['IAB18'] };
const cpm = (micros: number) => ({ type: 'cpm' as const, bidCpmMicros: micros });
const inventory = [
  ...smallInventory(),
  change.lineItem({ id: 101, campaignId: 10, goal: cpm(8_000_000) }),
  change.creative({
    id: 1001,
    lineItemId: 101,
    format: 'video',
    video: {
      durationSeconds: 15,
      mediaFiles: [{ url: 'https://cdn.example/v.mp4', mime: 'video/mp4', w: 640, h: 360 }],
    },
    ...shop,
  }),
  change.lineItem({ id: 104, campaignId: 10, goal: cpm(6_000_000) }),
  change.creative({
    id: 1004,
    lineItemId: 104,
    format: 'video',
    video: {
      durationSeconds: 30,
      mediaFiles: [{ url: 'https://cdn.example/w.mp4', mime: 'video/mp4', w: 640, h: 360 }],
    },
    ...shop,
  }),
  change.lineItem({ id: 102, campaignId: 10, goal: cpm(4_000_000) }),
  change.creative({
    id: 1002,
    lineItemId: 102,
    format: 'native',
    native: {
      title: 'Even keel shoes',
      sponsoredBy: 'Shop',
      image: { url: 'https://cdn.example/n.jpg', w: 1200, h: 627 },
      icon: { url: 'https://cdn.example/i.png', w: 80, h: 80 },
    },
    ...shop,
  }),
  change.lineItem({ id: 103, campaignId: 10, goal: cpm(3_000_000) }),
  change.creative({
    id: 1003,
    lineItemId: 103,
    format: 'audio',
    audio: { durationSeconds: 30, mediaFiles: [{ url: 'https://cdn.example/a.mp3', mime: 'audio/mpeg' }] },
    ...shop,
  }),
];

const nativeRequest = JSON.stringify({
  ver: '1.2',
  context: 2,
  plcmttype: 11,
  assets: [
    { id: 1, required: 1, title: { len: 90 } },
    { id: 2, required: 1, img: { type: 3, wmin: 150, hmin: 50 } },
    { id: 3, img: { type: 1, wmin: 50, hmin: 50 } },
    { id: 4, required: 1, data: { type: 1 } },
    { id: 5, data: { type: 2, len: 90 } },
  ],
  eventtrackers: [{ event: 1, methods: [1, 2] }],
});
const media = {
  banner: {
    format: [
      { w: 300, h: 250 },
      { w: 300, h: 600 },
    ],
    w: 300,
    h: 250,
  },
  video: {
    mimes: ['video/mp4'],
    minduration: 5,
    maxduration: 30,
    protocols: [2, 3, 5, 6, 7, 8],
    w: 640,
    h: 360,
    plcmt: 1,
  },
  native: { request: nativeRequest, ver: '1.2' },
  audio: { mimes: ['audio/mpeg', 'audio/mp4'], maxduration: 60, protocols: [9, 10, 13] },
} as const;

/** A request as Prebid Server sends it: its own things in `ext` everywhere, OpenRTB 2.5 or 2.6 places for the rest. */
function requestFor(kinds: readonly (keyof typeof media)[], version: '2.5' | '2.6', more: object = {}): PrebidRequest {
  const schain = { complete: 1, ver: '1.0', nodes: [{ asi: 'pbs.example', sid: '17', hp: 1, rid: 'r' }] };
  const eids = [{ source: 'pubcid.org', uids: [{ id: 'c0ffee', atype: 1, ext: { rtiPartner: 'x' } }] }];
  const older = version === '2.5';
  return {
    id: 'prebid-auction',
    imp: kinds.map((kind, i) => ({
      id: `imp-${i}`,
      tagid: 'slot',
      [kind]: media[kind],
      bidfloor: 0.5,
      bidfloorcur: 'USD',
      secure: 1,
      ext: {
        bidder: { token: 'XXX', bidFloor: 0.5 },
        prebid: { is_rewarded_inventory: 0 },
        data: { pbadslot: '/1/x' },
      },
    })),
    site: { domain: 'www.example.com', page: 'https://www.example.com/', publisher: { id: '1' }, ext: { amp: 0 } },
    device: { ip: '123.123.123.0', ua: 'Mozilla/5.0', sua: { mobile: 0 }, ext: { prebid: {} } },
    user: older ? { id: 'u', ext: { consent: '', eids } } : { id: 'u', consent: '', eids },
    regs: older ? { ext: { gdpr: 0, us_privacy: '1---' } } : { gdpr: 0, us_privacy: '1---', gpp_sid: [-1] },
    source: older ? { tid: 't', ext: { schain } } : { tid: 't', schain },
    ext: { prebid: { channel: { name: 'pbjs', version: '9' }, server: { datacenter: 'eu' } } },
    at: 1,
    tmax: 500,
    cur: ['USD'],
    ...more,
  } as unknown as PrebidRequest;
}

describe('Prebid Server’s rules for a bidder’s answer', () => {
  const log = createMemoryLog();
  let bidder: Bidder;
  let url = '';

  beforeAll(async () => {
    await publish(log, inventory);
    bidder = await startBidder(
      {
        ...defaultBidderConfig,
        port: 0,
        // A shared machine must not make the thread shed what the test counts.
        maxLagMs: 60_000,
        tokenKeys: [{ id: 1, secret: Buffer.from('prebid end-to-end key, 32 bytes!') }],
      },
      quietDeps(log),
    );
    url = `http://127.0.0.1:${bidder.port}/openrtb2/bid/demo`;
    await vi.waitUntil(() => bidder.isReady(), { timeout: 10_000 });
    await grant(log, bidder.node, [100, 101, 102, 103, 104], 100_000_000_000n);
    const everything = requestFor(['banner', 'video', 'native', 'audio'], '2.6');
    await vi.waitUntil(async () => (await ask(everything)).bids.length === 4, { timeout: 10_000 });
  });
  afterAll(() => bidder.stop());

  async function ask(request: PrebidRequest, zipped = false) {
    const body = JSON.stringify(request);
    const answer = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json;charset=utf-8',
        accept: 'application/json',
        'x-openrtb-version': '2.6',
        ...(zipped ? { 'content-encoding': 'gzip' } : {}),
      },
      body: zipped ? gzipSync(body) : body,
    });
    return acceptBids(request, answer.status, await answer.text());
  }

  it.each(['2.5', '2.6'] as const)(
    'are met by banner, video, native and audio, asked as OpenRTB %s',
    async (version) => {
      for (const kind of ['banner', 'video', 'native', 'audio'] as const) {
        const { bids, errors } = await ask(requestFor([kind], version));
        expect([errors, bids.map(({ type }) => type)], kind).toEqual([[], [kind]]);
      }
    },
  );

  it('are met by all formats in one request, plain and compressed', async () => {
    for (const zipped of [false, true]) {
      const { bids, errors } = await ask(requestFor(['banner', 'video', 'native', 'audio'], '2.6'), zipped);
      expect(errors).toEqual([]);
      expect(bids.map(({ type, bid }) => `${bid.impid} ${type}`)).toEqual([
        'imp-0 banner',
        'imp-1 video',
        'imp-2 native',
        'imp-3 audio',
      ]);
    }
  });

  it('are met by the bids of a pod, each for one ad', async () => {
    const request = requestFor(['video'], '2.6');
    const imp = request.imp.map((entry) => ({
      ...entry,
      video: { ...media.video, podid: 'p', poddur: 60, maxseq: 3 },
    }));
    const { bids, errors } = await ask({ ...request, imp });
    expect(errors).toEqual([]);
    expect(bids.map(({ bid }) => [bid.impid, bid.dur, bid.crid])).toEqual([
      ['imp-0', 15, '1001'],
      ['imp-0', 30, '1004'],
    ]);
    expect(new Set(bids.map(({ bid }) => bid.id)).size).toBe(2);
  });

  it('are met without a bid: 204 for a floor that is too high and for a currency we can not convert', async () => {
    const dear = requestFor(['banner'], '2.6');
    const imp = dear.imp.map((entry) => ({ ...entry, bidfloor: 1000 }));
    expect(await ask({ ...dear, imp })).toEqual({ bids: [], errors: [] });
    expect(await ask(requestFor(['banner'], '2.6', { cur: ['XAU'] }))).toEqual({ bids: [], errors: [] });
  });

  it('refuse what is wrong: the checks can fail', () => {
    const request = requestFor(['banner'], '2.6');
    const bid = { id: 'b', impid: 'imp-0', price: 1, crid: 'c', mtype: 1, w: 300 };
    const errorOf = (changes: object, status = 200, cur = 'USD') =>
      acceptBids(request, status, JSON.stringify({ cur, seatbid: [{ bid: [{ ...bid, ...changes }] }] })).errors[0];
    expect(errorOf({})).toBeUndefined();
    expect(errorOf({ w: '300' })).toContain('w is not an integer');
    expect(errorOf({ price: 0 })).toContain('positive');
    expect(errorOf({ impid: 'x' })).toContain('Failed to find imp');
    expect(errorOf({ mtype: 2 })).toContain('not what was asked for');
    expect(errorOf({}, 500)).toContain('500');
    expect(errorOf({}, 200, 'EUR')).toContain('currency');
  });
});
