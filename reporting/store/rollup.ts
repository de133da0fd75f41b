import { createHash } from 'node:crypto';
import type { Sql } from './client.ts';
import { cubeMetrics, cubes, finestCube, people, reachCubes, stepOf } from './cubes.ts';
import { countingJoins, joinNext } from './joineddays.ts';
import { onCluster, type SchemaOptions } from './migrate.ts';
import { coarserSql, intoRollups, isReach, reachSql, sumsSql } from './rollupsql.ts';

/** A day of the log whose sums stand in `rollups`. */
export interface RolledDay {
  /** `2026-11-22` */
  readonly day: string;
  readonly build: string;
  /** Its rows are booked to times in [fromMs, toMs): late ones to days before. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Builds that hold the days that begin with it, by how many they are. */
  readonly joined: ReadonlyMap<number, string>;
}

/** Sums that an older or newer version made otherwise do not count. */
const scheme = createHash('sha256')
  .update(JSON.stringify([cubes, reachCubes, cubeMetrics, people]))
  .digest('hex')
  .slice(0, 12);
/** What sums are made of and how: the table of events, which a replay puts another in the place of, and the cubes. */
const sourceSql = `(SELECT concat(toString(uuid), '/${scheme}') FROM system.tables WHERE database = {database:String} AND name = 'events')`;
/** Rows that one statement sums up at most, about: a larger day is built advertiser by advertiser. */
const ROWS_AT_ONCE = 3_000_000;
/** How long a day rests after somebody began to sum it up or changed it: then that build is taken for lost, ms. */
const REST_MS = 600_000;

/**
 * The builds that count: of each day the latest, and only when as many rows of the same table are there as it was made
 * of. Whatever was inserted, replayed or erased since, a report never reads sums of rows that are not.
 */
export async function rolledDays(sql: Sql, { database }: SchemaOptions): Promise<readonly RolledDay[]> {
  const rows = await sql.rows(
    `SELECT toString(day), toString(latest.2), latest.4, latest.5 FROM (
       SELECT block_day AS day, argMax((rows, build, source, from_ms, to_ms), (made_ms, build = 0)) AS latest
       FROM ${database}.rollup_days GROUP BY block_day
     )
     WHERE latest.2 != 0
       AND latest.3 = ${sourceSql}
       AND (toString(day), latest.1) IN (${partsOfEvents})
     ORDER BY day`,
    { database },
  );
  const days = rows.map(([day, build, fromMs, toMs]) => ({
    day: String(day),
    build: String(build),
    fromMs: Number(fromMs),
    toMs: Number(toMs),
  }));
  const joined = await countingJoins(sql, { database }, days);
  return days.map((day) => ({ ...day, joined: joined.get(day.day) ?? new Map() }));
}

const partsOfEvents = `SELECT partition, sum(rows) FROM system.parts
  WHERE database = {database:String} AND table = 'events' AND active GROUP BY partition`;

/**
 * Sums up one day of the log that is over and has no sums that count, the newest first; when all have, joins some
 * days.
 * @returns the day, or what was joined as `7 days from 2026-11-16`, or null when there is nothing to do
 */
export async function rollUpNext(sql: Sql, schema: SchemaOptions, restMs = REST_MS): Promise<string | null> {
  const { database } = schema;
  const rolled = await rolledDays(sql, schema);
  const counting = new Set(rolled.map(({ day }) => day));
  const days = await sql.rows(`SELECT * FROM (${partsOfEvents}) ORDER BY partition DESC`, { database });
  const [now] = await sql.rows('SELECT toUnixTimestamp64Milli(now64(3)), toString(rand64())');
  const nowMs = Number(now![0]);
  const [build, today] = [String(now![1]), new Date(nowMs).toISOString().slice(0, 10)];
  for (const [name, count] of days) {
    const day = String(name);
    if (day >= today || counting.has(day) || (await isTaken(sql, database, day, nowMs - restMs))) continue;
    await hide(sql, database, day, nowMs);
    await buildDay(sql, schema, { day, build, rows: Number(count), nowMs });
    return day;
  }
  return joinNext(sql, schema, rolled);
}

/** Whether somebody has just begun with a day, or says that it must rest. */
async function isTaken(sql: Sql, database: string, day: string, sinceMs: number): Promise<boolean> {
  const [row] = await sql.rows(
    `SELECT count() FROM ${database}.rollup_days WHERE block_day = {day:Date} AND made_ms > {since:Int64}`,
    { day, since: Math.trunc(sinceMs) },
  );
  return Number(row?.[0]) > 0;
}

interface Build {
  readonly day: string;
  readonly build: string;
  readonly rows: number;
  readonly nowMs: number;
}

