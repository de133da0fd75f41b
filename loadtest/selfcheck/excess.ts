import type { LatencyCounts } from '../send/recorder.ts';

/** Values in µs, each recorded so many times, as plain data. */
export type Tally = readonly (readonly [valueUs: number, count: number])[];

/** Adds what was recorded to a sum by value. */
export function addToTally(sum: Map<number, number>, { values, counts }: LatencyCounts): void {
  for (const [i, value] of values.entries()) sum.set(value, (sum.get(value) ?? 0) + counts[i]!);
}

/**
 * What `measured` has beyond `control`, at a percentile: the least time for which, and for every longer one, the share of
 * `measured` above it exceeds the share of `control` above it by no more than `100 − percentile` %. Where the control has
 * nothing that long, that is the percentile itself. It is right when what the two share is rare and comes on top.
 * @returns ms; NaN when either is empty
 */
export function excessMs(measured: Tally, control: Tally, percentile: number): number {
  const total = (tally: Tally): number => tally.reduce((sum, [, count]) => sum + count, 0);
  const [all, allControl] = [total(measured), total(control)];
  if (all === 0 || allControl === 0) return Number.NaN;
  const steps = [
    ...measured.map(([value, count]) => [value, count / all] as const),
    ...control.map(([value, count]) => [value, -count / allControl] as const),
  ].toSorted((a, b) => b[0] - a[0]);
  let above = 0;
  for (let i = 0; i < steps.length; ) {
    const value = steps[i]![0];
    // Of equal values all count at once.
    for (; i < steps.length && steps[i]![0] === value; i++) above += steps[i]![1];
    if (above > 1 - percentile / 100 + 1e-12) return value / 1000;
  }
  return 0;
}
