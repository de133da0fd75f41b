import { useState } from 'preact/hooks';
import type { Report, ReportRow } from './data.ts';
import { count, date, dateTime, decimals, money, moneyOfUnits, percent, share } from './format.ts';
import { dimensionLabels, dimensionValue, metricLabels } from './labels.ts';
import { Scroll } from './parts.tsx';

interface ReportTableProps {
  readonly report: Report;
  readonly dimensions: readonly string[];
  readonly metrics: readonly string[];
  readonly timeZone: string;
  readonly granularity: string;
}

const SHOWN = 200;

/** The rows of a report, sortable, with totals and what changed since the period before. */
export function ReportTable({ report, dimensions, metrics, timeZone, granularity }: ReportTableProps) {
  const [sort, setSort] = useState<{ by: string; down: boolean } | null>(null);
  const withTime = granularity !== 'none';
  const rows =
    sort === null
      ? report.rows
      : [...report.rows].sort((a, b) => compare(a[sort.by], b[sort.by]) * (sort.down ? -1 : 1));
  const leading = dimensions.length + (withTime ? 1 : 0);
  const header = (name: string, label: string, numeric: boolean) => (
    <th
      key={name}
      scope="col"
      class={numeric ? 'number' : ''}
      aria-sort={sort?.by !== name ? 'none' : sort.down ? 'descending' : 'ascending'}
    >
      <button
        type="button"
        class="sort"
        onClick={() => setSort({ by: name, down: sort?.by === name ? !sort.down : numeric })}
      >
        {label} {sort?.by === name ? (sort.down ? '↓' : '↑') : ''}
      </button>
    </th>
  );
  if (report.rows.length === 0) return <p class="note">Nothing was delivered in this time.</p>;
  return (
    <Scroll label="Report">
      <table>
        <thead>
          <tr>
            {withTime && header('timeMs', 'Time', false)}
            {dimensions.map((name) => header(name, dimensionLabels[name] ?? name, false))}
            {metrics.map((name) => header(name, metricLabels[name] ?? name, true))}
          </tr>
        </thead>
        <tbody>
          {report.totals !== undefined && (
            <tr class="totals">
              <th scope="row" colSpan={Math.max(1, leading)}>
                Total
              </th>
              {metrics.map((name) => (
                <td key={name} class="number" data-total={name}>
                  {metricText(name, report.totals![name] ?? null, report.currency)}
                  <small class="block">
                    {change(report.totals![name] ?? null, report.previousTotals?.[name] ?? null)}
                  </small>
                </td>
              ))}
            </tr>
          )}
          {leading > 0 &&
            rows.slice(0, SHOWN).map((row) => (
              <tr key={`${row.timeMs ?? ''}${dimensions.map((name) => row[name]).join()}`}>
                {withTime && <th scope="row">{timeText(Number(row.timeMs), granularity, timeZone)}</th>}
                {dimensions.map((name) => (
                  <td key={name}>{row[`${name}Name`] || dimensionValue(name, row[name] ?? '')}</td>
                ))}
                {metrics.map((name) => (
                  <td key={name} class="number">
                    {metricText(name, row[name] ?? null, report.currency)}
                  </td>
                ))}
              </tr>
            ))}
        </tbody>
      </table>
      {rows.length > SHOWN && (
        <p class="note">
          The first {SHOWN} of {count(rows.length)}
          {report.truncated ? ' and more' : ''} rows; the CSV has all.
        </p>
      )}
    </Scroll>
  );
}

function timeText(atMs: number, granularity: string, timeZone: string): string {
  if (granularity === 'minute' || granularity === 'hour') return dateTime(atMs, timeZone);
  return date(atMs, timeZone);
}

/** A metric as people read it; money arrives as exact integers in nanos or micros. */
export function metricText(name: string, value: ReportRow[string], currency: string | null): string {
  if (value === null || value === undefined) return '–';
  if (name.endsWith('Nanos')) return money(String(value), currency);
  if (name.endsWith('Micros')) return money(BigInt(value) * 1000n, currency);
  if (['ctr', 'winRate', 'invalidRate'].includes(name)) return percent(Number(value), 1);
  if (/^ec|Cpm$/.test(name)) return moneyOfUnits(Number(value), currency);
  if (['frequency', 'roas'].includes(name)) return decimals(Number(value));
  return count(Number(value));
}

function change(now: ReportRow[string], before: ReportRow[string]): string {
  const [a, b] = [Number(now ?? 0), Number(before ?? 0)];
  if (b === 0 || !Number.isFinite(a / b)) return '';
  const rise = a / b - 1;
  return `${rise >= 0 ? '+' : '−'}${share(Math.abs(rise))} on the period before`;
}

function compare(a: ReportRow[string] | undefined, b: ReportRow[string] | undefined): number {
  const [x, y] = [Number(a), Number(b)];
  if (Number.isNaN(x) || Number.isNaN(y)) return String(a).localeCompare(String(b));
  return x - y;
}
