import type { Sql } from './client.ts';
import { weekCubes } from './cubes.ts';
import type { SchemaOptions } from './migrate.ts';
import { coarserSql, intoRollups } from './rollupsql.ts';

/** A day of the log and the build of its sums that counts. */
interface BuiltDay {
  readonly day: string;
  readonly build: string;
}

export const WEEK_DAYS = 7;

/** The Monday of a day's week. */
export function mondayOf(day: string): string {
  const date = new Date(`${day}T00:00:00Z`);
  date.setUTCDate(date.getUTCDate() - ((date.getUTCDay() + 6) % WEEK_DAYS));
  return date.toISOString().slice(0, 10);
}

/** Weeks all of whose days are summed up, by their Monday: the builds of their days, in order. */
function wholeWeeks(days: readonly BuiltDay[]): ReadonlyMap<string, readonly string[]> {
  const weeks = new Map<string, string[]>();
  const sorted = [...days].sort((a, b) => (a.day < b.day ? -1 : 1));
  for (const { day, build } of sorted) weeks.set(mondayOf(day), [...(weeks.get(mondayOf(day)) ?? []), build]);
  return new Map([...weeks].filter(([, builds]) => builds.length === WEEK_DAYS));
}

/**
 * Builds that hold the people of whole weeks, by Monday. One counts only while each day of its week has the build it was
 * made of: what hides or renews a day does the same to its week.
 */
export async function countingWeeks(
  sql: Sql,
  { database }: Pick<SchemaOptions, 'database'>,
  days: readonly BuiltDay[],
): Promise<ReadonlyMap<string, string>> {
  const whole = wholeWeeks(days);
  if (whole.size === 0) return new Map();
  const rows = await sql.rows(
    `SELECT toString(week), toString(argMax(build, made_ms)), argMax(days, made_ms) FROM ${database}.rollup_weeks GROUP BY week`,
  );
  const counting = rows.filter(([week, , made]) => whole.get(String(week))?.join(',') === made);
  return new Map(counting.map(([week, build]) => [String(week), String(build)]));
}

/**
 * Joins the people of a week whose days are all summed up and that has no build that counts, the newest first.
 * @returns its Monday, or null when there is nothing to do
 */
export async function joinWeek(
  sql: Sql,
  { database }: Pick<SchemaOptions, 'database'>,
  days: readonly BuiltDay[],
): Promise<string | null> {
  const counting = await countingWeeks(sql, { database }, days);
  const found = [...wholeWeeks(days)].reverse().find(([monday]) => !counting.has(monday));
  if (found === undefined) return null;
  const [monday, builds] = found;
  const [now] = await sql.rows('SELECT toUnixTimestamp64Milli(now64(3)), toString(rand64())');
  const [madeMs, build] = [Number(now![0]), String(now![1])];
  for (const cube of weekCubes) {
    const where = `build IN (${builds.join(', ')}) AND rollups."cube" = '${cube.from}'`;
    await sql.run(
      `${intoRollups(database, cube, monday, build)}\n${coarserSql(database, cube, where, `toDateTime('${monday} 00:00:00', 'UTC')`)}`,
    );
  }
  // One row, written last, so that the week is there or not at all.
  const made = { week: monday, build, made_ms: madeMs, days: builds.join(',') };
  await sql.insert(`${database}.rollup_weeks`, Object.keys(made), [Object.values(made)], `week-${monday}-${build}`);
  return monday;
}
