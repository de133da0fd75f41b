/**
 * Cohorts of all levels: what a level did in the auctions of one short span of time. Rows of numbers in one table, not
 * objects: there are hundreds of thousands, written all the time, and each would be work for the garbage collector.
 */
export interface CohortTable {
  /** A row `r` has its columns at `r + START` and so on. Replaced when the table grows: not to be kept. */
  values: Float64Array;
  /** The first row that is not in use, NONE when all are. */
  free: number;
}

/** Cohorts of one level, oldest first. */
export interface Cohorts {
  readonly table: CohortTable;
  first: number;
  last: number;
  size: number;
}

/** Columns. When it began. */
export const START = 0;
/** Eligible auctions. */
export const AUCTIONS = 1;
/** Auctions of those the pass probability let through, as set (not counted). */
export const OPEN = 2;
export const BID_NANOS = 3;
export const BIDS = 4;
/** Sum over auctions of ln(multiplier), to know the average at which this was spent. */
export const LOG_MULTIPLIER = 5;
export const SPEND_NANOS = 6;
export const BILLS = 7;
/** The next row of the list. */
const NEXT = 8;
const COLUMNS = 9;
const FIRST_ROWS = 64;

/** No row. */
export const NONE = -1;
const MAX_COHORTS = 128;

export function createCohortTable(): CohortTable {
  const table = { values: new Float64Array(0), free: NONE };
  grow(table, FIRST_ROWS);
  return table;
}

export function createCohorts(table: CohortTable): Cohorts {
  return { table, first: NONE, last: NONE, size: 0 };
}

function grow(table: CohortTable, rows: number): void {
  const from = table.values.length;
  const values = new Float64Array(rows * COLUMNS);
  values.set(table.values);
  for (let row = from; row < values.length; row += COLUMNS) values[row + NEXT] = row + COLUMNS;
  values[values.length - COLUMNS + NEXT] = NONE;
  table.values = values;
  table.free = from;
}

/** The row after this one; NONE after the last. */
export function nextCohort({ table }: Cohorts, row: number): number {
  return table.values[row + NEXT]!;
}

/** The row of an instant; NONE when there is none. */
export function findCohort(cohorts: Cohorts, startMs: number): number {
  const { values } = cohorts.table;
  const { last } = cohorts;
  if (last === NONE || values[last + START]! < startMs) return NONE;
  if (values[last + START] === startMs) return last;
  for (let row = cohorts.first; row !== NONE; row = values[row + NEXT]!) {
    const at = values[row + START]!;
    if (at >= startMs) return at === startMs ? row : NONE;
  }
  return NONE;
}

/** The row of an instant, made when it is the newest. NONE when it is over: it was dropped already. */
export function cohortAt(cohorts: Cohorts, startMs: number): number {
  const { table, last } = cohorts;
  const known = findCohort(cohorts, startMs);
  if (known !== NONE) return known;
  if (last !== NONE && table.values[last + START]! > startMs) return NONE;
  if (table.free === NONE) grow(table, (2 * table.values.length) / COLUMNS);
  const { values, free } = table;
  table.free = values[free + NEXT]!;
  values.fill(0, free, free + COLUMNS);
  values[free + START] = startMs;
  values[free + NEXT] = NONE;
  if (last === NONE) cohorts.first = free;
  else values[last + NEXT] = free;
  cohorts.last = free;
  if (++cohorts.size > MAX_COHORTS) dropFirst(cohorts);
  return free;
}

/** Drops the oldest: its row may be given to another. */
export function dropFirst(cohorts: Cohorts): void {
  const { table, first } = cohorts;
  if (first === NONE) return;
  cohorts.first = table.values[first + NEXT]!;
  if (cohorts.first === NONE) cohorts.last = NONE;
  cohorts.size--;
  table.values[first + NEXT] = table.free;
  table.free = first;
}

/** Sum of a column over a level's cohorts. */
export function sumOf(cohorts: Cohorts, column: number): number {
  const { values } = cohorts.table;
  let sum = 0;
  for (let row = cohorts.first; row !== NONE; row = values[row + NEXT]!) sum += values[row + column]!;
  return sum;
}
