import { type Market, minutesOf } from './market.ts';

/** What one line item came to. */
export interface LineResult {
  /** What the exchange charged, whether we heard of it or not. */
  deliveredNanos: number;
  /** What was billed by a notice. */
  billedNanos: number;
  wins: number;
  clicks: number;
  value: number;
  /** Delivered by minute of the auction. */
  readonly byMinute: Float64Array;
}

export function newResult(market: Market): LineResult {
  return {
    deliveredNanos: 0,
    billedNanos: 0,
    wins: 0,
    clicks: 0,
    value: 0,
    byMinute: new Float64Array(minutesOf(market)),
  };
}

/** An auction was won for `nanos`. */
export function deliverWin(result: LineResult, market: Market, index: number, nanos: number): void {
  result.deliveredNanos += nanos;
  result.wins++;
  result.clicks += market.click[index]!;
  result.value += market.rate[index]!;
  const minute = Math.floor((market.atMs[index]! - market.startMs) / 60_000);
  result.byMinute[minute] = result.byMinute[minute]! + nanos;
}
