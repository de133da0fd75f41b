/**
 * A histogram of durations with a relative error below 1 %: 128 buckets per doubling, from 1 µs to about 67 s. Fixed
 * memory, no allocation while recording, unlike a list of samples.
 */
export interface LatencyHistogram {
  record(ms: number): void;
  /** @param share 0.99 for the 99th percentile @returns milliseconds, 0 when empty */
  at(share: number): number;
  readonly count: number;
  readonly maxMs: number;
  reset(): void;
}

const PER_DOUBLING = 128;
const DOUBLINGS = 26;

export function createLatencyHistogram(): LatencyHistogram {
  const buckets = new Float64Array(PER_DOUBLING * DOUBLINGS + 1);
  let count = 0;
  let maxMs = 0;
  return {
    record(ms) {
      const us = ms * 1000;
      const bucket = us <= 1 ? 0 : Math.min(buckets.length - 1, Math.floor(Math.log2(us) * PER_DOUBLING));
      buckets[bucket]!++;
      count++;
      if (ms > maxMs) maxMs = ms;
    },
    at(share) {
      if (count === 0) return 0;
      let left = Math.max(1, Math.ceil(count * share));
      for (let i = 0; i < buckets.length; i++) {
        left -= buckets[i]!;
        if (left <= 0) return Math.min(maxMs, 2 ** ((i + 1) / PER_DOUBLING) / 1000);
      }
      return maxMs;
    },
    get count() {
      return count;
    },
    get maxMs() {
      return maxMs;
    },
    reset() {
      buckets.fill(0);
      count = 0;
      maxMs = 0;
    },
  };
}
