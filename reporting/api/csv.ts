import { zoneOffsetMs } from '../../core/budgetday.ts';
import { nanosToDecimal } from '../../core/money.ts';
import {
  fileName,
  previousFileName,
  type ReportDimension,
  type ReportMetric,
  type ReportQuery,
  type ReportRow,
} from '../../core/report.ts';
import type { Directory, EntityKind } from './directory.ts';

/** The name of an entity by dimension and id; '' when it is gone. */
export type Names = (dimension: ReportDimension, id: string | number | undefined) => string | null;

const named: Partial<Record<ReportDimension, EntityKind>> = {
  advertiser: 'advertiser',
  campaign: 'campaign',
  lineItem: 'line_item',
  creative: 'creative',
};

export function namesOf(directory: Directory): Names {
  return (dimension, id) => {
    const kind = named[dimension];
    return kind === undefined ? null : (directory.get(kind, Number(id))?.name ?? '');
  };
}

/** Columns: local time, each dimension (ids followed by the name), each metric; money in units of currency, exact. */
export function csvHeader(query: ReportQuery): string {
  const columns = query.granularity === 'none' ? [] : ['time'];
  for (const dimension of query.dimensions) {
    columns.push(dimension);
    if (named[dimension] !== undefined) columns.push(`${dimension}Name`);
  }
  columns.push(...query.metrics.map(fileName));
  if (query.compare !== null) columns.push(...query.metrics.map(previousFileName));
  return `${columns.join(',')}\r\n`;
}

export function csvLine(query: ReportQuery, row: ReportRow, names: Names): string {
  const cells = query.granularity === 'none' ? [] : [localTime(row.timeMs, query.timeZone)];
  for (const dimension of query.dimensions) {
    const value = row.dimensions[dimension];
    cells.push(csvCell(String(value ?? '')));
    const name = names(dimension, value);
    if (name !== null) cells.push(csvCell(name));
  }
  for (const metric of query.metrics) cells.push(metricCell(metric, row.metrics[metric] ?? null));
  for (const metric of query.compare === null ? [] : query.metrics)
    cells.push(metricCell(metric, row.previous?.[metric] ?? null));
  return `${cells.join(',')}\r\n`;
}

/** Quotes where RFC 4180 asks for it, and keeps spreadsheets from taking text for a formula. */
export function csvCell(text: string): string {
  const harmless = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

function metricCell(metric: ReportMetric, value: string | number | null): string {
  if (value === null) return '';
  if (metric.endsWith('Nanos')) return nanosToDecimal(BigInt(value));
  if (metric.endsWith('Micros')) return nanosToDecimal(BigInt(value) * 1000n);
  return String(value);
}

function localTime(atMs: number, timeZone: string): string {
  const offsetMs = zoneOffsetMs(timeZone, atMs);
  const local = new Date(atMs + offsetMs).toISOString().slice(0, 19);
  const minutes = Math.abs(Math.round(offsetMs / 60_000));
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${local}${offsetMs < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}
