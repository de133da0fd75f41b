import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { manualClock } from '../../core/clock.ts';
import { cpmToNanos } from '../../core/money.ts';
import { seededRandom } from '../../core/random.ts';
import { originFilter } from '../lane.ts';
import type { Courier, Parcel } from './courier.ts';
import { createLedger } from './ledger.ts';
import { substituteMacros } from './macros.ts';
import type { MarketOptions } from './market.ts';
import { createMarket, defaultMarket } from './market.ts';
import { findUrls } from './markup.ts';

const origin = 'http://127.0.0.1:8080';

function play(options: Partial<MarketOptions>, bids: readonly object[], floorCpm = 0, cur = 'USD') {
  const sent: Parcel[] = [];
  const courier: Courier = {
    accept: (parcel) => {
      sent.push(parcel);
      return true;
    },
    pending: 0,
    counters: { delivered: 0, refused: 0, givenUp: 0, retries: 0, duplicates: 0, shed: 0 },
    finish: async () => {},
    hurry() {},
    close() {},
  };
  const market = createMarket(
    { ...defaultMarket, renderShare: 1, clickShare: 1, ...options },
    {
      clock: manualClock(0),
      random: seededRandom(4),
      courier,
      ledger: createLedger(null),
      isOurs: originFilter(new URL('http://bidder.example:9000/bid')),
    },
  );
  const floors = new Map([
    ['1', cpmToNanos(floorCpm) ?? 0],
    ['2', 0],
  ]);
  const context = { auctionId: 'a1', floors, userAgent: 'UA', ip: '203.0.113.9', userId: 'u1' };
  const body = Buffer.from(JSON.stringify({ id: 'a1', cur, seatbid: [{ seat: 's', bid: bids }] }));
  return { verdict: market.answer(body, context, true), sent, counters: market.counters };
}

const bid = (price: number, more: object = {}) => ({
  id: `b${price}`,
  impid: '1',
  price,
  cid: '7',
  crid: '70',
  adm: `<a href="${origin}/event/click/T"><img src="${origin}/event/imp/T" width=1 height=1></a>`,
  nurl: `${origin}/notice/win/T?price=\${AUCTION_PRICE}`,
  burl: `${origin}/notice/bill/T?price=%24%7BAUCTION_PRICE%7D&c=\${AUCTION_CURRENCY}`,
  lurl: `${origin}/notice/loss/T?loss=\${AUCTION_LOSS}&mtw=\${AUCTION_MIN_TO_WIN}&price=\${AUCTION_PRICE}`,
  ...more,
});

