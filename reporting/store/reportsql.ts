import { CodedError } from '../../core/errors.ts';
import {
  type Granularity,
  type ReportDimension,
  type ReportMetric,
  type ReportQuery,
  reportDimensions,
  reportMetrics,
} from '../../core/report.ts';

/** Tables a report reads. */
export interface ReportTables {
  readonly events: string;
  readonly bidStats: string;
}

export interface ReportSql {
  readonly text: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** Summed metrics in the order of the columns that follow time and dimensions. */
  readonly sums: readonly SumMetric[];
}

/** Metrics that are read; the others are computed from them. */
export type SumMetric = Exclude<ReportMetric, (typeof ratioNames)[number]>;

const ratioNames = [
  'ctr',
  'frequency',
  'invalidRate',
  'ecpm',
  'ecpc',
  'ecpa',
  'roas',
  'averagePriceCpm',
  'winRate',
  'averageBidCpm',
] as const;

/** What each ratio is computed from. */
export const ratioParts: Readonly<Record<(typeof ratioNames)[number], readonly SumMetric[]>> = {
  ctr: ['clicks', 'impressions'],
  frequency: ['impressions', 'reach'],
  invalidRate: ['invalid', 'accepted'],
  ecpm: ['spendNanos', 'impressions'],
  ecpc: ['spendNanos', 'clicks'],
  ecpa: ['spendNanos', 'conversions'],
  roas: ['revenueMicros', 'spendNanos'],
  averagePriceCpm: ['spendNanos', 'wins'],
  winRate: ['wins', 'bids'],
  averageBidCpm: ['bidNanos', 'bids'],
};

const ok = "status = 'accepted'";
const video = (detail: string): string => `sumIf(n, ${ok} AND type = 'video' AND detail = '${detail}')`;

/** Over rows grouped by type, status, detail and attribution: counts `n`, sums `billed`, `value`, `late_n`. */
const eventSums: Partial<Record<SumMetric, string>> = {
  impressions: `sumIf(n, ${ok} AND type = 'impression')`,
  clicks: `sumIf(n, ${ok} AND type = 'click')`,
  wins: `sumIf(n, ${ok} AND type = 'win')`,
  bills: `sumIf(n, ${ok} AND type = 'bill')`,
  losses: `sumIf(n, ${ok} AND type = 'loss')`,
  conversions: `sumIf(n, ${ok} AND type = 'conversion')`,
  clickConversions: `sumIf(n, ${ok} AND type = 'conversion' AND attribution = 'click')`,
  viewConversions: `sumIf(n, ${ok} AND type = 'conversion' AND attribution = 'view')`,
  spendNanos: `sumIf(billed, ${ok})`,
  revenueMicros: `sumIf(value, ${ok})`,
  videoStarts: video('start'),
  videoFirstQuartiles: video('firstQuartile'),
  videoMidpoints: video('midpoint'),
  videoThirdQuartiles: video('thirdQuartile'),
  videoCompletes: video('complete'),
  received: 'toInt64(sum(n))',
  accepted: `sumIf(n, ${ok})`,
  duplicates: "sumIf(n, status = 'duplicate')",
  invalid: "sumIf(n, status = 'invalid')",
  quarantined: "sumIf(n, status = 'quarantined')",
  late: `sumIf(late_n, ${ok})`,
};

const bidSums: Partial<Record<SumMetric, string>> = {
  requests: 'sum(requests_n)',
  matched: 'sum(matched_n)',
  bids: 'sum(bids_n)',
  bidNanos: 'sum(bid_nanos_n)',
  noBids: "sumIf(no_bids_n, kind = 'no_bid')",
  lineItemNoBids: "sumIf(no_bids_n, kind = 'reason')",
};

/** The stored columns a dimension is made of, and how; TIME is the stored time column. */
const eventDimensions: Partial<Record<ReportDimension, { readonly columns: readonly string[]; readonly sql: string }>> =
  {
    advertiser: column('advertiser_id'),
    campaign: column('campaign_id'),
    lineItem: column('line_item_id'),
    creative: column('creative_id'),
    exchange: column('exchange'),
    deal: column('deal'),
    domain: column('domain'),
    country: column('country'),
    region: column('region'),
    deviceType: column('device_type'),
    os: column('os'),
    format: {
      columns: ['mtype'],
      sql: "transform(mtype, [1, 2, 3, 4], ['banner', 'video', 'audio', 'native'], '')",
    },
    size: column('size'),
    hourOfDay: { columns: [], sql: 'toHour(TIME, {zone:String})' },
    dayOfWeek: { columns: [], sql: 'toDayOfWeek(TIME, 0, {zone:String})' },
    conversionType: { columns: [], sql: "if(type = 'conversion', detail, '')" },
    eventType: { columns: [], sql: 'type' },
    status: { columns: [], sql: 'toString(status)' },
    reason: column('reason'),
  };

