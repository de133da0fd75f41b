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
  return firstPrice ? byValueForMoney(market).value[bestCount(market, budgetNanos)]! : knapsack(market, budgetNanos);
}

/** Auctions by value for money, the best first, and what the best so many of them come to. */
const byValueForMoney = perMarket(({ rate, priceNanos }) => {
  const order = Int32Array.from(rate.keys()).sort((a, b) => rate[b]! * priceNanos[a]! - rate[a]! * priceNanos[b]!);
  const cost = new Float64Array(order.length + 1);
  const value = new Float64Array(order.length + 1);
  for (let k = 0; k < order.length; k++) {
    cost[k + 1] = cost[k]! + priceNanos[order[k]!]!;
    value[k + 1] = value[k]! + rate[order[k]!]!;
  }
  return { order, cost, value };
});

/** The largest k below `count` + 1 for which `fits` holds, where it holds up to some k. */
function largest(count: number, fits: (k: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (fits(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

function knapsack(market: Market, budgetNanos: number): number {
  const { order, cost, value } = byValueForMoney(market);
  const whole = largest(order.length, (k) => cost[k]! <= budgetNanos);
  if (whole === order.length) return value[whole]!;
  // The last one counts in part: an upper bound stays an upper bound.
  const next = order[whole]!;
  return value[whole]! + (market.rate[next]! * (budgetNanos - cost[whole]!)) / Math.max(1, market.priceNanos[next]!);
}

/** The auctions hindsight buys, as many whole ones as the budget is enough for. */
export function hindsightPicks(market: Market, budgetNanos: number, firstPrice: boolean): Int32Array {
  const { order, cost } = byValueForMoney(market);
  const count = firstPrice ? bestCount(market, budgetNanos) : largest(order.length, (k) => cost[k]! <= budgetNanos);
  return order.subarray(0, count);
}

/** At one multiplier for all, the best so many auctions are won by paying a little more than the worst of them asks. */
function bestCount(market: Market, budgetNanos: number): number {
  const { order, value } = byValueForMoney(market);
  const worth = valueOfRate(market);
  const asks = (k: number): number => (k === 0 ? 0 : market.priceNanos[order[k - 1]!]! / market.rate[order[k - 1]!]!);
  const most = largest(order.length, (k) => asks(k) <= worth);
  let count = largest(most, (k) => asks(k) * value[k]! <= budgetNanos);
  // Auctions that ask the same are won together or not at all.
  while (count > 0 && count < order.length && asks(count) === asks(count + 1)) count--;
  return count;
}
