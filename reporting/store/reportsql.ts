import { CodedError } from '../../core/errors.ts';
import {
  type Granularity,
  type ReportDimension,
  type ReportMetric,
  type ReportQuery,
  reportDimensions,
} from '../../core/report.ts';
import { eventSums, planSums } from './eventsums.ts';
import { metricSql, type SumMetric, sumsFor } from './ratios.ts';

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

const bidSums: Partial<Record<SumMetric, string>> = {
  requests: 'sum(requests_n)',
  matched: 'sum(matched_n)',
  bids: 'sum(bids_n)',
  bidNanos: 'sum(bid_nanos_n)',
  valueNanos: 'sum(value_nanos_n)',
  noBids: "sumIf(no_bids_n, kind = 'no_bid')",
  lineItemNoBids: "sumIf(no_bids_n, kind = 'reason')",
};

/** What a dimension is made of; TIME is the stored time column. */
const eventDimensions: Partial<Record<ReportDimension, string>> = {
  advertiser: 'advertiser_id',
  campaign: 'campaign_id',
  lineItem: 'line_item_id',
  creative: 'creative_id',
  exchange: 'exchange',
  deal: 'deal',
  domain: 'domain',
  country: 'country',
  region: 'region',
  deviceType: 'device_type',
  os: 'os',
  format: "transform(mtype, [1, 2, 3, 4], ['banner', 'video', 'audio', 'native'], '')",
  size: 'size',
  hourOfDay: 'toHour(TIME, {zone:String})',
  dayOfWeek: 'toDayOfWeek(TIME, 0, {zone:String})',
  conversionType: "if(type = 'conversion', detail, '')",
  eventType: 'type',
  status: 'toString(status)',
  reason: 'reason',
};

