import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../core/random.ts';
import type { LineResult } from './lineresult.ts';
import { marketCost } from './market.ts';
import { market } from './scenarios.ts';
import { SINGLE_LINE, singleCampaign } from './single.ts';
import { runWorld } from './world.ts';

const AUCTIONS = 6000;

/** A day of one line item that may pay `targetNanos` for a click, with a budget of so much of the market's cost. */
function day(targetNanos: number, budgetShare: number): { line: LineResult; budgetNanos: number } {
  const made = market('goals', {}, AUCTIONS, seededRandom(71));
  const budgetNanos = Math.floor(marketCost(made) * budgetShare);
  const { changes } = singleCampaign(budgetNanos, made);
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
