import type { Sql } from './client.ts';
import { type Join, joinedCubes, joins } from './cubes.ts';
import type { SchemaOptions } from './migrate.ts';
import { coarserSql, intoRollups } from './rollupsql.ts';

/** A day of the log and the build of its sums that counts. */
interface BuiltDay {
  readonly day: string;
  readonly build: string;
}

const DAY_MS = 86_400_000;

/** What a join may be made of: the days from each day on, where all of them are summed up, by the first. */
function wholeSpans(days: readonly BuiltDay[], join: Join): ReadonlyMap<string, readonly string[]> {
  const builds = new Map(days.map(({ day, build }) => [day, build]));
  const spans = new Map<string, readonly string[]>();
  for (const { day } of days) {
    const found = Array.from({ length: join.days }, (_, i) => builds.get(dayAfter(day, i)));
    if (!found.includes(undefined)) spans.set(day, found as readonly string[]);
  }
  return spans;
}

export function dayAfter(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
}

/** What a join was made of, and how: what is kept of one that was made of other builds or cubes does not count. */
const madeOf = (join: Join, builds: readonly string[]): string => `${join.of.join(',')}:${builds.join(',')}`;

/**
 * Builds that hold joined days, by their first day and by how many they are. One counts only while each of its days has
 * the build it was made of: what hides or renews a day does the same to all that hold it.
 */
export async function countingJoins(
  sql: Sql,
  { database }: Pick<SchemaOptions, 'database'>,
  days: readonly BuiltDay[],
): Promise<ReadonlyMap<string, ReadonlyMap<number, string>>> {
  const counting = new Map<string, Map<number, string>>();
  const wanted = new Map<string, readonly [first: string, days: number]>();
  for (const join of joins)
    for (const [first, builds] of wholeSpans(days, join))
      wanted.set(`${first} ${madeOf(join, builds)}`, [first, join.days]);
  if (wanted.size === 0) return counting;
  const rows = await sql.rows(
    `SELECT toString(week), days, toString(argMax(build, made_ms)) FROM ${database}.rollup_weeks GROUP BY week, days`,
  );
  for (const [week, made, build] of rows) {
    const found = wanted.get(`${week} ${made}`);
    if (found === undefined) continue;
    const [first, length] = found;
    counting.set(first, (counting.get(first) ?? new Map()).set(length, String(build)));
  }
  return counting;
}

/**
 * Joins days that are all summed up and have no join that counts: the short ones first, of them the newest.
 * @returns `7 days from 2026-11-16`, or null when there is nothing to do
 */
export async function joinNext(
  sql: Sql,
  { database }: Pick<SchemaOptions, 'database'>,
  days: readonly BuiltDay[],
): Promise<string | null> {
  const counting = await countingJoins(sql, { database }, days);
  for (const join of [...joins].reverse()) {
    const missing = [...wholeSpans(days, join)].filter(([first]) => counting.get(first)?.has(join.days) !== true);
    const newest = missing.sort(([a], [b]) => (a < b ? 1 : -1))[0];
    if (newest === undefined) continue;
    await joinDays(sql, database, join, ...newest);
    return `${join.days} days from ${newest[0]}`;
  }
  return null;
}

async function joinDays(
  sql: Sql,
  database: string,
  join: Join,
  first: string,
  builds: readonly string[],
): Promise<void> {
  const [now] = await sql.rows('SELECT toUnixTimestamp64Milli(now64(3)), toString(rand64())');
  const [madeMs, build] = [Number(now![0]), String(now![1])];
  for (const cube of joinedCubes(join)) {
    const where = `build IN (${builds.join(', ')}) AND rollups."cube" = '${cube.from}'`;
    await sql.run(
      `${intoRollups(database, cube, first, build)}\n${coarserSql(database, cube, where, `toDateTime('${first} 00:00:00', 'UTC')`)}`,
    );
  }
  // One row, written last, so that the join is there or not at all.
  const made = { week: first, build, made_ms: madeMs, days: madeOf(join, builds) };
  await sql.insert(`${database}.rollup_weeks`, Object.keys(made), [Object.values(made)], `join-${first}-${build}`);
}