const bidDimensions: typeof eventDimensions = {
  advertiser: column('advertiser_id'),
  campaign: column('campaign_id'),
  lineItem: column('line_item_id'),
  hourOfDay: eventDimensions.hourOfDay!,
  dayOfWeek: eventDimensions.dayOfWeek!,
  noBidReason: column('reason'),
};

/** One number per metric, whatever it is read from: the parts of a report are added up by their dimensions. */
export function reportSql(query: ReportQuery, tables: ReportTables): ReportSql {
  const sums = sumsOf(query.metrics);
  const params: Record<string, unknown> = {
    zone: query.timeZone,
    from: query.fromMs / 1000,
    to: query.toMs / 1000,
  };
  const parts: string[] = [];
  const eventMetrics = sums.filter((metric) => metric in eventSums);
  const bidMetrics = sums.filter((metric) => metric in bidSums);
  if (eventMetrics.length > 0) parts.push(eventPart(query, sums, tables.events, params));
  if (bidMetrics.length > 0) parts.push(bidPart(query, sums, tables.bidStats, params));
  if (sums.includes('reach')) parts.push(reachPart(query, sums, tables.events, params));
  const keys = ['t', ...query.dimensions.map((_, i) => `d${i}`)];
  const totals = sums.map((metric) => `sum(${metric}) AS ${metric}`);
  const text =
    `SELECT ${[...keys, ...totals].join(', ')}\nFROM (\n${parts.join('\nUNION ALL\n')}\n)\nGROUP BY ${keys.join(', ')}` +
    `\nORDER BY ${orderOf(query, keys)}` +
    (query.limit === null ? '' : `\nLIMIT ${query.limit + 1}`);
  return { text, params, sums };
}

function sumsOf(metrics: readonly ReportMetric[]): SumMetric[] {
  const needed = metrics.flatMap((metric) =>
    reportMetrics[metric].kind === 'ratio' ? ratioParts[metric as keyof typeof ratioParts] : [metric as SumMetric],
  );
  return [...new Set(needed)];
}

function eventPart(
  query: ReportQuery,
  sums: readonly SumMetric[],
  table: string,
  params: Record<string, unknown>,
): string {
  const source = partOf(query, eventDimensions, 'events', params);
  const keys = [...new Set([source.time, ...source.columns, 'type', 'status', 'detail', 'attribution'])];
  const inner =
    `SELECT ${keys.join(', ')}, toInt64(count()) AS n, sum(billed_nanos) AS billed, sum(value_micros) AS value, toInt64(sum(late)) AS late_n` +
    ` FROM ${table} WHERE ${source.range} GROUP BY ${keys.join(', ')}`;
  return outer(source, inner, sums, eventSums);
}

function bidPart(
  query: ReportQuery,
  sums: readonly SumMetric[],
  table: string,
  params: Record<string, unknown>,
): string {
  const source = partOf(query, bidDimensions, 'bids', params);
  const keys = [...new Set([source.time, ...source.columns, 'kind', 'status'])];
  const wanted = ['requests', 'matched', 'bids', 'bid_nanos', 'no_bids'];
  const inner =
    `SELECT ${keys.join(', ')}, ${wanted.map((name) => `sum(${name}) AS ${name}_n`).join(', ')}` +
    ` FROM ${table} WHERE ${source.range} AND status = 'accepted' GROUP BY ${keys.join(', ')}`;
  return outer(source, inner, sums, bidSums);
}

function reachPart(
  query: ReportQuery,
  sums: readonly SumMetric[],
  table: string,
  params: Record<string, unknown>,
): string {
  const source = partOf(query, eventDimensions, 'events', params);
  const keys = source.keys.map((_, i) => (i === 0 ? 't' : `d${i - 1}`));
  const where = [source.range, "type = 'impression'", ok, ...source.filters].join(' AND ');
  const values = sums.map((metric) =>
    metric === 'reach' ? 'toInt64(uniqIf(user, user != 0)) AS reach' : `toInt64(0) AS ${metric}`,
  );
  return `SELECT ${[...source.keys, ...values].join(', ')} FROM ${table} WHERE ${where} GROUP BY ${keys.join(', ')}`;
}

interface Part {
  readonly time: string;
  /** Stored columns needed besides time. */
  readonly columns: readonly string[];
  readonly range: string;
  readonly keys: readonly string[];
  readonly filters: readonly string[];
}

