/**
 * Counts by value, ascending: `values[i]` µs (the lowest of its bucket, the last the largest itself) was recorded
 * `counts[i]` times. Plain arrays, so that a sender thread can hand them over without encoding anything.
 */
export interface LatencyCounts {
  readonly values: Uint32Array;
  readonly counts: Uint32Array;
}

/**
 * What a sender records into while it sends: a fraction of the cost of a call into WebAssembly, and no garbage. Plain data, not
 * an object with its own functions: code compiled for one recorder is then right for the next, so that nothing is compiled
 * anew when a warm-up ends and another recorder takes over.
 */
export interface Recorder {
  readonly buckets: Uint32Array;
  /** Buckets that are not 0. */
  used: number;
  highest: number;
  highestUs: number;
}

/** Longest time recorded, µs: ten minutes. */
export const HIGHEST_US = 600_000_000;
/** Three significant digits: 2,048 steps of 1 µs, then ever 1,024 steps for each doubling. */
const STEPS_BITS = 11;
const HALF = 1 << (STEPS_BITS - 1);

/** The buckets are those of an HDR histogram of whole microseconds with three digits: adding them up there loses nothing. */
export function createRecorder(): Recorder {
  return { buckets: new Uint32Array(bucketOf(HIGHEST_US) + 1), used: 0, highest: -1, highestUs: 0 };
}

export function recordMs(recorder: Recorder, ms: number): void {
  const { buckets } = recorder;
  const us = Math.min(HIGHEST_US, Math.max(1, Math.round(ms * 1000)));
  const bucket = bucketOf(us);
  if (buckets[bucket]! === 0) recorder.used += 1;
  buckets[bucket]! += 1;
  if (us > recorder.highestUs) {
    recorder.highestUs = us;
    recorder.highest = bucket;
  }
}

/** What was recorded since the last call. */
export function takeCounts(recorder: Recorder): LatencyCounts {
  const { buckets, used, highest, highestUs } = recorder;
  const values = new Uint32Array(used);
  const counts = new Uint32Array(used);
  for (let bucket = 0, at = 0; bucket <= highest; bucket++) {
    const count = buckets[bucket]!;
    if (count === 0) continue;
    values[at] = lowestOf(bucket);
    counts[at] = count;
    at += 1;
  }
  if (used > 0) values[used - 1] = highestUs;
  buckets.fill(0, 0, highest + 1);
  recorder.used = 0;
  recorder.highest = -1;
  recorder.highestUs = 0;
  return { values, counts };
}

function bucketOf(us: number): number {
  const doublings = Math.max(0, 32 - STEPS_BITS - Math.clz32(us));
  return doublings * HALF + (us >>> doublings);
}

function lowestOf(bucket: number): number {
  const doublings = Math.max(0, Math.floor(bucket / HALF) - 1);
  return (bucket - doublings * HALF) * 2 ** doublings;
}
