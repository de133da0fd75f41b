import { beforeEach, describe, expect, it } from 'vitest';
import type { CampaignChange } from '../../core/topics.ts';
import { Catalog } from '../catalog/catalog.ts';
import { defaultProfile, type ExchangeProfile } from '../config.ts';
import { defaultVendor } from '../privacy/decision.ts';
import { RequestScan } from '../request/scan.ts';
import { bannerCreative, change, smallInventory } from '../testing/inventory.case.ts';
import type { AudienceReader } from '../users/audiencereader.ts';
import { createCapPlan } from '../users/caps.ts';
import { createPersonReader } from '../users/person.ts';
import { addEvidence, LEVEL } from '../value/evidence.ts';
import { hashName } from '../value/learner.ts';
import { exchangeRow } from '../value/shading.ts';
import { Auction } from './auction.ts';
import type { BudgetGate } from './gate.ts';
import { blankInsight, type Insight } from './insight.ts';

const NOW = 1_700_000_000_000;
const rich: BudgetGate = {
  load: () => true,
  multiplierPpm: 1_000_000,
  passPpm: 1_000_000,
  highestMultiplierPpm: 1_000_000,
  covers: () => true,
  take: () => true,
  undo: () => {},
};
/** Users whose id ends in an odd number are in audience 5. */
const audiences: AudienceReader = {
  audiencesOf(_hi, lo, out) {
    out[0] = 5;
    return lo % 2;
  },
  refresh() {},
  close: async () => {},
};

