import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BidToken } from '../../core/token.ts';
import { readEvidence, type Seen } from './evidence.ts';
import { createLearner, hashName, type Learner } from './learner.ts';
import { exchangeRow, marketRow, noteBid, shadePrice } from './shading.ts';

const token = (bid: number, change: Partial<BidToken> = {}): BidToken => ({
  bidId: `0badcafe${bid.toString(16).padStart(16, '0')}`,
  bidAtMs: 1,
  capNanos: 2_000_000,
  advertiserId: 1,
  campaignId: 10,
  lineItemId: 100,
  creativeId: 1000,
  billingEvent: 'bill',
  test: false,
  user: '',
  exchange: 'demo',
  dealId: '',
  domain: 'news.example',
  country: '',
  region: '',
  os: '',
  deviceType: 0,
  mtype: 1,
  w: 0,
  h: 0,
  ...change,
});
const event = (type: 'win' | 'bill' | 'loss' | 'impression' | 'click' | 'conversion', detail = '') => ({
  type,
  detail,
  priceNanos: null,
  minToWinNanos: null as number | null,
});

function seen(learner: Learner, level: 0 | 1 | 2 | 3, id: number, domain = 0): Seen {
  const into = { impressions: 0, clicks: 0, conversions: 0 };
  readEvidence(learner.evidence, level, id, domain, into);
  return into;
}

describe('the learner', () => {
  it('counts each event once on every level, and test bids not at all', () => {
    const learner = createLearner({ evidenceBuckets: 64, marketRows: 4 });
    for (let i = 0; i < 2; i++) {
      learner.observe(event('impression'), token(1));
      learner.observe(event('click'), token(1));
      learner.observe(event('conversion', 'sale'), token(1));
      learner.observe(event('impression'), token(2, { test: true }));
      learner.observe(event('impression'), token(3, { creativeId: 1001, domain: '' }));
    }
    const all = { impressions: 2, clicks: 1, conversions: 1 };
    expect(seen(learner, 0, 0)).toEqual(all);
    expect(seen(learner, 1, 100)).toEqual(all);
    expect(seen(learner, 2, 1000)).toEqual({ ...all, impressions: 1 });
    expect(seen(learner, 3, 1000, hashName('news.example'))).toEqual({ ...all, impressions: 1 });
    expect(seen(learner, 2, 1001)).toEqual({ impressions: 1, clicks: 0, conversions: 0 });
  });

  it('shades after enough wins and losses, for the market and for its exchange', () => {
    const learner = createLearner({ evidenceBuckets: 64, marketRows: 4 });
    const exchange = hashName('demo');
    const rows = [exchangeRow(exchange), marketRow(learner.shading, exchange, hashName('news.example'), 1)] as const;
    const price = (hash: number) => shadePrice(learner.shading, rows[0], rows[1], 2_000_000, 0, hash);
    expect(price(1)).toBe(2_000_000);
    for (let bid = 0; bid < 1000; bid++) {
      const capNanos = 200_000 + bid * 1800;
      noteBid(learner.shading, rows[0], rows[1], capNanos);
      // Everything above 0.50 CPM wins.
      if (capNanos > 500_000) learner.observe(event('bill'), token(bid, { capNanos }));
      if (capNanos > 500_000) learner.observe(event('win'), token(bid, { capNanos }));
    }
    for (let i = 0; i < 10; i++) learner.publish();
    const shaded = [1, 2, 3, 4, 5, 6, 7, 8, 9].map(price).sort((a, b) => a - b)[4] ?? 0;
    expect(shaded).toBeGreaterThan(450_000);
    expect(shaded).toBeLessThan(800_000);
    learner.fade();
  });

  it('survives any events, and hashes what a token keeps of a name', () => {
    const learner = createLearner({ evidenceBuckets: 1, marketRows: 1, recentEvents: 16 });
    const anyEvent = fc.record({
      type: fc.constantFrom('win', 'bill', 'loss', 'impression', 'click', 'conversion', 'video'),
      detail: fc.string({ maxLength: 5 }),
      priceNanos: fc.option(fc.nat(10 ** 9), { nil: null }),
      minToWinNanos: fc.option(fc.nat(10 ** 9), { nil: null }),
    });
    fc.assert(
      fc.property(anyEvent, fc.nat(50), fc.string(), (any, bid, domain) => {
        learner.observe(any, token(bid, { domain, capNanos: 1 + bid }));
        learner.publish();
      }),
    );
    expect(hashName('a'.repeat(64))).toBe(hashName('a'.repeat(99)));
    expect([hashName(''), hashName('a') === hashName('b')]).toEqual([0, false]);
    expect(learner.memory.every(({ memory }) => memory.byteLength > 0)).toBe(true);
  });
});
