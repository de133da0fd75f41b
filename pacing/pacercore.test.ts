import { describe, expect, it } from 'vitest';
import { advertiserSchema, campaignSchema, lineItemSchema } from '../core/campaign.ts';
import { seededRandom } from '../core/random.ts';
import type { BidStats, CampaignChange } from '../core/topics.ts';
import { compressedPacer } from './pacer.ts';
import { createPacerCore } from './pacercore.ts';
import { pacerDefaults } from './pacerstate.ts';
import { diurnalShape, shapeAt, syntheticMarket } from './sim/market.ts';
import type { SimLine } from './sim/simnode.ts';
import { runWorld } from './sim/world.ts';

const DAY = Date.parse('2026-11-24T00:00:00Z');
const HOURS = 3_600_000;
const FIVE_DOLLARS = 5_000_000;

function demo(): CampaignChange[] {
  const advertiser = advertiserSchema.parse({ id: 1, name: 'A' });
  const campaign = campaignSchema.parse({
    id: 10,
    advertiserId: 1,
    name: 'C',
    budget: { dailyMicros: FIVE_DOLLARS },
  });
  const items = [100, 101].map((id) =>
    lineItemSchema.parse({
      id,
      campaignId: 10,
      name: `L${id}`,
      goal: { type: 'cpm', bidCpmMicros: id === 100 ? 2_000_000 : 1_500_000 },
    }),
  );
  return [
    { kind: 'advertiser', entity: advertiser },
    { kind: 'campaign', entity: campaign },
    ...items.map((entity) => ({ kind: 'line_item' as const, entity })),
  ];
}

const lines: SimLine[] = [
  { lineItemId: 100, campaignId: 10, advertiserId: 1, value: (_, i) => (i % 2 === 0 ? 2_000_000 : 0) },
  { lineItemId: 101, campaignId: 10, advertiserId: 1, value: () => 1_500_000 },
];

describe('a campaign of five dollars a day under heavy traffic', () => {
  it('ends at no more than five dollars and follows the plan all day', () => {
    const market = syntheticMarket(
      {
        name: 'day',
        auctions: 30_000,
        startMs: DAY,
        endMs: DAY + 24 * HOURS,
        intensity: (at) => shapeAt(diurnalShape, at),
      },
      seededRandom(1),
    );
    const result = runWorld({
      market,
      changes: demo(),
      lines,
      nodes: 2,
      mode: 'standard',
      firstPrice: false,
      delayMs: 5000,
      noticeLoss: 0,
      random: seededRandom(2),
      pacer: { roundMs: 30_000, leaseMs: 120_000, nodeTimeoutMs: 90_000 },
    });
    const curves = [...result.lines.values()].map((line) => line.byMinute);
    const spent = [...result.lines.values()].reduce((sum, line) => sum + line.deliveredNanos, 0);
    expect(spent).toBeLessThanOrEqual(FIVE_DOLLARS * 1000);
    expect(spent).toBeGreaterThan(0.97 * FIVE_DOLLARS * 1000);
    let sofar = 0;
    let worst = 0;
    let traffic = 0;
    const sum = Array.from({ length: 1440 }, (_, m) => shapeAt(diurnalShape, DAY + m * 60_000)).reduce((a, b) => a + b);
    for (let minute = 0; minute < 1440; minute++) {
      sofar += (curves[0]![minute] ?? 0) + (curves[1]![minute] ?? 0);
      traffic += shapeAt(diurnalShape, DAY + minute * 60_000) / sum;
      worst = Math.max(worst, Math.abs(sofar / (FIVE_DOLLARS * 1000) - traffic));
    }
    expect(worst).toBeLessThan(0.05);
    const status = result.core.status(DAY + 23 * HOURS);
    expect(status.map((one) => one.level)).toEqual(['campaign', 'line_item', 'line_item']);
  }, 60_000);
});

it('has credit for what it bids where the clock is compressed and bidders report every fourth round', () => {
  const endMs = DAY + 24 * HOURS;
  const market = syntheticMarket(
    { name: 'day in three minutes', auctions: 54_000, startMs: DAY, endMs, intensity: () => 1 },
    seededRandom(1),
  );
  const multipliers: number[] = [];
  const result = runWorld({
    market,
    changes: demo(),
    lines,
    nodes: 1,
    mode: 'standard',
    firstPrice: false,
    delayMs: 240_000,
    noticeLoss: 0,
    random: seededRandom(2),
    pacer: compressedPacer(480),
    roundsPerReport: 4,
    onRound: (nowMs, core) => {
      if (nowMs >= DAY + 6 * HOURS && nowMs < DAY + 20 * HOURS)
        multipliers.push(core.levelOf('campaign:10')?.multiplier ?? 1);
    },
  });
  const spent = [...result.lines.values()].reduce((sum, line) => sum + line.deliveredNanos, 0);
  expect(spent).toBeLessThanOrEqual(FIVE_DOLLARS * 1000);
  expect(spent).toBeGreaterThan(0.97 * FIVE_DOLLARS * 1000);
  // Without credit for most auctions the rest of them would be bought at any price.
  expect(multipliers.toSorted((a, b) => a - b)[multipliers.length >> 1]).toBeLessThan(0.85);
}, 60_000);

