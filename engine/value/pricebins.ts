import type { Nanos } from '../../core/money.ts';

/** Prices are learned in bins of equal ratio: 64 bins from a CPM of 0.01 to 100, each 15.7 % wide. */
export const BINS = 64;
const LOWEST: Nanos = 10_000;
const RATIO = 10_000 ** (1 / (BINS - 1));
const LOG_RATIO = Math.log(RATIO);

/** The price in the middle of each bin (by ratio). */
export const binPrice = Float64Array.from({ length: BINS }, (_, bin) => LOWEST * RATIO ** bin);

/** The bin of a price; what is below the first or above the last belongs to it. */
export function binOf(nanos: Nanos): number {
  if (nanos <= LOWEST) return 0;
  return Math.min(BINS - 1, Math.round(Math.log(nanos / LOWEST) / LOG_RATIO));
}

/** The position of a price between the bins, as a fraction: 2.25 is a quarter of the way from bin 2 to bin 3. */
export function binPosition(nanos: Nanos): number {
  if (nanos <= LOWEST) return 0;
  return Math.min(BINS - 1, Math.log(nanos / LOWEST) / LOG_RATIO);
}