function partOf(
  query: ReportQuery,
  known: typeof eventDimensions,
  where: 'events' | 'bids',
  params: Record<string, unknown>,
): Part {
  const time = timeColumn(query);
  const filtered = Object.keys(query.filter) as ReportDimension[];
  const columns = new Set<string>();
  const sqlOf = (dimension: ReportDimension): string => {
    const found = known[dimension];
    if (found === undefined) throw unsupported(dimension, where);
    for (const name of found.columns) columns.add(name);
    return found.sql.replaceAll('TIME', time);
  };
  const dimensions = query.dimensions.map((dimension, i) => `${sqlOf(dimension)} AS d${i}`);
  const filters = filtered.map((dimension) => {
    const name = `f_${dimension}`;
    const number = reportDimensions[dimension].kind === 'number';
    params[name] = (query.filter[dimension] ?? []).map((value) => (number ? Number(value) : String(value)));
    return `has({${name}:Array(${number ? 'Int64' : 'String'})}, ${number ? `toInt64(${sqlOf(dimension)})` : sqlOf(dimension)})`;
  });
  return {
    time,
    columns: [...columns],
    range: `${time} >= toDateTime({from:UInt32}, 'UTC') AND ${time} < toDateTime({to:UInt32}, 'UTC')`,
    keys: [`${bucket(query.granularity, time)} AS t`, ...dimensions],
    filters,
  };
}

function outer(
  part: Part,
  inner: string,
  sums: readonly SumMetric[],
  known: Partial<Record<SumMetric, string>>,
): string {
  const keys = part.keys.map((_, i) => (i === 0 ? 't' : `d${i - 1}`));
  const values = sums.map((metric) => `${known[metric] ?? 'toInt64(0)'} AS ${metric}`);
  const where = part.filters.length === 0 ? '' : ` WHERE ${part.filters.join(' AND ')}`;
  return `SELECT ${[...part.keys, ...values].join(', ')} FROM (${inner})${where} GROUP BY ${keys.join(', ')}`;
}

/** Quarters of an hour are enough for every zone's hours and days; then the smaller projections can answer. */
function timeColumn(query: ReportQuery): 'tick' | 'quarter' {
  const quarters = query.fromMs % 900_000 === 0 && query.toMs % 900_000 === 0;
  return quarters && query.granularity !== 'minute' ? 'quarter' : 'tick';
}

function bucket(granularity: Granularity, time: string): string {
  switch (granularity) {
    case 'none':
      return 'toInt64({from:UInt32})';
    case 'minute':
      return `toInt64(toUnixTimestamp(toStartOfMinute(${time})))`;
    case 'hour':
      return `toInt64(toUnixTimestamp(toStartOfHour(${time}, {zone:String})))`;
    case 'day':
      return `toInt64(toUnixTimestamp(toStartOfDay(${time}, {zone:String})))`;
    case 'week':
      return `toInt64(toUnixTimestamp(toDateTime(toStartOfWeek(${time}, 1, {zone:String}), {zone:String})))`;
    case 'month':
      return `toInt64(toUnixTimestamp(toDateTime(toStartOfMonth(${time}, {zone:String}), {zone:String})))`;
  }
}

function orderOf(query: ReportQuery, keys: readonly string[]): string {
  if (query.orderBy === null) return keys.join(', ');
  const { by, descending } = query.orderBy;
  const index = query.dimensions.indexOf(by as ReportDimension);
  const direction = descending ? 'DESC' : 'ASC';
  if (index >= 0) return [`d${index} ${direction}`, ...keys].join(', ');
  if (!(query.metrics as readonly string[]).includes(by)) {
    throw new CodedError('report_unsupported', `Cannot sort by ${by}.`, 'Sort by a metric or dimension of the report.');
  }
  return [`${ratioOrder(by as ReportMetric)} ${direction}`, ...keys].join(', ');
}

function ratioOrder(metric: ReportMetric): string {
  const parts = ratioParts[metric as keyof typeof ratioParts];
  if (parts === undefined) return metric;
  const [over, under] = parts;
  return metric === 'invalidRate' ? `${over} / (${over} + ${under})` : `${over} / ${under}`;
}

function column(name: string): { readonly columns: readonly string[]; readonly sql: string } {
  return { columns: [name], sql: name };
}

function unsupported(dimension: ReportDimension, where: 'events' | 'bids'): CodedError {
  return new CodedError(
    'report_unsupported',
    where === 'bids'
      ? `Bid metrics (requests, matched, bids, no-bids, win rate) do not know the dimension ${dimension}.`
      : `Event metrics do not know the dimension ${dimension}.`,
    'Ask for these metrics and this dimension in two reports.',
  );
}
