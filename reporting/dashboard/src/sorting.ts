import { changeRatio } from './change.ts';
import { type Measured, previousOf, type ReportRow } from './data.ts';

/** What the rows of a report are sorted by: a column, or how far it is from the period before. */
export interface Sorting {
  readonly by: string;
  readonly change: boolean;
  readonly down: boolean;
}

/** The rows in another order; rows without a change to tell come last, whichever way. */
export function sortedRows(rows: readonly ReportRow[], sorting: Sorting | null): readonly ReportRow[] {
  if (sorting === null) return rows;
  const { by, change, down } = sorting;
  const sign = down ? -1 : 1;
  if (!change) return [...rows].sort((a, b) => compare(a[by], b[by]) * sign);
  const withRatio = rows.map((row) => ({ row, ratio: changeRatio(row[by], previousOf(row)?.[by]) }));
  withRatio.sort((a, b) => {
    if (a.ratio === null || b.ratio === null) return Number(a.ratio === null) - Number(b.ratio === null);
    return a.ratio === b.ratio ? 0 : (a.ratio < b.ratio ? -1 : 1) * sign;
  });
  return withRatio.map(({ row }) => row);
}

function compare(a: Measured | undefined, b: Measured | undefined): number {
  const [x, y] = [Number(a), Number(b)];
  if (Number.isNaN(x) || Number.isNaN(y)) return String(a).localeCompare(String(b));
  return x - y;
}