/** What a bidder says of [fromMs, toMs): every request was one line item 100 matched. */
function reportOf(fromMs: number, toMs: number, requests: number, more: Partial<BidStats> = {}): BidStats {
  return {
    v: 1,
    node: '00000001',
    sequence: toMs,
    fromMs,
    toMs,
    requests,
    answered: 0,
    errors: 0,
    latency: null,
    noBids: {},
    lineItems: [{ lineItemId: 100, campaignId: 10, matched: requests, bids: 0, bidNanos: 0, reasons: {} }],
    cells: [],
    traffic: { level: 0, requests: [] },
    final: false,
    ...more,
  };
}

describe('traffic that bidders tell late', () => {
  /** Ten requests a second for half an hour, told every `everyMs` and heard `lateMs` later. */
  function eligibleRest(everyMs: number, lateMs: number, silentMs = 0): number {
    const core = createPacerCore(pacerDefaults);
    for (const change of demo()) core.change(change);
    core.begin(1);
    const endMs = DAY + silentMs + HOURS / 2;
    for (let nowMs = DAY; nowMs <= endMs; nowMs += 1000) {
      const toMs = nowMs - lateMs;
      const requests = toMs > DAY + silentMs ? everyMs / 100 : 0;
      if ((toMs - DAY) % everyMs === 0 && toMs > DAY) core.stats(reportOf(toMs - everyMs, toMs, requests));
      for (const message of core.round(nowMs)) core.acknowledge(message.owner, message.epoch);
    }
    return core.status(endMs)[0]!.eligibleRest;
  }

  it.each([
    [1000, 0],
    [1000, 8000],
    [7000, 0],
    [5000, 4000],
  ])('is all in the forecast, told every %i ms and heard %i ms late', (everyMs, lateMs) => {
    const rest = (23.5 * HOURS) / 100;
    expect(eligibleRest(everyMs, lateMs) / rest).toBeGreaterThan(0.98);
    expect(eligibleRest(everyMs, lateMs) / rest).toBeLessThan(1.02);
  });

  it('is not measured by the silence before the first request', () => {
    const rest = (20.5 * HOURS) / 100;
    const found = eligibleRest(1000, 0, 3 * HOURS);
    expect(found / rest).toBeGreaterThan(0.95);
    expect(found / rest).toBeLessThan(1.05);
  });
});

describe('bids whose notice is lost while prices are learned, in strict mode', () => {
  it('stay reserved, and yet the line item gets credit to go on', () => {
    const core = createPacerCore({ ...pacerDefaults, resolveAfterMs: Number.POSITIVE_INFINITY });
    for (const change of demo()) core.change(change);
    core.begin(1);
    // Three fifths of the budget, more than may be out at a time while nothing is known, even if most of it is never won.
    const reservedNanos = (600n * BigInt(FIVE_DOLLARS)).toString();
    let cell = '';
    const credit = (nowMs: number): bigint => {
      for (const message of core.round(nowMs)) {
        core.acknowledge(message.owner, message.epoch);
        cell = message.grants[0]?.cell ?? cell;
      }
      const share = core.allocation.share(cell, '00000001');
      return share === undefined || share.untilMs <= nowMs ? 0n : BigInt(share.grantedNanos) - BigInt(reservedNanos);
    };
    let early = 0n;
    for (let nowMs = DAY + 1000; nowMs <= DAY + HOURS; nowMs += 1000) {
      const bids =
        nowMs <= DAY + 60_000 ? { bids: 10, bidNanos: Number(reservedNanos) / 60 } : { bids: 0, bidNanos: 0 };
      const lineItems = [{ lineItemId: 100, campaignId: 10, matched: 10, reasons: {}, ...bids }];
      const cells = cell === '' ? [] : [{ cell, confirmedNanos: '0', reservedNanos }];
      core.stats(reportOf(nowMs - 1000, nowMs, 10, { lineItems, cells }));
      const now = credit(nowMs);
      if (nowMs === DAY + 120_000) early = now;
    }
    expect(early, 'at first their notices may still come').toBeLessThanOrEqual(0n);
    expect(credit(DAY + HOURS)).toBeGreaterThan(0n);
  });
});
