import { useState } from 'preact/hooks';
import { change } from './change.ts';
import { type Measured, previousOf, type Report, type ReportRow } from './data.ts';
import { count, date, dateTime, decimals, money, moneyOfUnits, percent } from './format.ts';
import { dimensionLabels, dimensionValue, metricLabels } from './labels.ts';
import { Scroll } from './parts.tsx';
import { type Sorting, sortedRows } from './sorting.ts';

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
  const [sorting, setSorting] = useState<Sorting | null>(null);
  const withTime = granularity !== 'none';
  const rows = sortedRows(report.rows, sorting);
  const leading = dimensions.length + (withTime ? 1 : 0);
  const compares = report.rows.some((row) => previousOf(row) !== undefined);
  const sorter = (by: string, change: boolean, label: string, numeric: boolean) => {
    const isSorted = sorting?.by === by && sorting.change === change;
    return (
      <button
        type="button"
        class="sort"
        onClick={() => setSorting({ by, change, down: isSorted ? !sorting.down : numeric })}
      >
        {label} {isSorted ? (sorting.down ? '↓' : '↑') : ''}
      </button>
    );
  };
  const header = (name: string, label: string, numeric: boolean) => (
    <th
      key={name}
      scope="col"
      class={numeric ? 'number' : ''}
      aria-sort={sorting?.by !== name ? 'none' : sorting.down ? 'descending' : 'ascending'}
    >
      {sorter(name, false, label, numeric)}
      {numeric && compares && (
        <small class="block change" data-sort={name}>
          {sorter(name, true, 'change', true)}
          <span class="sr"> of {label}</span>
        </small>
      )}
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
                  <Measure name={name} row={report.totals!} before={report.previousTotals} currency={report.currency} />
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
                    <Measure name={name} row={row} before={previousOf(row)} currency={report.currency} />
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

interface MeasureProps {
  readonly name: string;
  readonly row: ReportRow;
  /** The same of the period before; undefined when nothing is compared. */
  readonly before: ReportRow | undefined;
  readonly currency: string | null;
}

/** A measure and, under it, how far it is from the period before: its amount is read out and shown on pointing. */
function Measure({ name, row, before, currency }: MeasureProps) {
  const text = metricText(name, row[name] ?? null, currency);
  if (before === undefined) return <>{text}</>;
  const changed = change(row[name], before[name]);
  const was = `the period before: ${metricText(name, before[name] ?? null, currency)}`;
  return (
    <>
      {text}
      <small class="block change" title={was} data-change={name}>
        {changed}
        {changed !== '' && <span class="sr">, {was}</span>}
      </small>
    </>
  );
}

function timeText(atMs: number, granularity: string, timeZone: string): string {
  if (granularity === 'minute' || granularity === 'hour') return dateTime(atMs, timeZone);
  return date(atMs, timeZone);
}

/** A metric as people read it; money arrives as exact integers in nanos or micros. */
export function metricText(name: string, value: Measured, currency: string | null): string {
  if (value === null || value === undefined) return '–';
  if (name.endsWith('Nanos')) return money(String(value), currency);
  if (name.endsWith('Micros')) return money(BigInt(value) * 1000n, currency);
  if (['ctr', 'winRate', 'invalidRate'].includes(name)) return percent(Number(value), 1);
  if (/^ec|Cpm$/.test(name)) return moneyOfUnits(Number(value), currency);
  if (['frequency', 'roas'].includes(name)) return decimals(Number(value));
  return count(Number(value));
}
