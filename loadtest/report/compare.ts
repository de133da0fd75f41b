import type { LoadtestResult } from '../run/result.ts';
import { errorsOf } from '../send/counters.ts';
import { median } from './median.ts';

/** What can be compared: lower is better, except where noted. */
export const comparedMetrics = {
  p50: { read: (result: LoadtestResult) => result.latency.p50Ms, unit: 'ms', higherIsBetter: false },
  p90: { read: (result: LoadtestResult) => result.latency.p90Ms, unit: 'ms', higherIsBetter: false },
  p99: { read: (result: LoadtestResult) => result.latency.p99Ms, unit: 'ms', higherIsBetter: false },
  'p99.9': { read: (result: LoadtestResult) => result.latency.p999Ms, unit: 'ms', higherIsBetter: false },
  max: { read: (result: LoadtestResult) => result.latency.maxMs, unit: 'ms', higherIsBetter: false },
  'answers/s': {
    read: (result: LoadtestResult) => (result.counters.answered / result.measuredMs) * 1000,
    unit: '/s',
    higherIsBetter: true,
  },
  errors: {
    read: (result: LoadtestResult) => errorsOf(result.counters) / Math.max(1, result.counters.sent),
    unit: 'share',
    higherIsBetter: false,
  },
  'bid rate': {
    read: (result: LoadtestResult) => result.counters.bids / Math.max(1, result.counters.answered),
    unit: 'share',
    higherIsBetter: true,
  },
} as const;
export type ComparedMetric = keyof typeof comparedMetrics;

export type Verdict = 'better' | 'worse' | 'same' | 'within noise';

export interface Comparison {
  readonly metric: ComparedMetric;
  /** Medians of each side. */
  readonly before: number;
  readonly after: number;
  /** After divided by before; null when before is 0. */
  readonly ratio: number | null;
  /** How far runs of the same side lie apart, as a share: what a difference must exceed. */
  readonly noise: number;
  readonly verdict: Verdict;
}

/** With one run a side the noise is not known: differences below this share are not called differences. */
const ASSUMED_NOISE = 0.1;
/** Differences smaller than this are not worth a word, whatever the noise. */
const LEAST = 0.02;

/**
 * Compares runs before and after a change. With several runs of each side the noise is the largest deviation of a run
 * from its side's median; a difference counts when it exceeds that noise, and when no run of one side lies inside the
 * other side's range. Runs should be taken in turn (A B A B …), so that a drift of the machine hits both sides.
 */
export function compareRuns(
  before: readonly LoadtestResult[],
  after: readonly LoadtestResult[],
): readonly Comparison[] {
  return (Object.keys(comparedMetrics) as ComparedMetric[]).map((metric) => {
    const { read } = comparedMetrics[metric];
    return compareValues(metric, before.map(read), after.map(read));
  });
}

export function compareValues(metric: ComparedMetric, before: readonly number[], after: readonly number[]): Comparison {
  const [a, b] = [median(before), median(after)];
  const ratio = a === 0 ? null : b / a;
  const single = before.length < 2 || after.length < 2;
  const noise = single ? ASSUMED_NOISE : Math.max(spread(before), spread(after));
  return { metric, before: a, after: b, ratio, noise, verdict: verdictOf(metric, before, after, noise) };
}

function verdictOf(
  metric: ComparedMetric,
  before: readonly number[],
  after: readonly number[],
  noise: number,
): Verdict {
  const [a, b] = [median(before), median(after)];
  if (a === b) return 'same';
  const difference = a === 0 ? Number.POSITIVE_INFINITY : Math.abs(b / a - 1);
  if (difference < LEAST) return 'same';
  const apart = Math.min(...after) > Math.max(...before) || Math.max(...after) < Math.min(...before);
  if (difference <= noise || !apart) return 'within noise';
  return b > a === comparedMetrics[metric].higherIsBetter ? 'better' : 'worse';
}

function spread(values: readonly number[]): number {
  const middle = median(values);
  return middle === 0 ? 0 : Math.max(...values.map((value) => Math.abs(value / middle - 1)));
}