describe('an auction that knows people, rates and prices', () => {
  let insight: Insight;
  let refusals: string[];
  const scan = new RequestScan();
  const body = Buffer.alloc(1 << 16);

  beforeEach(() => {
    insight = blankInsight();
    refusals = [];
  });

  function run(
    changes: readonly CampaignChange[],
    request: object,
    profile: ExchangeProfile = defaultProfile,
    gate: BudgetGate = rich,
  ) {
    const catalog = new Catalog(() => 'https://bid.example');
    for (const entry of changes)
      catalog.apply({ change: entry, slot: entry.kind === 'line_item' ? entry.entity.id - 100 : -1 });
    const tally = {
      weigh() {},
      matched() {},
      refused: (line: { item: { id: number } }, reason: string) => void refusals.push(`${line.item.id} ${reason}`),
      bid() {},
    };
    const auction = new Auction(
      catalog,
      gate,
      tally,
      new Map([
        ['USD', 1],
        ['EUR', 1.25],
      ]),
      insight,
      100,
    );
    const imp = { id: '1', banner: { w: 300, h: 250 } };
    const whole = {
      id: 'request',
      imp: [imp],
      site: { domain: 'news.example' },
      user: { buyeruid: 'alice' },
      device: { geo: { country: 'USA' } },
      ...request,
    };
    expect(scan.scan(body, body.write(JSON.stringify(whole)))).toBe(null);
    const decision = auction.run(scan, profile, NOW, () => true);
    return {
      bids: decision.bids.map(({ line, creative, priceNanos }) => [line.item.id, creative.id, priceNanos]),
      reason: decision.reason,
      person: { ...decision.person, user: decision.person.user.slice() },
    };
  }

  const line = (more: object, id = 100) =>
    change.lineItem({ id, campaignId: 10, goal: { type: 'cpm', bidCpmMicros: 2_000_000 }, ...more });
  const twoImps = { imp: ['1', '2'].map((id) => ({ id, banner: { w: 300, h: 250 } })) };

  function shown(changes: readonly CampaignChange[], creativeId = 1000): void {
    const plan = createCapPlan();
    for (const entry of changes) if (entry.kind === 'line_item') plan.set(entry.entity);
    const { user } = run(changes, {}).person;
    plan.count(insight.caps, user, { campaignId: 10, lineItemId: 100, creativeId }, NOW / 1000);
    refusals = [];
  }

  it.each([
    ['a pacer that has not spoken of it', { load: () => false, multiplierPpm: 0 }, 'unpaced'],
    ['a pacer that lets it bid nothing', { multiplierPpm: 0 }, 'pacing'],
    ['a level without credit', { covers: () => false }, 'budget'],
  ])('says that %s keeps it from bidding', (_, more, reason) => {
    expect(run(smallInventory(), {}, defaultProfile, { ...rich, ...more }).reason).toBe(reason);
    expect(refusals).toContain(`100 ${reason}`);
  });

  it('does not bid past a cap, for that user alone', () => {
    const changes = [...smallInventory(), line({ frequencyCaps: [{ impressions: 1, per: 'day' }] })];
    expect(run(changes, {}).bids).toEqual([[100, 1000, 2_000_000]]);
    shown(changes);
    expect(run(changes, {})).toMatchObject({ bids: [], reason: 'frequency_cap' });
    expect(refusals).toEqual(['100 frequency_cap']);
    expect(run(changes, { user: { buyeruid: 'bob' } }).bids).toHaveLength(1);
    expect(run(changes, { user: {} }).bids, 'nobody can be counted').toHaveLength(1);
  });

  it('counts what the same request has already won', () => {
    const once = [...smallInventory(), line({ frequencyCaps: [{ impressions: 1, per: 'hour' }] })];
    expect(run(once, twoImps).bids).toHaveLength(1);
    const campaignWide = [
      ...smallInventory(),
      line({ frequencyCaps: [{ scope: 'campaign', impressions: 1, per: 'hour' }] }),
    ];
    expect(run(campaignWide, twoImps).bids).toHaveLength(1);
    expect(run(smallInventory(), twoImps).bids).toHaveLength(2);
  });

  it('shows another creative when one is capped', () => {
    const changes = [
      ...smallInventory(),
      bannerCreative(1001, 100, 300, 250),
      line({ frequencyCaps: [{ scope: 'creative', impressions: 1, per: 'lifetime' }] }),
    ];
    shown(changes, 1000);
    expect(run(changes, {}).bids).toEqual([[100, 1001, 2_000_000]]);
    shown(changes, 1001);
    expect(run(changes, {}).reason).toBe('frequency_cap');
    expect(new Set(run(changes, { ...twoImps, user: { buyeruid: 'bob' } }).bids.map(([, id]) => id)).size).toBe(2);
  });

  it('matches our audiences and the request’s segments only where privacy allows', () => {
    const people = createPersonReader({
      privacy: { vendor: defaultVendor },
      userSalt: 'salt of the insight test',
      fingerprint: false,
      audiences,
    });
    insight = { ...insight, people };
    const changes = [
      ...smallInventory(),
      line({ targeting: { terms: { segment: { include: ['5', 'data:sport'] } } } }),
    ];
    const users = Array.from({ length: 40 }, (_, i) => run(changes, { user: { buyeruid: `user ${i}` } }));
    for (const { person, bids } of users) expect(bids).toHaveLength(person.user[1]! % 2);
    expect(new Set(users.map(({ bids }) => bids.length)).size).toBe(2);
    const data = [{ id: 'data', segment: [{ id: 'sport' }] }];
    expect(run(changes, { user: { data } }).bids).toHaveLength(1);
    expect(run(changes, { user: { data }, regs: { gdpr: 1 } }).reason).toBe('no_candidates');
  });

  it('uses a precise place only with leave', () => {
    const berlin = { lat: 52.52, lon: 13.405, km: 10 };
    const changes = [...smallInventory(), line({ targeting: { within: [berlin] } })];
    const device = { geo: { country: 'USA', lat: 52.5, lon: 13.4 } };
    expect(run(changes, { device }).bids).toHaveLength(1);
    expect(run(changes, { device: { ...device, lmt: 1 } }).reason).toBe('targeting');
  });

  it('refuses requests without a basis where configured', () => {
    const privacy = { vendor: defaultVendor, withoutBasis: 'no_bid' as const };
    const people = createPersonReader({
      privacy,
      userSalt: 'salt of the insight test',
      fingerprint: false,
      audiences: null,
    });
    insight = { ...insight, people };
    expect(run(smallInventory(), { regs: { coppa: 1 } })).toMatchObject({ bids: [], reason: 'privacy' });
    expect(run(smallInventory(), {}).bids).toHaveLength(1);
  });

  it('values a click by what was learned of the creative on the domain', () => {
    const changes = [
      ...smallInventory(),
      line({ goal: { type: 'cpc', targetMicros: 500_000, maxCpmMicros: 9_000_000 }, exploration: false }),
    ];
    const price = () => run(changes, {}).bids[0]?.[2] ?? 0;
    expect(price()).toBe(500_000);
    for (let i = 0; i < 1000; i++) {
      const outcomes = i % 50 === 0 ? (['impressions', 'clicks'] as const) : (['impressions'] as const);
      for (const outcome of outcomes) {
        addEvidence(insight.evidence, LEVEL.creativeOnDomain, 1000, hashName('news.example'), outcome);
      }
    }
    expect(price()).toBeGreaterThan(2_000_000);
    for (let i = 0; i < 20_000; i++) addEvidence(insight.evidence, LEVEL.all, 0, 0, 'clicks');
    expect(price(), 'never above the highest CPM').toBe(9_000_000);
  });

  it('shades first-price bids alone, in dollars, above the floor, and notes what it sent', () => {
    const { shading } = insight;
    shading.offers.fill(500_000);
    const bids = (request: object) =>
      Array.from({ length: 32 }, (_, i) => run(smallInventory(), { id: `r${i}`, ...request }));
    const prices = (request: object) => bids(request).map((result) => result.bids[0]?.[2]);
    // One in sixteen probes above what was learned.
    expect(prices({}).filter((price) => price === 1_000_000).length).toBeGreaterThan(24);
    expect(new Set(prices({ at: 2 }))).toEqual(new Set([2_000_000]));
    const floored = { imp: [{ id: '1', banner: { w: 300, h: 250 }, bidfloor: 1.6 }] };
    expect(prices(floored).filter((price) => price === 1_600_000).length).toBeGreaterThan(24);
    expect(Math.min(...(prices(floored) as number[]))).toBe(1_600_000);
    const sent = () => shading.bids.subarray(0, 64 * 64).reduce((sum, count) => sum + count, 0);
    expect(sent()).toBe(4 * 32);
    bids({ test: 1 });
    expect(sent()).toBe(4 * 32);
    const row = exchangeRow(hashName('demo')) * 64;
    expect(shading.bids.subarray(row, row + 64).reduce((sum, count) => sum + count, 0)).toBe(4 * 32);
    const euro = [change.advertiser({ id: 1, currency: 'EUR' }), ...smallInventory().slice(1)];
    expect(run(euro, { id: 'r1', ...floored }).bids[0]?.[2], 'a floor of 1.60 dollars is 1.28 euro').toBe(1_280_000);
  });

  it('decides the same for the same request', () => {
    const changes = [
      ...smallInventory(),
      ...Array.from({ length: 9 }, (_, i) => bannerCreative(1001 + i, 100, 300, 250)),
      line({ goal: { type: 'cpc', targetMicros: 500_000, maxCpmMicros: 9_000_000 } }),
    ];
    insight.shading.offers.fill(700_000);
    const ask = (id: string) => run(changes, { id, ...twoImps }).bids;
    const ids = Array.from({ length: 50 }, (_, i) => `r${i}`);
    const first = ids.map(ask);
    expect(ids.map(ask)).toEqual(first);
    expect(new Set(first.flat().map(([, creative]) => creative)).size, 'all new ads are tried').toBe(10);
  });
});