describe('the market', () => {
  it('sends win, bill, impression and then click for a won first-price auction, at the price bid', () => {
    const { verdict, sent } = play({ competitorMedianCpm: 0.001 }, [bid(2.345678)]);
    expect(verdict).toBe('bid');
    expect(sent.map((parcel) => parcel.kind)).toEqual(['win', 'bill', 'impression']);
    expect(sent[0]!.url).toBe(`${origin}/notice/win/T?price=2.345678`);
    expect(sent[1]!.url).toBe(`${origin}/notice/bill/T?price=2.345678&c=USD`);
    expect(sent.map((parcel) => parcel.billing)).toEqual([false, true, false]);
    const click = sent[2]!.follower!;
    expect(click).toMatchObject({ kind: 'click', url: `${origin}/event/click/T`, userAgent: 'UA', ip: '203.0.113.9' });
    expect(click.dueMs).toBeGreaterThan(sent[2]!.dueMs + 900);
  });

  it('lets the second price be the floor or the rival plus a cent, never more than the bid', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9_000_000 }),
        fc.integer({ min: 0, max: 5_000_000 }),
        (priceNanos, floorNanos) => {
          const price = priceNanos / 1_000_000;
          const { sent, counters } = play(
            { auction: 'second', competitorMedianCpm: 0.5 },
            [bid(price)],
            floorNanos / 1_000_000,
          );
          const win = sent.find((parcel) => parcel.kind === 'win');
          if (win === undefined) {
            expect(counters.losses).toBe(1);
            return;
          }
          const paid = cpmToNanos(new URL(win.url).searchParams.get('price')!)!;
          expect(paid).toBe(win.priceNanos);
          expect(paid).toBeLessThanOrEqual(priceNanos);
          expect(paid).toBeGreaterThanOrEqual(Math.min(priceNanos, floorNanos + 10_000));
          expect(BigInt(paid)).toBe(counters.clearedNanos);
        },
      ),
    );
  });

  it('tells the losers why, with the price to beat', () => {
    const { sent, counters } = play({ competitorMedianCpm: 50, competitorSigma: 0 }, [bid(1), bid(2)]);
    expect(counters).toMatchObject({ auctions: 1, wins: 0, losses: 2 });
    expect(sent[0]!.url).toBe(`${origin}/notice/loss/T?loss=102&mtw=50&price=50`);
    const below = play({ competitorMedianCpm: 0.001 }, [bid(1)], 3);
    expect(below.sent[0]!.url).toContain('loss=100&mtw=3');
  });

  it('plays each impression by itself and only the best bid of each can win', () => {
    const { sent, counters } = play({ competitorMedianCpm: 0.001 }, [bid(1), bid(3), bid(2, { impid: '2' })]);
    expect(counters).toMatchObject({ auctions: 2, wins: 2, losses: 1 });
    expect(sent.filter((parcel) => parcel.kind === 'win').map((parcel) => parcel.bidId)).toEqual(['b3', 'b2']);
  });

  it('watches a video to one of its milestones, and tells of each before it', () => {
    const milestones = ['start', 'firstQuartile', 'midpoint', 'thirdQuartile', 'complete'];
    const tracking = milestones.map(
      (event) => `<Tracking event="${event}"><![CDATA[${origin}/event/video/${event}/T]]></Tracking>`,
    );
    const adm = `<VAST version="4.2"><Ad><InLine><Impression>${origin}/event/imp/T</Impression><Creatives><Creative><Linear>
      <TrackingEvents>${tracking.join('')}<Tracking event="mute">${origin}/mute</Tracking></TrackingEvents>
      </Linear></Creative></Creatives></InLine></Ad></VAST>`;
    const kindsOf = (completeShare: number) => {
      const { sent } = play({ competitorMedianCpm: 0.001, clickShare: 0, completeShare }, [bid(2, { adm })]);
      return sent.filter((parcel) => milestones.includes(parcel.kind));
    };
    const whole = kindsOf(1);
    expect(whole.map((parcel) => parcel.kind)).toEqual(milestones);
    expect(whole[1]!.url).toBe(`${origin}/event/video/firstQuartile/T`);
    expect(whole.every((parcel, i) => i === 0 || parcel.dueMs > whole[i - 1]!.dueMs)).toBe(true);
    expect(whole[0]).toMatchObject({ userAgent: 'UA', ip: '203.0.113.9', billing: false });
    const part = kindsOf(0);
    expect(part.length).toBeLessThan(milestones.length);
    expect(part.map((parcel) => parcel.kind)).toEqual(milestones.slice(0, part.length));
  });

  it('calls nobody but the bidder and this machine', () => {
    const elsewhere = {
      nurl: 'https://other.example/win',
      burl: 'http://bidder.example:9000/bill',
      lurl: '',
      adm: '<a href="https://other.example/c"><img src="https://other.example/imp/1" width=1 height=1></a>',
    };
    const { sent, counters } = play({ competitorMedianCpm: 0.001 }, [bid(2, elsewhere)]);
    expect(sent.map((parcel) => parcel.url)).toEqual(['http://bidder.example:9000/bill']);
    expect(counters.foreignUrls).toBe(1);
    const named = originFilter(new URL('http://bidder.example:9000/bid'), [
      'events.bidder.example',
      'track.example:8443',
    ]);
    expect(named('https://events.bidder.example/win')).toBe(true);
    expect(named('https://track.example:8443/win')).toBe(true);
    expect(named('https://track.example/win')).toBe(false);
    expect(named('file://events.bidder.example/win')).toBe(false);
  });

  it('converts clicks and marks robots', () => {
    const conversionUrl = `${origin}/event/conv?click={click}&order={order}`;
    const { sent } = play({ competitorMedianCpm: 0.001, conversionShare: 1, conversionUrl }, [bid(2)]);
    expect(sent[2]!.follower!.follower).toMatchObject({
      kind: 'conversion',
      url: `${origin}/event/conv?click=T&order=b2-a1`,
    });
    const robot = play({ competitorMedianCpm: 0.001, botShare: 1 }, [bid(2)]).sent[2]!;
    expect(robot).toMatchObject({ bot: true });
    expect(robot.userAgent).toContain('Bot');
  });

  it.each<[string, string | object[], string?]>([
    ['bid_without_id', [{ impid: '1', price: 1 }]],
    ['unknown_impid', [bid(1, { impid: '9' })]],
    ['bad_price', [bid(1, { price: '1' })]],
    ['bad_price', [bid(1, { price: -1 })]],
    ['bid_without_id', [null as unknown as object]],
    ['wrong_currency', [bid(1)], 'EUR'],
    ['no_bid', []],
  ])('answers %s for what is no valid response', (verdict, bids, cur) => {
    expect(play({}, bids as object[], 0, cur).verdict).toBe(verdict);
  });

  it('never throws on any JSON', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const market = createMarket(defaultMarket, {
          clock: manualClock(0),
          random: seededRandom(1),
          courier: { accept: () => true } as unknown as Courier,
          ledger: createLedger(null),
          isOurs: () => true,
        });
        const context = { auctionId: 'x', floors: new Map(), userAgent: '', ip: '', userId: '' };
        expect(typeof market.answer(Buffer.from(text), context, true)).toBe('string');
      }),
    );
  });
});

