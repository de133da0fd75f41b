/** Buckets: exact below 64 µs, then 32 per doubling, so that a value is known to about 3 %. */
const EXACT = 64;
const PER_DOUBLING = 32;
const DOUBLINGS = 20;
export const HISTOGRAM_BUCKETS = EXACT + PER_DOUBLING * DOUBLINGS;

/** Counts of durations in microseconds. */
export type Histogram = Int32Array<ArrayBuffer>;

export function createHistogram(): Histogram {
  return new Int32Array(HISTOGRAM_BUCKETS);
}

/** @param us microseconds; what is longer than 67 s counts as that */
export function recordUs(histogram: Histogram, us: number): void {
  const bucket = bucketOf(us);
  histogram[bucket] = histogram[bucket]! + 1;
}

export function addHistogram(into: Histogram, from: Histogram): void {
  for (let i = 0; i < HISTOGRAM_BUCKETS; i++) into[i] = into[i]! + from[i]!;
}

/** Percentiles in microseconds: the upper end of the bucket they fall in. @returns null when nothing was recorded */
export function percentilesUs(histogram: Histogram, fractions: readonly number[]): number[] | null {
  let total = 0;
  for (let i = 0; i < HISTOGRAM_BUCKETS; i++) total += histogram[i]!;
  if (total === 0) return null;
  return fractions.map((fraction) => {
    const rank = Math.max(1, Math.ceil(total * fraction));
    let seen = 0;
    for (let i = 0; i < HISTOGRAM_BUCKETS; i++) {
      seen += histogram[i]!;
      if (seen >= rank) return upperUs(i);
    }
    return upperUs(HISTOGRAM_BUCKETS - 1);
  });
}

function bucketOf(us: number): number {
  const value = Math.max(0, us) | 0;
  if (value < EXACT) return value;
  const doubling = 31 - Math.clz32(value) - 6;
  if (doubling >= DOUBLINGS) return HISTOGRAM_BUCKETS - 1;
  return EXACT + doubling * PER_DOUBLING + ((value >>> (doubling + 1)) - PER_DOUBLING);
}

/** The largest value a bucket stands for. */
export function upperUs(bucket: number): number {
  if (bucket < EXACT) return bucket;
  const doubling = Math.floor((bucket - EXACT) / PER_DOUBLING);
  const step = 2 ** (doubling + 1);
  return (((bucket - EXACT) % PER_DOUBLING) + PER_DOUBLING + 1) * step - 1;
}
