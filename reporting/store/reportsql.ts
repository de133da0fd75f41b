import { CodedError } from '../../core/errors.ts';
import { type ReportDimension, type ReportMetric, type ReportQuery, reportDimensions } from '../../core/report.ts';
import { metricSql, type SumMetric, sumsFor } from './ratios.ts';
import { type ReportTables, reportParts } from './reportparts.ts';
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
  const parts = reportParts({ query, sums, tables, rolled, params });
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
