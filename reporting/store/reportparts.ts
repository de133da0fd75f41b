import { CodedError } from '../../core/errors.ts';
import { type Granularity, type ReportDimension, type ReportQuery, reportDimensions } from '../../core/report.ts';
import {
  type Cube,
  cubeColumn,
  cubeFor,
  cubeMetrics,
  type Join,
  joinsOf,
  people,
  reachCubeFor,
  stepOf,
} from './cubes.ts';
import { eventSums, planSums } from './eventsums.ts';
import { dayAfter } from './joineddays.ts';
import type { SumMetric } from './ratios.ts';
import type { RolledDay } from './rollup.ts';

/** Tables a report reads. */
export interface ReportTables {
  readonly events: string;
  readonly bidStats: string;
  /** Sums of days that are over. */
  readonly rollups: string;
}

/** What the parts of one report are written from. Parameters are added as the parts are written. */
export interface PartContext {
  readonly query: ReportQuery;
  /** Summed metrics: the columns that follow time and dimensions in every part. */
  readonly sums: readonly SumMetric[];
  readonly tables: ReportTables;
  /** Days of the log that may be read from their sums. */
  readonly rolled: readonly RolledDay[];
  readonly params: Record<string, unknown>;
  /** Stands before the names of this query's parameters. */
  readonly id: string;
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

/** The SQL of a report's parts. Each is one SELECT with the bucket, the dimensions and all sums. */
export function reportParts(context: PartContext): readonly string[] {
  const { sums } = context;
  const parts: string[] = [];
  const ofEvents = sums.filter((metric) => metric in eventSums);
  // Who saw it and how often is read in one pass: people are kept with their impressions.
  const inOnePass = sums.includes('reach') && ofEvents.every((metric) => metric === 'impressions');
  if (ofEvents.length > 0 && !inOnePass) parts.push(...eventParts(context));
  if (sums.some((metric) => metric in bidSums)) parts.push(bidPart(context));
  if (sums.includes('reach')) parts.push(reachPart(context, inOnePass));
  return parts;
}

/** Where the rows of a report's time are: as they are, or summed up. Together every row once. */
interface Sources {
  readonly events: readonly Span[];
  readonly rollups: { readonly span: Span; readonly cube: Cube; readonly days: readonly RolledDay[] } | null;
}

/** A part of the report's time, and of the days of the log, and the stored time column that is read there. */
interface Span {
  readonly fromMs: number;
  readonly toMs: number;
  /** tick: ten seconds; quarter: of an hour; time: as the sums have it. */
  readonly time: 'tick' | 'quarter' | 'time';
  /** Days of the log that are read, or left out; all when absent. */
  readonly only?: readonly string[];
  readonly without?: readonly string[];
}

/**
 * Days of the log that hold nothing of the report's time are left out. The others are read from their sums where a cube
 * knows what is asked for, but for what the report's ends cut off of its steps.
 */
function sourcesOf({ query, rolled }: PartContext, cube: Cube | null): Sources {
  const without = rolled.filter((day) => !meets(day, query)).map(({ day }) => day);
  const summed = rolled.filter((day) => meets(day, query));
  const whole = { ...query, time: timeOf(query, query) };
  const stepMs = cube === null ? 1 : stepOf(cube).ms;
  const [fromMs, toMs] = [Math.ceil(query.fromMs / stepMs) * stepMs, Math.floor(query.toMs / stepMs) * stepMs];
  if (cube === null || summed.length === 0 || toMs <= fromMs) return { events: [{ ...whole, without }], rollups: null };
  const events: Span[] = [{ ...whole, without: rolled.map(({ day }) => day) }];
  for (const edge of [
    { fromMs: query.fromMs, toMs: fromMs },
    { fromMs: toMs, toMs: query.toMs },
  ]) {
    const only = summed.filter((day) => meets(day, edge)).map(({ day }) => day);
    if (edge.fromMs < edge.toMs && only.length > 0) events.push({ ...edge, time: timeOf(edge, query), only });
  }
  const days = summed.filter((day) => meets(day, { fromMs, toMs }));
  return { events, rollups: { span: { fromMs, toMs, time: 'time' }, cube, days } };
}

interface Times {
  readonly fromMs: number;
  readonly toMs: number;
}

const meets = (day: RolledDay, { fromMs, toMs }: Times): boolean => day.fromMs < toMs && day.toMs > fromMs;

const QUARTER_MS = 900_000;

/** Quarters of an hour are enough for every zone's hours and days. */
function timeOf({ fromMs, toMs }: Times, { granularity }: ReportQuery): 'tick' | 'quarter' {
  return fromMs % QUARTER_MS === 0 && toMs % QUARTER_MS === 0 && granularity !== 'minute' ? 'quarter' : 'tick';
}

function eventParts(context: PartContext): readonly string[] {
  const { query, sums, tables } = context;
  const plan = planSums(sums);
  const sources = sourcesOf(context, cubeFor(query));
  const parts = sources.events.map((span, i) => partOf(context, eventDimensions, 'events', span, `e${i}`));
  const read = parts.map((part) => {
    const where = [...part.conditions, ...plan.conditions].join(' AND ');
    return (
      `SELECT ${[...part.keys, ...plan.columns].join(', ')}` +
      `, toInt64(count()) AS n, sum(billed_nanos) AS billed, sum(value_micros) AS value, toInt64(sum(late)) AS late_n` +
      ` FROM ${tables.events} WHERE ${where} GROUP BY ${[...part.names, ...plan.columns].join(', ')}`
    );
  });
  const rows = outer(parts[0]!, read, sums, (metric) => plan.sql(metric));
  if (sources.rollups === null) return [rows];
  const part = partOf(context, eventDimensions, 'events', sources.rollups.span, 'c');
  const values = sums.map(
    (metric) => `toInt64(${cubeMetrics.includes(metric) ? `sum(${cubeColumn(metric)})` : '0'}) AS ${metric}`,
  );
  const where = [keptOf(query, sources.rollups), ...part.conditions].join(' AND ');
  return [
    rows,
    `SELECT ${[...part.keys, ...values].join(', ')} FROM ${tables.rollups} WHERE ${where} GROUP BY ${part.names.join(', ')}`,
  ];
}

/** Which rows of the sums are read: of days, and of joined days where they will do. No build has rows of both. */
function keptOf(query: ReportQuery, { span, cube, days }: NonNullable<Sources['rollups']>): string {
  const joins = joinsOf(cube);
  const builds = buildsOf(query, span, days, joins);
  const names = [cube.name, ...joins.map(({ suffix }) => `${cube.name}${suffix}`)];
  return `cube IN (${names.map((name) => `'${name}'`).join(', ')}) AND build IN (${builds.length === 0 ? '0' : builds.join(', ')})`;
}

function bidPart(context: PartContext): string {
  const { query, sums, tables } = context;
  const span = { ...query, time: timeOf(query, query) };
  const part = partOf(context, bidDimensions, 'bids', span, 'b');
  const values = ['requests', 'matched', 'bids', 'bid_nanos', 'no_bids'];
  // Only where it is asked for, so that the projections without the newer column can answer the rest.
  if (sums.includes('valueNanos')) values.push('value_nanos');
  const inner =
    `SELECT ${[...part.keys, 'kind'].join(', ')}, ${values.map((name) => `sum(${name}) AS ${name}_n`).join(', ')}` +
    ` FROM ${tables.bidStats} WHERE ${[...part.conditions, "status = 'accepted'"].join(' AND ')} GROUP BY ${[...part.names, 'kind'].join(', ')}`;
  return outer(part, [inner], sums, (metric) => bidSums[metric] ?? 'toInt64(0)');
}

/** People are told from sketches that can be joined: the same ones, whether they were kept or are made of rows. */
function reachPart(context: PartContext, withImpressions: boolean): string {
  const { query, sums, tables } = context;
  const sources = sourcesOf(context, reachCubeFor(query));
  const parts = sources.events.map((span, i) => partOf(context, eventDimensions, 'events', span, `r${i}`));
  const read = parts.map((part) => {
    const where = [...part.conditions, "type = 'impression'", "status = 'accepted'"].join(' AND ');
    return `SELECT ${part.keys.join(', ')}, ${people.stateIf}(user, user != 0) AS u, toInt64(count()) AS n FROM ${tables.events} WHERE ${where} GROUP BY ${part.names.join(', ')}`;
  });
  if (sources.rollups !== null) {
    const part = partOf(context, eventDimensions, 'events', sources.rollups.span, 's');
    const where = [keptOf(query, sources.rollups), ...part.conditions].join(' AND ');
    // As they are: each sketch is joined once, outside.
    read.push(`SELECT ${part.keys.join(', ')}, users AS u, impressions AS n FROM ${tables.rollups} WHERE ${where}`);
  }
  const values: Partial<Record<SumMetric, string>> = {
    reach: `toInt64(${people.merge}(u))`,
    ...(withImpressions ? { impressions: 'sum(n)' } : {}),
  };
  return outer(parts[0]!, read, sums, (metric) => values[metric] ?? 'toInt64(0)');
}

/**
 * Builds to read: of joined days that are wholly asked for, where nobody wants to know them apart, from the newest day
 * backwards; of days for the rest. Together every day once.
 */
function buildsOf(query: ReportQuery, span: Times, days: readonly RolledDay[], joins: readonly Join[]): string[] {
  const isApart = query.granularity !== 'none' || query.dimensions.includes('dayOfWeek') || 'dayOfWeek' in query.filter;
  const isWhole = ({ fromMs, toMs }: Times): boolean => fromMs >= span.fromMs && toMs <= span.toMs;
  const builds: string[] = [];
  for (let end = days.length; end > 0; ) {
    const last = days[end - 1]!;
    const usable = joins.find((join) => {
      const first = days[end - join.days];
      return (
        !isApart &&
        first?.joined.has(join.days) === true &&
        dayAfter(first.day, join.days - 1) === last.day &&
        days.slice(end - join.days, end).every(isWhole)
      );
    });
    const length = usable?.days ?? 1;
    builds.push(usable === undefined ? last.build : days[end - length]!.joined.get(length)!);
    end -= length;
  }
  return builds.reverse();
}

interface Part {
  /** The bucket and the dimensions as `t`, `d0`, `d1` … */
  readonly keys: readonly string[];
  readonly names: readonly string[];
  readonly conditions: readonly string[];
}

function partOf(
  { query, params, id: prefix }: PartContext,
  known: typeof eventDimensions,
  where: 'events' | 'bids',
  span: Span,
  name: string,
): Part {
  const id = prefix + name;
  const { time } = span;
  const sqlOf = (dimension: ReportDimension): string => {
    const found = known[dimension];
    if (found === undefined) throw unsupported(dimension, where);
    return found.replaceAll('TIME', time);
  };
  const expressions = [bucket(query.granularity, time), ...query.dimensions.map(sqlOf)];
  const names = expressions.map((_, i) => (i === 0 ? 't' : `d${i - 1}`));
  params[`from_${id}`] = span.fromMs / 1000;
  params[`to_${id}`] = span.toMs / 1000;
  const edge = (name: string): string => `toDateTime({${name}_${id}:UInt32}, 'UTC')`;
  const filters = (Object.keys(query.filter) as ReportDimension[]).map((dimension) => {
    const name = `f_${dimension}`;
    const number = reportDimensions[dimension].kind === 'number';
    const values = (query.filter[dimension] ?? []).map((value) => (number ? Number(value) : String(value)));
    if (values.length === 0) return '0';
    params[name] = values;
    return `${sqlOf(dimension)} IN {${name}:Array(${number ? 'Int64' : 'String'})}`;
  });
  return {
    keys: expressions.map((sql, i) => `${sql} AS ${names[i]}`),
    names,
    conditions: [`${time} >= ${edge('from')} AND ${time} < ${edge('to')}`, ...filters, ...partitions(span)],
  };
}

/** By the partition's id and not by `block_day`, which the projections of the events do not know. */
function partitions({ only, without }: Span): readonly string[] {
  const ids = (days: readonly string[]): string => days.map((day) => `'${day.replaceAll('-', '')}'`).join(', ');
  if (only !== undefined) return [`_partition_id IN (${ids(only)})`];
  return without === undefined || without.length === 0 ? [] : [`_partition_id NOT IN (${ids(without)})`];
}

function outer(
  part: Pick<Part, 'names'>,
  read: readonly string[],
  sums: readonly SumMetric[],
  sqlOf: (metric: SumMetric) => string,
): string {
  const values = sums.map((metric) => `${sqlOf(metric)} AS ${metric}`);
  const rows = read.map((text) => `(${text})`).join(' UNION ALL ');
  return `SELECT ${[...part.names, ...values].join(', ')} FROM (${rows}) GROUP BY ${part.names.join(', ')}`;
}

const bidDimensionNames = Object.keys(bidDimensions).join(', ');

/** Seconds since the epoch at which the bucket of a time begins. */
export function bucket(granularity: Granularity, time: string): string {
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

function unsupported(dimension: ReportDimension, where: 'events' | 'bids'): CodedError {
  return new CodedError(
    'report_unsupported',
    where === 'bids'
      ? `Requests, matches, bids and what is made of them (win rate, average bid, saved by shading) are not known by ${dimension}: bidders count them for each line item and second, and not for each ${dimension}. Ask for them by ${bidDimensionNames}, and for wins and spend by ${dimension} in a report of their own.`
      : `Events are not known by ${dimension}: an event follows a bid, and ${dimension} is of what was not bid on. Ask for noBids and lineItemNoBids by it, and for the others in a report of their own.`,
    'Ask for these metrics and this dimension in two reports.',
  );
}
