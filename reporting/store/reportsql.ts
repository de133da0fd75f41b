import { CodedError } from '../../core/errors.ts';
import {
  fileName,
  previousFileName,
  type ReportDimension,
  type ReportMetric,
  type ReportQuery,
  reportDimensions,
} from '../../core/report.ts';
import { metricSql, type SumMetric, sumsFor } from './ratios.ts';
import { bucket, type ReportTables, reportParts } from './reportparts.ts';
import type { RolledDay } from './rollup.ts';

export interface ReportSql {
  readonly text: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** Summed metrics in the order of the columns that follow time and dimensions. */
  readonly sums: readonly SumMetric[];
}

/** One number per metric, whatever it is read from: the parts of a report are added up by their dimensions. */
export function reportSql(query: ReportQuery, tables: ReportTables, rolled: readonly RolledDay[] = []): ReportSql {
  const sums = sumsOf(query.metrics);
  const params: Record<string, unknown> = {
    zone: query.timeZone,
    from: query.fromMs / 1000,
  };
  const keys = ['t', ...query.dimensions.map((_, i) => `d${i}`)];
  const parts = [...reportParts({ query, sums, tables, rolled, params, id: '' })];
  const compared = query.compare === null ? [] : sums.map(previousName);
  if (query.compare !== null) {
    const none = compared.map((name) => `toInt64(0) AS ${name}`);
    for (const [i, part] of parts.entries()) parts[i] = `SELECT ${['*', ...none].join(', ')} FROM (${part})`;
    const before = reportParts({ query: previousPeriod(query), sums, tables, rolled, params, id: 'p' });
    const columns = [
      `${laterBucket(query)} AS ${keys[0]}`,
      ...keys.slice(1),
      ...sums.map((metric) => `toInt64(0) AS ${metric}`),
      ...sums.map((metric) => `s.${metric} AS ${previousName(metric)}`),
    ];
    parts.push(...before.map((part) => `SELECT ${columns.join(', ')} FROM (${part}) AS s`));
  }
  const totals = [...sums, ...compared].map((name) => `sum(${name}) AS ${name}`);
  const text =
    `SELECT ${[...keys, ...totals].join(', ')}\nFROM (\n${parts.join('\nUNION ALL\n')}\n)\nGROUP BY ${keys.join(', ')}` +
    `\nORDER BY ${orderOf(query, keys)}` +
    (query.limit === null ? '' : `\nLIMIT ${query.limit + 1}`);
  return { text, params, sums };
}

/** The column of a sum over the period before. */
const previousName = (metric: string): string => `previous_${metric}`;

/** The same query over the span of equal length that ended where it begins. */
function previousPeriod(query: ReportQuery): ReportQuery {
  return { ...query, fromMs: Math.max(0, query.fromMs - (query.toMs - query.fromMs)), toMs: query.fromMs };
}

const halfBucketSeconds = { none: 0, minute: 30, hour: 1800, day: 43_200, week: 302_400, month: 1_296_000 } as const;

/**
 * The bucket of this period that one of the period before is compared with: as far from the beginning. Half a bucket is
 * added before it is cut, so that a day whose clock changed in between meets its own counterpart.
 */
function laterBucket({ granularity, fromMs, toMs }: ReportQuery): string {
  if (granularity === 'none') return 's.t';
  return bucket(granularity, `toDateTime(s.t + ${(toMs - fromMs) / 1000 + halfBucketSeconds[granularity]}, 'UTC')`);
}

/**
 * The same report with the columns of a file: the bucket's start, the dimensions, the metrics under their CSV names, money
 * as decimals in units of currency.
 */
export function reportFileSql(
  query: ReportQuery,
  tables: ReportTables,
  rolled: readonly RolledDay[] = [],
): Pick<ReportSql, 'text' | 'params'> {
  const { text, params } = reportSql(query, tables, rolled);
  const columns = query.granularity === 'none' ? [] : [`toDateTime64(t, 3, 'UTC') AS time`];
  query.dimensions.forEach((dimension, i) => {
    columns.push(
      `${reportDimensions[dimension].kind === 'number' ? `toInt64(d${i})` : `toString(d${i})`} AS ${dimension}`,
    );
  });
  for (const metric of query.metrics) columns.push(`${fileColumn(metric, metricSql(metric))} AS ${fileName(metric)}`);
  for (const metric of query.compare === null ? [] : query.metrics)
    columns.push(`${fileColumn(metric, metricSql(metric, previousName))} AS ${previousFileName(metric)}`);
  return { text: `SELECT ${columns.join(', ')} FROM (\n${text}\n)`, params };
}

function fileColumn(metric: ReportMetric, sql: string): string {
  if (metric.endsWith('Nanos')) return `toDecimal128(${sql}, 9) / 1000000000`;
  return metric.endsWith('Micros') ? `toDecimal128(${sql}, 9) / 1000000` : sql;
}

function sumsOf(metrics: readonly ReportMetric[]): SumMetric[] {
  return [...new Set(metrics.flatMap(sumsFor))];
}

function orderOf(query: ReportQuery, keys: readonly string[]): string {
  if (query.orderBy === null) return keys.join(', ');
  const { by, descending } = query.orderBy;
  const index = query.dimensions.indexOf(by as ReportDimension);
  const direction = descending ? 'DESC' : 'ASC';
  if (index >= 0) return [`d${index} ${direction}`, ...keys].join(', ');
  if (!(query.metrics as readonly string[]).includes(by)) {
    throw new CodedError('report_order', `Cannot sort by ${by}.`, 'Sort by a metric or dimension of the report.');
  }
  return [`${metricSql(by as ReportMetric)} ${direction}`, ...keys].join(', ');
}
