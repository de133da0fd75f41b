import { type MetricValue, type ReportMetric, reportMetrics } from '../../core/report.ts';
import type { SumMetric } from './reportsql.ts';

/**
 * The value of a metric from the sums it needs. Sums are exact; a ratio is rounded once, at the end.
 * @returns count: number; money: decimal text; ratio: number or null when its denominator is 0
 */
export function metricValue(metric: ReportMetric, sums: ReadonlyMap<SumMetric, bigint>): MetricValue {
  const sum = (name: SumMetric): bigint => sums.get(name) ?? 0n;
  const { kind } = reportMetrics[metric];
  if (kind === 'money') return sum(metric as SumMetric).toString();
  if (kind !== 'ratio') return Number(sum(metric as SumMetric));
  switch (metric) {
    case 'ctr':
      return ratio(sum('clicks'), sum('impressions'));
    case 'frequency':
      return ratio(sum('impressions'), sum('reach'));
    case 'invalidRate':
      return ratio(sum('invalid'), sum('invalid') + sum('accepted'));
    case 'ecpm':
      return ratio(sum('spendNanos'), sum('impressions') * 1_000_000n);
    case 'ecpc':
      return ratio(sum('spendNanos'), sum('clicks') * 1_000_000_000n);
    case 'ecpa':
      return ratio(sum('spendNanos'), sum('conversions') * 1_000_000_000n);
    case 'roas':
      return ratio(sum('revenueMicros') * 1000n, sum('spendNanos'));
    case 'averagePriceCpm':
      return ratio(sum('spendNanos'), sum('wins') * 1_000_000n);
    case 'winRate':
      return ratio(sum('wins'), sum('bids'));
    case 'averageBidCpm':
      return ratio(sum('bidNanos'), sum('bids') * 1_000_000n);
    default:
      return null;
  }
}

function ratio(over: bigint, under: bigint): number | null {
  return under === 0n ? null : Number(over) / Number(under);
}
