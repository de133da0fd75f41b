import { describe, expect, it } from 'vitest';
import { lineItemSchema } from '../../core/campaign.ts';
import { seededRandom } from '../../core/random.ts';
import type { CampaignChange } from '../../core/topics.ts';
import type { LineResult } from './lineresult.ts';
import { marketCost } from './market.ts';
import { market } from './scenarios.ts';
import { SINGLE_LINE, singleCampaign } from './single.ts';
import { runWorld } from './world.ts';

const AUCTIONS = 6000;

/** A day of one line item that may pay `targetNanos` for a click, with a budget of so much of the market's cost. */
function day(
  targetNanos: number,
  budgetShare: number,
  goal: (change: CampaignChange) => CampaignChange = (change) => change,
): { line: LineResult; budgetNanos: number } {
  const made = market('goals', {}, AUCTIONS, seededRandom(71));
  const budgetNanos = Math.floor(marketCost(made) * budgetShare);
  const changes = singleCampaign(budgetNanos, made).changes.map(goal);
  const value = (_: unknown, index: number): number => targetNanos * made.rate[index]!;
  const result = runWorld({
    market: made,
    changes,
    lines: [{ lineItemId: SINGLE_LINE, campaignId: 10, advertiserId: 1, value }],
    nodes: 1,
    mode: 'standard',
    firstPrice: false,
    delayMs: 10_000,
    noticeLoss: 0,
    random: seededRandom(72),
    pacer: { roundMs: 60_000, leaseMs: 240_000, nodeTimeoutMs: 180_000, resolveAfterMs: 60_000 },
  });
  return { line: result.lines.get(SINGLE_LINE)!, budgetNanos };
}

/** About what a click costs on this market on average. */
const CLICK_NANOS = 1e9;

/** One click in so many is followed by an order. */
const CLICKS_PER_ORDER = 20;
/** The same line item with a goal of so much per order: what an auction is worth then is that ÷ CLICKS_PER_ORDER per click. */
function perOrder(targetNanos: number): (change: CampaignChange) => CampaignChange {
  return (change) => {
    if (change.kind !== 'line_item') return change;
    const { goal } = change.entity;
    const maxCpmMicros = goal.type === 'cpm' ? goal.bidCpmMicros : goal.maxCpmMicros;
    const cpa = { type: 'cpa', targetMicros: Math.floor(targetNanos / 1000), maxCpmMicros, conversionType: 'order' };
    return { kind: 'line_item', entity: lineItemSchema.parse({ ...change.entity, goal: cpa }) };
  };
}

describe('a cost per action goal and a budget', () => {
  it('lets the goal win where it is the tighter: no order is paid above it, and money is left', () => {
    const target = 0.6 * CLICK_NANOS * CLICKS_PER_ORDER;
    const { line, budgetNanos } = day(target / CLICKS_PER_ORDER, 1 / 2, perOrder(target));
    const orders = line.value / CLICKS_PER_ORDER;
    expect(orders).toBeGreaterThan(0.005);
    expect(line.deliveredNanos / orders).toBeLessThan(target);
    expect(line.deliveredNanos).toBeLessThan(0.9 * budgetNanos);
  });

  it('lets the budget win where it is the tighter: it is spent, for less than the goal allows', () => {
    const target = 3 * CLICK_NANOS * CLICKS_PER_ORDER;
    const { line, budgetNanos } = day(target / CLICKS_PER_ORDER, 1 / 16, perOrder(target));
    expect(line.deliveredNanos).toBeLessThanOrEqual(budgetNanos);
    expect(line.deliveredNanos).toBeGreaterThan(0.97 * budgetNanos);
    expect((CLICKS_PER_ORDER * line.deliveredNanos) / line.value).toBeLessThan(target / 3);
  });
});

describe('a cost per click goal and a budget', () => {
  it('lets the goal win where it is the tighter: no click is paid above it, and money is left', () => {
    const { line, budgetNanos } = day(0.6 * CLICK_NANOS, 1 / 2);
    expect(line.value).toBeGreaterThan(0.1);
    expect(line.deliveredNanos / line.value).toBeLessThan(0.6 * CLICK_NANOS);
    expect(line.deliveredNanos).toBeLessThan(0.9 * budgetNanos);
  });

  it('lets the budget win where it is the tighter: it is spent, for less than the goal allows', () => {
    const { line, budgetNanos } = day(3 * CLICK_NANOS, 1 / 16);
    expect(line.deliveredNanos).toBeLessThanOrEqual(budgetNanos);
    expect(line.deliveredNanos).toBeGreaterThan(0.97 * budgetNanos);
    expect(line.deliveredNanos / line.value).toBeLessThan(CLICK_NANOS);
  });
});
