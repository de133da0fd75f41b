import type { Random } from '../../core/random.ts';

/** Auctions in order of time. Arrays of one length; prices in nanos of one impression. */
export interface Market {
  readonly name: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly atMs: Float64Array;
  /** The highest competing bid: we win by bidding more. */
  readonly priceNanos: Float64Array;
  /** Predicted click rate, and whether a click would follow. */
  readonly rate: Float64Array;
  readonly click: Uint8Array;
  /** Relative traffic of the 96 quarter-hours of a day that a forecaster may know beforehand. */
  readonly knownShape: readonly number[];
}

export interface SyntheticOptions {
  readonly name: string;
  readonly auctions: number;
  readonly startMs: number;
  readonly endMs: number;
  /** Traffic at an instant relative to others; the auctions are spread by it. */
  readonly intensity: (atMs: number) => number;
  /** Factor on prices at an instant. */
  readonly priceFactor?: (atMs: number) => number;
  readonly clickFactor?: (atMs: number) => number;
  readonly knownShape?: readonly number[];
}

const QUARTER_MS = 900_000;
/** A median CPM of 0.60 and a spread as real logs have: log-normal with sigma 0.8. */
const MEDIAN_PRICE = 600_000;
const PRICE_SIGMA = 0.8;
const MEDIAN_RATE = 0.0006;
const RATE_SIGMA = 0.7;
/** Prices follow value a little: what is worth more to us is worth more to others. */
const PRICE_RATE_CORRELATION = 0.3;

/** A synthetic market: log-normal prices and click rates, traffic by the given intensity. */
export function syntheticMarket(options: SyntheticOptions, random: Random): Market {
  const { auctions, startMs, endMs } = options;
  const atMs = spread(options, random);
  const priceNanos = new Float64Array(auctions);
  const rate = new Float64Array(auctions);
  const click = new Uint8Array(auctions);
  for (let i = 0; i < auctions; i++) {
    const common = gaussian(random);
    const own = gaussian(random);
    const z = PRICE_RATE_CORRELATION * common + Math.sqrt(1 - PRICE_RATE_CORRELATION ** 2) * own;
    const factor = options.priceFactor?.(atMs[i]!) ?? 1;
    priceNanos[i] = Math.max(1, Math.round(MEDIAN_PRICE * factor * Math.exp(PRICE_SIGMA * z)));
    rate[i] = Math.min(0.2, MEDIAN_RATE * (options.clickFactor?.(atMs[i]!) ?? 1) * Math.exp(RATE_SIGMA * common));
    click[i] = random.next() < rate[i]! ? 1 : 0;
  }
  return {
    name: options.name,
    startMs,
    endMs,
    atMs,
    priceNanos,
    rate,
    click,
    knownShape: options.knownShape ?? diurnalShape,
  };
}

/** Times of auctions drawn from the intensity, by inverting its sum over minutes. */
function spread(options: SyntheticOptions, random: Random): Float64Array {
  const { auctions, startMs, endMs, intensity } = options;
  const stepMs = 60_000;
  const steps = Math.ceil((endMs - startMs) / stepMs);
  const sums = new Float64Array(steps + 1);
  for (let i = 0; i < steps; i++) sums[i + 1] = sums[i]! + Math.max(0, intensity(startMs + (i + 0.5) * stepMs));
  const draws = new Float64Array(auctions);
  for (let i = 0; i < auctions; i++) draws[i] = random.next() * sums[steps]!;
  draws.sort();
  const times = new Float64Array(auctions);
  let step = 0;
  for (let i = 0; i < auctions; i++) {
    while (step < steps - 1 && sums[step + 1]! < draws[i]!) step++;
    const inside = (draws[i]! - sums[step]!) / Math.max(1e-12, sums[step + 1]! - sums[step]!);
    times[i] = Math.min(endMs - 1, startMs + (step + inside) * stepMs);
  }
  return times;
}

/** A standard normal number (Box and Muller). */
export function gaussian(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
}

/** Day and night, the peak in the evening: what is assumed of a day when nothing is known. */
export const diurnalShape: readonly number[] = Array.from(
  { length: 96 },
  (_, slot) => 1 + 0.7 * Math.sin(((slot / 96) * 24 - 13) * (Math.PI / 12)),
);

/** Relative traffic at an instant by the shape of a UTC day. */
export function shapeAt(shape: readonly number[], atMs: number): number {
  return shape[Math.floor(atMs / QUARTER_MS) % 96] ?? 1;
}

/** What follows from a market alone is worked out once, however many methods and budgets are played in it. */
export function perMarket<T>(work: (market: Market) => T): (market: Market) => T {
  const known = new WeakMap<Market, { readonly result: T }>();
  return (market) => {
    let found = known.get(market);
    if (found === undefined) {
      found = { result: work(market) };
      known.set(market, found);
    }
    return found.result;
  };
}

/** What the whole market would cost: every auction won, at second price. */
export const marketCost = perMarket((market) => market.priceNanos.reduce((sum, one) => sum + one, 0));

/** Minutes of a market, the last one perhaps cut short. */
export function minutesOf(market: Market): number {
  return Math.ceil((market.endMs - market.startMs) / 60_000);
}