const bidDimensions: typeof eventDimensions = {
  advertiser: 'advertiser_id',
  campaign: 'campaign_id',
  lineItem: 'line_item_id',
  hourOfDay: eventDimensions.hourOfDay!,
  dayOfWeek: eventDimensions.dayOfWeek!,
  noBidReason: 'reason',
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

/**
 * The same report with the columns of a file: the bucket's start, the dimensions, the metrics under their CSV names, money
 * as decimals in units of currency.
 */
export function reportFileSql(query: ReportQuery, tables: ReportTables): Pick<ReportSql, 'text' | 'params'> {
  const { text, params } = reportSql(query, tables);
  const columns = query.granularity === 'none' ? [] : [`toDateTime64(t, 3, 'UTC') AS time`];
  query.dimensions.forEach((dimension, i) => {
    columns.push(
      `${reportDimensions[dimension].kind === 'number' ? `toInt64(d${i})` : `toString(d${i})`} AS ${dimension}`,
    );
  });
  for (const metric of query.metrics) columns.push(`${fileColumn(metric)} AS ${metric.replace(/(Nanos|Micros)$/, '')}`);
  return { text: `SELECT ${columns.join(', ')} FROM (\n${text}\n)`, params };
}

function fileColumn(metric: ReportMetric): string {
  const sql = metricSql(metric);
  if (metric.endsWith('Nanos')) return `toDecimal128(${sql}, 9) / 1000000000`;
  return metric.endsWith('Micros') ? `toDecimal128(${sql}, 9) / 1000000` : sql;
}

function sumsOf(metrics: readonly ReportMetric[]): SumMetric[] {
  return [...new Set(metrics.flatMap(sumsFor))];
}

function eventPart(
  query: ReportQuery,
  sums: readonly SumMetric[],
  table: string,
  params: Record<string, unknown>,
): string {
  const plan = planSums(sums);
  const sources = spansOf(query).map((span, i) => partOf(query, eventDimensions, 'events', span, `${i}`, params));
  const read = sources.map((source) => {
    const where = [source.range, ...plan.conditions, ...source.filters].join(' AND ');
    return (
      `SELECT ${[...source.keys, ...plan.columns].join(', ')}` +
      `, toInt64(count()) AS n, sum(billed_nanos) AS billed, sum(value_micros) AS value, toInt64(sum(late)) AS late_n` +
      ` FROM ${table} WHERE ${where} GROUP BY ${[...source.names, ...plan.columns].join(', ')}`
    );
  });
  return outer(sources[0]!, read, sums, (metric) => plan.sql(metric));
}

function bidPart(
  query: ReportQuery,
  sums: readonly SumMetric[],
  table: string,
  params: Record<string, unknown>,
): string {
  const source = partOf(query, bidDimensions, 'bids', wholeSpan(query), 'b', params);
  const values = ['requests', 'matched', 'bids', 'bid_nanos', 'no_bids'];
  // Only where it is asked for, so that the projections without the newer column can answer the rest.
  if (sums.includes('valueNanos')) values.push('value_nanos');
  const inner =
    `SELECT ${[...source.keys, 'kind'].join(', ')}, ${values.map((name) => `sum(${name}) AS ${name}_n`).join(', ')}` +
    ` FROM ${table} WHERE ${[source.range, "status = 'accepted'", ...source.filters].join(' AND ')} GROUP BY ${[...source.names, 'kind'].join(', ')}`;
  return outer(source, [inner], sums, (metric) => bidSums[metric] ?? 'toInt64(0)');
}

function reachPart(
  query: ReportQuery,
  sums: readonly SumMetric[],
  table: string,
  params: Record<string, unknown>,
): string {
  const source = partOf(query, eventDimensions, 'events', wholeSpan(query), 'r', params);
  const where = [source.range, "type = 'impression'", "status = 'accepted'", ...source.filters].join(' AND ');
  const values = sums.map((metric) =>
    metric === 'reach' ? 'toInt64(uniqIf(user, user != 0)) AS reach' : `toInt64(0) AS ${metric}`,
  );
  return `SELECT ${[...source.keys, ...values].join(', ')} FROM ${table} WHERE ${where} GROUP BY ${source.names.join(', ')}`;
}

/** A part of the report's time and the stored time column that is read there. */
interface Span {
  readonly fromMs: number;
  readonly toMs: number;
  /** tick: ten seconds; quarter: of an hour; day: of UTC, from the smallest projections. */
  readonly time: 'tick' | 'quarter' | 'toStartOfDay(quarter)';
}

const QUARTER_MS = 900_000;
const DAY_MS = 86_400_000;

/**
 * Quarters of an hour are enough for every zone's hours and days. Whole days of UTC are read from sums of days where
 * nothing finer is asked for; what is left at both ends is read more finely.
 */
function spansOf(query: ReportQuery): readonly Span[] {
  const whole = wholeSpan(query);
  const utcDays = query.timeZone === 'UTC' && ['day', 'week', 'month'].includes(query.granularity);
  const daily = (query.granularity === 'none' || utcDays) && !query.dimensions.some((name) => hourly.includes(name));
  const filtered = Object.keys(query.filter).some((name) => hourly.includes(name as ReportDimension));
  const [fromMs, toMs] = [Math.ceil(query.fromMs / DAY_MS) * DAY_MS, Math.floor(query.toMs / DAY_MS) * DAY_MS];
  if (!daily || filtered || toMs - fromMs < DAY_MS) return [whole];
  const spans: Span[] = [{ fromMs, toMs, time: 'toStartOfDay(quarter)' }];
  const edge = (from: number, to: number): void => {
    if (from < to)
      spans.push({
        fromMs: from,
        toMs: to,
        time: from % QUARTER_MS === 0 && to % QUARTER_MS === 0 ? 'quarter' : 'tick',
      });
  };
  edge(query.fromMs, fromMs);
  edge(toMs, query.toMs);
  return spans;
}

/** Dimensions that a sum of a day of UTC does not know. */
const hourly: readonly ReportDimension[] = ['hourOfDay', 'dayOfWeek'];

function wholeSpan({ fromMs, toMs, granularity }: ReportQuery): Span {
  const quarters = fromMs % QUARTER_MS === 0 && toMs % QUARTER_MS === 0 && granularity !== 'minute';
  return { fromMs, toMs, time: quarters ? 'quarter' : 'tick' };
}

interface Part {
  readonly range: string;
  /** The bucket and the dimensions as `t`, `d0`, `d1` … */
  readonly keys: readonly string[];
  readonly names: readonly string[];
  readonly filters: readonly string[];
}

function partOf(
  query: ReportQuery,
  known: typeof eventDimensions,
  where: 'events' | 'bids',
  span: Span,
  id: string,
  params: Record<string, unknown>,
): Part {
  const { time } = span;
  const sqlOf = (dimension: ReportDimension): string => {
    const found = known[dimension];
    if (found === undefined) throw unsupported(dimension, where);
    return found.replaceAll('TIME', time);
  };
  const expressions = [bucket(query.granularity, time), ...query.dimensions.map(sqlOf)];
  const names = expressions.map((_, i) => (i === 0 ? 't' : `d${i - 1}`));
  params[`from${id}`] = span.fromMs / 1000;
  params[`to${id}`] = span.toMs / 1000;
  const edge = (name: string): string => `toDateTime({${name}${id}:UInt32}, 'UTC')`;
  const filters = (Object.keys(query.filter) as ReportDimension[]).map((dimension) => {
    const name = `f_${dimension}`;
    const number = reportDimensions[dimension].kind === 'number';
    const values = (query.filter[dimension] ?? []).map((value) => (number ? Number(value) : String(value)));
    if (values.length === 0) return '0';
    params[name] = values;
    return `${sqlOf(dimension)} IN {${name}:Array(${number ? 'Int64' : 'String'})}`;
  });
  return {
    range: `${time} >= ${edge('from')} AND ${time} < ${edge('to')}`,
    keys: expressions.map((sql, i) => `${sql} AS ${names[i]}`),
    names,
    filters,
  };
}

function outer(
  part: Part,
  read: readonly string[],
  sums: readonly SumMetric[],
  sqlOf: (metric: SumMetric) => string,
): string {
  const values = sums.map((metric) => `${sqlOf(metric)} AS ${metric}`);
  const rows = read.map((text) => `(${text})`).join(' UNION ALL ');
  return `SELECT ${[...part.names, ...values].join(', ')} FROM (${rows}) GROUP BY ${part.names.join(', ')}`;
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
  return [`${metricSql(by as ReportMetric)} ${direction}`, ...keys].join(', ');
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
