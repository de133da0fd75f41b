import type { Truth } from '../market/ledger.ts';
import { noticeKinds } from '../market/ledger.ts';
import type { Latencies } from '../send/latencies.ts';
import type { LatencySummary, TruthRow } from './result.ts';

export function summaryOf(latencies: Latencies): LatencySummary {
  const at = (percentile: number): number => latencies.percentileMs(percentile);
  return {
    count: latencies.count,
    meanMs: latencies.meanMs,
    p50Ms: at(50),
    p75Ms: at(75),
    p90Ms: at(90),
    p95Ms: at(95),
    p99Ms: at(99),
    p999Ms: at(99.9),
    p9999Ms: at(99.99),
    maxMs: latencies.maxMs,
  };
}

/** Percentiles at ever finer steps, eight for each halving of what is left above: the usual HDR plot. */
export function spectrumOf(latencies: Latencies): readonly (readonly [number, number])[] {
  if (latencies.count === 0) return [];
  const points: (readonly [number, number])[] = [];
  for (let half = 0; half < 24; half++) {
    const above = 100 / 2 ** half;
    for (let step = 0; step < 8; step++) {
      const percentile = 100 - above + (above / 16) * step;
      points.push([percentile, latencies.percentileMs(percentile)]);
    }
    if ((above / 100) * latencies.count < 1) break;
  }
  points.push([100, latencies.maxMs]);
  return points;
}

export function truthRows(truth: Truth): readonly TruthRow[] {
  return [...truth]
    .map(([campaign, sums]) => ({
      campaign,
      bids: sums.bids,
      counts: Object.fromEntries(noticeKinds.map((kind) => [kind, { ...sums.counts[kind] }])) as TruthRow['counts'],
      spendNanos: String(sums.spendNanos),
      uncertainSpendNanos: String(sums.uncertainSpendNanos),
    }))
    .sort((a, b) => a.campaign.localeCompare(b.campaign, 'en', { numeric: true }));
}
