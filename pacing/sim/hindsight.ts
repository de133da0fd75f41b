import { type Market, marketCost, perMarket } from './market.ts';

/** Times the average cost of a click: at multiplier 1 nearly everything is won. */
const GENEROUS = 6;

/** What one unit of predicted rate is worth in nanos, for a bidder that could buy nearly everything. */
export const valueOfRate = perMarket(
  (market) => (GENEROUS * marketCost(market)) / market.rate.reduce((sum, one) => sum + one, 0),
);

/**
 * The most value a budget could have bought, knowing everything. Second price: auctions by value for money until the
 * budget is spent (no policy can do better). First price: the best constant multiplier.
 */
export function hindsightValue(market: Market, budgetNanos: number, firstPrice: boolean): number {
  return firstPrice ? bestMultiplier(market, budgetNanos) : knapsack(market, budgetNanos);
}

/** Auctions by value for money, the best first. */
const byValueForMoney = perMarket(({ rate, priceNanos }) =>
  Int32Array.from(rate.keys()).sort((a, b) => rate[b]! * priceNanos[a]! - rate[a]! * priceNanos[b]!),
);

function knapsack(market: Market, budgetNanos: number): number {
  let left = budgetNanos;
  let value = 0;
  for (const at of byValueForMoney(market)) {
    const price = market.priceNanos[at]!;
    // The last one counts in part: an upper bound stays an upper bound.
    value += market.rate[at]! * Math.min(1, left / Math.max(1, price));
    left -= price;
    if (left <= 0) break;
  }
  return value;
}

function bestMultiplier(market: Market, budgetNanos: number): number {
  const worth = valueOfRate(market);
  const run = (multiplier: number): { cost: number; value: number } => {
    let cost = 0;
    let value = 0;
    for (let i = 0; i < market.rate.length; i++) {
      const bid = worth * multiplier * market.rate[i]!;
      if (bid <= market.priceNanos[i]!) continue;
      cost += bid;
      value += market.rate[i]!;
    }
    return { cost, value };
  };
  let low = 0;
  let high = 1;
  for (let step = 0; step < 40; step++) {
    const middle = (low + high) / 2;
    if (run(middle).cost <= budgetNanos) low = middle;
    else high = middle;
  }
  return run(low).value;
}
