import { type MetricValue, type ReportMetric, reportMetrics } from '../../core/report.ts';

/** Metrics that are computed from sums: over × times ÷ (under × per). */
const ratios = {
  ctr: { over: 'clicks', under: ['impressions'], times: 1n, per: 1n },
  frequency: { over: 'impressions', under: ['reach'], times: 1n, per: 1n },
  invalidRate: { over: 'invalid', under: ['invalid', 'accepted'], times: 1n, per: 1n },
  ecpm: { over: 'spendNanos', under: ['impressions'], times: 1n, per: 1_000_000n },
  ecpc: { over: 'spendNanos', under: ['clicks'], times: 1n, per: 1_000_000_000n },
  ecpa: { over: 'spendNanos', under: ['conversions'], times: 1n, per: 1_000_000_000n },
  roas: { over: 'revenueMicros', under: ['spendNanos'], times: 1000n, per: 1n },
  averagePriceCpm: { over: 'spendNanos', under: ['wins'], times: 1n, per: 1_000_000n },
  winRate: { over: 'wins', under: ['bids'], times: 1n, per: 1n },
  averageBidCpm: { over: 'bidNanos', under: ['bids'], times: 1n, per: 1_000_000n },
} as const;

interface Ratio {
  readonly over: SumMetric;
  readonly under: readonly SumMetric[];
  readonly times: bigint;
  readonly per: bigint;
}

/** What shading saved is what the wins would have cost more at the full value of their bids. */
const savedParts = ['spendNanos', 'valueNanos', 'bidNanos'] as const;

/** Metrics that are read; the others are computed from them. */
export type SumMetric = Exclude<ReportMetric, keyof typeof ratios | 'shadingSavedNanos'>;

function ratioOf(metric: ReportMetric): Ratio | undefined {
  return (ratios as Partial<Record<ReportMetric, Ratio>>)[metric];
}

/** The sums a metric is computed from. */
export function sumsFor(metric: ReportMetric): readonly SumMetric[] {
  if (metric === 'shadingSavedNanos') return savedParts;
  const ratio = ratioOf(metric);
  return ratio === undefined ? [metric as SumMetric] : [ratio.over, ...ratio.under];
}

/**
 * The value of a metric from the sums it needs. Sums are exact; a ratio is rounded once, at the end.
 * @returns count: number; money: decimal text; ratio: number or null when its denominator is 0
 */
export function metricValue(metric: ReportMetric, sums: ReadonlyMap<SumMetric, bigint>): MetricValue {
  const sum = (name: SumMetric): bigint => sums.get(name) ?? 0n;
  if (metric === 'shadingSavedNanos') {
    const [spend, value, bid] = savedParts.map(sum) as [bigint, bigint, bigint];
    return bid === 0n ? '0' : ((spend * (value - bid)) / bid).toString();
  }
  const ratio = ratioOf(metric);
  if (ratio === undefined) {
    return reportMetrics[metric].kind === 'money'
      ? sum(metric as SumMetric).toString()
      : Number(sum(metric as SumMetric));
  }
  const under = ratio.under.reduce((total, name) => total + sum(name), 0n);
  return under === 0n ? null : Number(sum(ratio.over) * ratio.times) / Number(under * ratio.per);
}

/**
 * The same as SQL over the sums; a ratio without a denominator is NULL.
 * @param column the name of a sum's column; its own unless told
 */
export function metricSql(metric: ReportMetric, column: (sum: SumMetric) => string = (sum) => sum): string {
  if (metric === 'shadingSavedNanos') {
    const [spend, value, bid] = savedParts.map(column);
    return `if(${bid} = 0, 0, toInt64(intDiv(toInt256(${spend}) * (${value} - ${bid}), if(${bid} = 0, 1, ${bid}))))`;
  }
  const ratio = ratioOf(metric);
  if (ratio === undefined) return column(metric as SumMetric);
  const under = `(${ratio.under.map(column).join(' + ')})`;
  return `if(${under} = 0, NULL, toFloat64(${column(ratio.over)}) * ${ratio.times} / (toFloat64(${under}) * ${ratio.per}))`;
}