describe('macros', () => {
  const values = {
    auctionId: 'A',
    bidId: 'B',
    impId: 'I',
    seatId: 'S',
    adId: 'C',
    currency: 'USD',
    priceNanos: 1_234_500,
    lossCode: 0,
    minToWinNanos: null,
  };
  it.each([
    ['p=${AUCTION_PRICE}&i=${AUCTION_ID}', 'p=1.2345&i=A'],
    ['p=%24%7BAUCTION_PRICE%7D', 'p=1.2345'],
    ['${AUCTION_PRICE:B64}', 'MS4yMzQ1'],
    ['${AUCTION_MIN_TO_WIN}|${AUCTION_LOSS}', '|0'],
    ['${AUCTION_UNKNOWN} ${CLICK_URL} $AUCTION_PRICE', '${AUCTION_UNKNOWN} ${CLICK_URL} $AUCTION_PRICE'],
  ])('%s', (text, expected) => expect(substituteMacros(text, values)).toBe(expected));
});

describe('URLs in an ad', () => {
  const ours = (url: string): boolean => url.startsWith('http://b/');
  it.each<[string, string, readonly string[], string]>([
    [
      'pixel and image',
      '<a href="http://b/c?x=1&amp;y=2"><img src=http://b/ad.png></a><img width="1" height="1" src="http://b/p">',
      ['http://b/p'],
      'http://b/c?x=1&y=2',
    ],
    ['no pixel', "<img src='http://b/ad.png'>", ['http://b/ad.png'], ''],
    ['hidden', '<img style="display:none" src="http://b/x"><img src="http://b/ad.png">', ['http://b/x'], ''],
    ['foreign', '<a href="http://q/"><img src="http://q/imp/1"></a>', [], ''],
    [
      'VAST',
      '<?xml version="1.0"?>\n<VAST version="4.0"><Ad><InLine><Impression id="a"><![CDATA[ http://b/i ]]></Impression><Impression>http://q/i</Impression><VideoClicks><ClickThrough><![CDATA[http://q/land]]></ClickThrough><ClickTracking>http://b/c</ClickTracking></VideoClicks></InLine></Ad></VAST>',
      ['http://b/i'],
      'http://b/c',
    ],
    [
      'native',
      '{"native":{"imptrackers":["http://b/i"],"eventtrackers":[{"event":1,"method":1,"url":"http://b/j"},{"event":2,"url":"http://b/v"}],"link":{"url":"http://q/","clicktrackers":["http://b/c"]}}}',
      ['http://b/i', 'http://b/j'],
      'http://b/c',
    ],
    ['broken native', '{"native":', [], ''],
  ])('%s', (_, adm, impressions, click) => {
    expect(findUrls(adm, ours)).toMatchObject({ impressions, click });
  });
});
