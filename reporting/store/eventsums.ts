import { billingEvents } from '../../core/token.ts';
import type { SumMetric } from './ratios.ts';

/** What is summed over stored events for one metric. What is left out may be anything. */
export interface EventSum {
  /** n: rows; billed: `billed_nanos`; value: `value_micros`; late_n: rows received late. */
  readonly of: 'n' | 'billed' | 'value' | 'late_n';
  readonly types?: readonly string[];
  readonly status?: 'accepted' | 'duplicate' | 'invalid' | 'quarantined';
  readonly detail?: string;
  readonly attribution?: string;
}

const accepted = (type: string, more: Partial<EventSum> = {}): EventSum => ({
  of: 'n',
  types: [type],
  status: 'accepted',
  ...more,
});

/** The metrics that are read from events. */
export const eventSums: Partial<Record<SumMetric, EventSum>> = {
  impressions: accepted('impression'),
  clicks: accepted('click'),
  wins: accepted('win'),
  bills: accepted('bill'),
  losses: accepted('loss'),
  conversions: accepted('conversion'),
  clickConversions: accepted('conversion', { attribution: 'click' }),
  viewConversions: accepted('conversion', { attribution: 'view' }),
  spendNanos: { of: 'billed', types: billingEvents, status: 'accepted' },
  revenueMicros: accepted('conversion', { of: 'value' }),
  videoStarts: accepted('video', { detail: 'start' }),
  videoFirstQuartiles: accepted('video', { detail: 'firstQuartile' }),
  videoMidpoints: accepted('video', { detail: 'midpoint' }),
  videoThirdQuartiles: accepted('video', { detail: 'thirdQuartile' }),
  videoCompletes: accepted('video', { detail: 'complete' }),
  received: { of: 'n' },
  accepted: { of: 'n', status: 'accepted' },
  duplicates: { of: 'n', status: 'duplicate' },
  invalid: { of: 'n', status: 'invalid' },
  quarantined: { of: 'n', status: 'quarantined' },
  late: { of: 'late_n', status: 'accepted' },
};

/** Columns that tell the summed rows apart. */
const told = ['type', 'status', 'detail', 'attribution'] as const;
type Told = (typeof told)[number];

export interface SumPlan {
  /** What to group by, so that each metric finds its rows; only where they differ between metrics. */
  readonly columns: readonly Told[];
  /** What no metric needs stays out: conditions on stored columns. */
  readonly conditions: readonly string[];
  /** A metric over the grouped rows, with its sums under the names of `EventSum.of`. */
  sql(metric: SumMetric): string;
}

/** How to read several metrics in one pass over as few groups as can be. */
export function planSums(metrics: readonly SumMetric[]): SumPlan {
  const sums = metrics.flatMap((metric) => eventSums[metric] ?? []);
  const conditions: string[] = [];
  const columns = told.filter((column) => {
    const wanted = new Set(sums.map((sum) => JSON.stringify(valuesOf(sum, column))));
    const values = new Set(sums.flatMap((sum) => valuesOf(sum, column)));
    // A metric that takes any value leaves nothing out.
    const all = sums.some((sum) => valuesOf(sum, column).length === 0);
    if (!all) conditions.push(`${column} IN (${[...values].map((value) => `'${value}'`).join(', ')})`);
    return wanted.size > 1;
  });
  return {
    columns,
    conditions,
    sql(metric) {
      const sum = eventSums[metric];
      if (sum === undefined) return 'toInt64(0)';
      const own = columns.flatMap((column) => {
        const values = valuesOf(sum, column);
        return values.length === 0 ? [] : [`${column} IN (${values.map((value) => `'${value}'`).join(', ')})`];
      });
      return own.length === 0 ? `toInt64(sum(${sum.of}))` : `sumIf(${sum.of}, ${own.join(' AND ')})`;
    },
  };
}

function valuesOf(sum: EventSum, column: Told): readonly string[] {
  if (column === 'type') return sum.types ?? [];
  const value = sum[column];
  return value === undefined ? [] : [value];
}
