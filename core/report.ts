import { z } from 'zod';
import { timeZone } from './campaign.ts';

/** Sizes of a report's time buckets, in the report's time zone; weeks start on Monday. `none` gives one bucket. */
export const granularities = ['none', 'minute', 'hour', 'day', 'week', 'month'] as const;
export type Granularity = (typeof granularities)[number];

/**
 * What a report can be broken down by, and where that is known. Values: ids and `deviceType` are integers, `hourOfDay`
 * 0–23 and `dayOfWeek` 1 (Monday)–7 in the report's zone, `format` banner|video|audio|native|'' , everything else text.
 * Bid metrics only know the dimensions marked `bids`; `noBidReason` is known to bid metrics alone.
 */
export const reportDimensions = {
  advertiser: { kind: 'number', events: true, bids: true },
  campaign: { kind: 'number', events: true, bids: true },
  lineItem: { kind: 'number', events: true, bids: true },
  creative: { kind: 'number', events: true, bids: false },
  exchange: { kind: 'text', events: true, bids: false },
  deal: { kind: 'text', events: true, bids: false },
  /** Site domain or app bundle. */
  domain: { kind: 'text', events: true, bids: false },
  country: { kind: 'text', events: true, bids: false },
  region: { kind: 'text', events: true, bids: false },
  /** AdCOM device type, 0 when unknown. */
  deviceType: { kind: 'number', events: true, bids: false },
  os: { kind: 'text', events: true, bids: false },
  format: { kind: 'text', events: true, bids: false },
  /** `300x250`. */
  size: { kind: 'text', events: true, bids: false },
  hourOfDay: { kind: 'number', events: true, bids: true },
  dayOfWeek: { kind: 'number', events: true, bids: true },
  conversionType: { kind: 'text', events: true, bids: false },
  eventType: { kind: 'text', events: true, bids: false },
  /** accepted, duplicate, invalid, quarantined. */
  status: { kind: 'text', events: true, bids: false },
  /** Why an event was not accepted; '' for accepted ones. */
  reason: { kind: 'text', events: true, bids: false },
  noBidReason: { kind: 'text', events: false, bids: true },
} as const satisfies Record<string, { kind: 'number' | 'text'; events: boolean; bids: boolean }>;
export type ReportDimension = keyof typeof reportDimensions;
export const reportDimensionNames = Object.keys(reportDimensions) as readonly ReportDimension[];

/**
 * What can be measured. `count`: a JS integer. `money`: an exact integer as a decimal string (unit in the name).
 * `estimate`: an integer from a sketch. `ratio`: a JS number, null when its denominator is 0; money ratios are in units
 * of currency. Counts of event types are of accepted events (a test bid's are invalid); all of them are booked to the time of the bid.
 */
export const reportMetrics = {
  impressions: { kind: 'count', from: 'events' },
  clicks: { kind: 'count', from: 'events' },
  wins: { kind: 'count', from: 'events' },
  /** Billing notices. What is paid is `spendNanos`, whichever notice billed. */
  bills: { kind: 'count', from: 'events' },
  losses: { kind: 'count', from: 'events' },
  conversions: { kind: 'count', from: 'events' },
  clickConversions: { kind: 'count', from: 'events' },
  viewConversions: { kind: 'count', from: 'events' },
  spendNanos: { kind: 'money', from: 'events' },
  /** Value of conversions, in the currency they were reported in. */
  revenueMicros: { kind: 'money', from: 'events' },
  videoStarts: { kind: 'count', from: 'events' },
  videoFirstQuartiles: { kind: 'count', from: 'events' },
  videoMidpoints: { kind: 'count', from: 'events' },
  videoThirdQuartiles: { kind: 'count', from: 'events' },
  videoCompletes: { kind: 'count', from: 'events' },
  /** Different users with an accepted impression; users without an id are not counted. */
  reach: { kind: 'estimate', from: 'events' },
  /** Everything received: accepted + duplicates + invalid + quarantined. */
  received: { kind: 'count', from: 'events' },
  accepted: { kind: 'count', from: 'events' },
  duplicates: { kind: 'count', from: 'events' },
  invalid: { kind: 'count', from: 'events' },
  quarantined: { kind: 'count', from: 'events' },
  /** Events received more than an hour after their bid. */
  late: { kind: 'count', from: 'events' },
  /** Bid requests. They belong to no line item: broken down by one they stand under id 0. */
  requests: { kind: 'count', from: 'bids' },
  matched: { kind: 'count', from: 'bids' },
  bids: { kind: 'count', from: 'bids' },
  bidNanos: { kind: 'money', from: 'bids' },
  /** What those bids were worth before shading. */
  valueNanos: { kind: 'money', from: 'bids' },
  /** Requests that got no bid; like `requests` they stand under id 0. */
  noBids: { kind: 'count', from: 'bids' },
  /** Times a line item did not bid, by its own reason: the campaign's funnel. */
  lineItemNoBids: { kind: 'count', from: 'bids' },
  /** What the wins would have cost more at the value of their bids: spend × (value − bid) ÷ bid. */
  shadingSavedNanos: { kind: 'money', from: 'both' },
  ctr: { kind: 'ratio', from: 'events' },
  /** Impressions per user reached. */
  frequency: { kind: 'ratio', from: 'events' },
  /** Invalid among valid + invalid impressions and clicks and all other types. */
  invalidRate: { kind: 'ratio', from: 'events' },
  /** Spend per thousand impressions, per click, per conversion, in units of currency. */
  ecpm: { kind: 'ratio', from: 'events' },
  ecpc: { kind: 'ratio', from: 'events' },
  ecpa: { kind: 'ratio', from: 'events' },
  roas: { kind: 'ratio', from: 'events' },
  /** Spend per won impression, as a CPM in units of currency. */
  averagePriceCpm: { kind: 'ratio', from: 'events' },
  winRate: { kind: 'ratio', from: 'both' },
  /** As a CPM in units of currency. */
  averageBidCpm: { kind: 'ratio', from: 'bids' },
} as const satisfies Record<string, { kind: MetricKind; from: 'events' | 'bids' | 'both' }>;
type MetricKind = 'count' | 'money' | 'estimate' | 'ratio';
export type ReportMetric = keyof typeof reportMetrics;
export const reportMetricNames = Object.keys(reportMetrics) as readonly ReportMetric[];

