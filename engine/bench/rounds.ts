/** Numbers of one contestant, one entry a round. */
export type Samples = readonly number[];

export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** Median and extremes; few rounds do not allow percentiles. */
export function spread(samples: Samples): Spread {
  const sorted = [...samples].sort((a, b) => a - b);
  if (sorted.length === 0) return { median: Number.NaN, low: Number.NaN, high: Number.NaN };
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, low: sorted[0]!, high: sorted[sorted.length - 1]! };
}

/**
 * Ratio to a reference, round by round: what disturbs the machine for seconds disturbs both sides of one round, so a
 * ratio is far steadier than a time.
 */
export function ratios(samples: Samples, reference: Samples): number[] {
  return samples.slice(0, reference.length).map((value, i) => value / reference[i]!);
}

/** The order of contestants in a round: turned by one each time, so that none always follows the same neighbour. */
export function orderOf<T>(contestants: readonly T[], round: number): T[] {
  const from = round % contestants.length;
  return [...contestants.slice(from), ...contestants.slice(0, from)];
}