async function buildDay(sql: Sql, schema: SchemaOptions, { day, build, rows, nowMs }: Build): Promise<void> {
  const { database } = schema;
  const source = async (): Promise<string> => {
    const [row] = await sql.rows(`SELECT ${sourceSql}`, { database });
    return String(row?.[0] ?? '');
  };
  const made = await source();
  const pieces = Math.max(1, Math.ceil(rows / ROWS_AT_ONCE));
  const all = [...cubes, ...reachCubes];
  // First those that are made of rows, then those that are made of them.
  for (const cube of all.filter(({ from }) => from === undefined)) {
    for (let piece = 0; piece < pieces; piece++) {
      const only = pieces === 1 ? '' : ` AND advertiser_id % ${pieces} = ${piece}`;
      const where = `_partition_id = '${day.replaceAll('-', '')}'${only}`;
      await sql.run(
        `${intoRollups(database, cube, day, build)}\n${isReach(cube) ? reachSql(database, cube, where) : sumsSql(database, cube, where)}`,
      );
    }
  }
  for (const cube of all.filter(({ from }) => from !== undefined)) {
    const where = `block_day = '${day}' AND build = ${build} AND rollups."cube" = '${cube.from}'`;
    await sql.run(`${intoRollups(database, cube, day, build)}\n${coarserSql(database, cube, where)}`);
  }
  // All are of the same rows, or the day has grown meanwhile and is left for another time.
  const sums = await sql.rows(
    `SELECT cube, sum(received), sum(impressions), toInt64(min(time)), toInt64(max(time)) FROM ${database}.rollups WHERE block_day = {day:Date} AND build = {build:UInt64} GROUP BY "cube"`,
    { day, build },
  );
  const received = new Set(
    sums.filter(([name]) => cubes.some((cube) => cube.name === name)).map(([, count]) => Number(count)),
  );
  const impressions = new Set(sums.map(([, , count]) => Number(count)));
  const times = sums.find(([name]) => name === finestCube.name);
  // A day without an impression has no sketches.
  const complete = cubes.every(({ name }) => sums.some(([made]) => made === name));
  if (!complete || received.size !== 1 || impressions.size > 1 || times === undefined || (await source()) !== made)
    return;
  await mark(sql, database, {
    block_day: day,
    build,
    // After the mark that said it was begun, before any that was made meanwhile.
    made_ms: nowMs + 1,
    source: made,
    rows: [...received][0]!,
    from_ms: Number(times[3]) * 1000,
    to_ms: Number(times[4]) * 1000 + stepOf(finestCube).ms,
  });
}

interface Mark {
  readonly block_day: string;
  readonly build: string;
  readonly made_ms: number;
  readonly source: string;
  readonly rows: number;
  readonly from_ms: number;
  readonly to_ms: number;
}

/** One row, so that it is there or not. */
async function mark(sql: Sql, database: string, made: Mark): Promise<void> {
  const token = `rollup-${made.block_day}-${made.build}-${made.made_ms}`;
  await sql.insert(`${database}.rollup_days`, Object.keys(made), [Object.values(made)], token);
}

/** A mark of build 0 hides what was built of its day until then. */
function hide(sql: Sql, database: string, day: string, nowMs: number): Promise<void> {
  return mark(sql, database, { block_day: day, build: '0', made_ms: nowMs, source: '', rows: 0, from_ms: 0, to_ms: 0 });
}

/** Hides the sums of days whose rows were changed, until they are built anew. */
export async function hideDays(sql: Sql, database: string, days: readonly string[]): Promise<void> {
  const [now] = await sql.rows('SELECT toUnixTimestamp64Milli(now64(3))');
  for (const day of days) await hide(sql, database, day, Number(now![0]));
}

/** Removes builds that do not count any more, once nobody can be reading them. @returns how many partitions */
export async function dropOldBuilds(sql: Sql, schema: SchemaOptions, restMs = REST_MS): Promise<number> {
  const { database } = schema;
  const counting = (await rolledDays(sql, schema)).flatMap(({ build, joined }) => [build, ...joined.values()]);
  const parts = await sql.rows(
    `SELECT partition_id, any(partition) FROM system.parts
     WHERE database = {database:String} AND table = 'rollups' AND active
     GROUP BY partition_id HAVING toUnixTimestamp(max(modification_time)) * 1000 < toUnixTimestamp64Milli(now64(3)) - {age:Int64}`,
    { database, age: restMs },
  );
  const old = parts.filter(([, partition]) => !counting.some((build) => String(partition).endsWith(`,${build})`)));
  for (const [id] of old) {
    await sql.run(`ALTER TABLE ${database}.rollups${onCluster(schema)} DROP PARTITION ID '${String(id)}'`);
  }
  return old.length;
}