/** A metric's column in files, where money is in units of currency. */
export function fileName(metric: ReportMetric): string {
  return metric.replace(/(Nanos|Micros)$/, '');
}

/** The same of the period before. */
export function previousFileName(metric: ReportMetric): string {
  const name = fileName(metric);
  return `previous${name[0]!.toUpperCase()}${name.slice(1)}`;
}

/** The finest step of time a report can be cut at. */
export const REPORT_STEP_MS = 10_000;

const instantMs = z.int().min(0).max(8_640_000_000_000_000).multipleOf(REPORT_STEP_MS);

/** A report: bids made in [fromMs, toMs), cut into buckets and dimensions, measured, filtered. */
export const reportQuerySchema = z
  .strictObject({
    fromMs: instantMs,
    toMs: instantMs,
    granularity: z.enum(granularities).default('none'),
    timeZone: timeZone.default('UTC'),
    dimensions: z.array(z.enum(reportDimensionNames)).max(8).default([]),
    metrics: z.array(z.enum(reportMetricNames)).min(1).max(reportMetricNames.length),
    /** Dimension → values, one of which must match. An empty list matches nothing. */
    filter: z
      .partialRecord(z.enum(reportDimensionNames), z.array(z.union([z.int(), z.string().max(253)])).max(10_000))
      .default({}),
    /** Sorted by time and dimensions unless a metric or dimension is named here. */
    orderBy: z
      .strictObject({
        by: z.enum([...reportMetricNames, ...reportDimensionNames]),
        descending: z.boolean().default(true),
      })
      .nullable()
      .default(null),
    /** Beside each row the same metrics over the span of equal length that ended where this one begins. */
    compare: z.enum(['previous']).nullable().default(null),
    /** Rows at most; streams ignore it unless given. */
    limit: z.int().min(1).max(100_000).nullable().default(null),
  })
  .refine((query) => query.toMs > query.fromMs, { path: ['toMs'], message: 'must be after fromMs' })
  .refine((query) => new Set(query.dimensions).size === query.dimensions.length, {
    path: ['dimensions'],
    message: 'must not repeat',
  });
export type ReportQuery = z.infer<typeof reportQuerySchema>;
/** The same with everything that has a default left out at will. */
export type ReportQueryInput = z.input<typeof reportQuerySchema>;

export type MetricValue = number | string | null;

export interface ReportRow {
  /** Start of the time bucket, milliseconds since the epoch; `fromMs` when the granularity is `none`. */
  readonly timeMs: number;
  readonly dimensions: Readonly<Partial<Record<ReportDimension, string | number>>>;
  readonly metrics: Readonly<Partial<Record<ReportMetric, MetricValue>>>;
  /** With `compare`: the same of the period before, at the bucket as far from its beginning. */
  readonly previous?: Readonly<Partial<Record<ReportMetric, MetricValue>>>;
}

/** Answers report queries. Implemented over ClickHouse by the store. */
export interface Reports {
  /**
   * At most `limit` rows (100,000 when null). `truncated` says that there were more.
   * @throws CodedError `report_unsupported` for a metric that does not know one of the dimensions or filters;
   * `report_order` for an order by what is not in the report;
   * `store_unavailable` when the store does not answer
   */
  query(query: ReportQuery): Promise<{ readonly rows: readonly ReportRow[]; readonly truncated: boolean }>;
  /** The same rows in chunks, any number of them, in bounded memory. Leaving the loop early cancels the query. */
  stream(query: ReportQuery): AsyncIterable<readonly ReportRow[]>;
  /** The same rows as the bytes of a Parquet file; money as decimals in units of currency. Leaving early cancels. */
  parquet(query: ReportQuery): AsyncIterable<Uint8Array>;
}
