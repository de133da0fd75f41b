import type { Sql } from './client.ts';
import type { SchemaOptions } from './migrate.ts';
import { REBUILT_TABLE } from './rebuild.ts';
import { hideDays } from './rollup.ts';

/** What may no longer be kept. Null: for ever. */
export interface Expiry {
  /** Events appended on days before this moment lose user, address, browser and raw record. */
  readonly personalMs: number | null;
  /** Bid statistics of days before this moment are dropped. */
  readonly statsMs: number | null;
}

/** What was taken away. */
export interface Expired {
  /** Events that named somebody. */
  readonly events: number;
  /** Days of bid statistics. */
  readonly days: number;
}

/** Days that were found to hold nothing personal: they need not be read again. */
type CleanDays = Set<string>;

const PERSONAL = "user != 0 OR ip != '' OR ua != '' OR raw != ''";

/**
 * Takes away what is too old. Events stay as rows, with identity, position, counts and money: exactly-once counting,
 * lifetime budgets and reports are sums over them.
 */
export async function retain(
  sql: Sql,
  { database }: Pick<SchemaOptions, 'database'>,
  expiry: Expiry,
  clean: CleanDays,
): Promise<Expired> {
  let events = 0;
  if (expiry.personalMs !== null) {
    for (const table of ['events', REBUILT_TABLE])
      events += await forgetDays(sql, database, table, dayOf(expiry.personalMs), clean);
  }
  return { events, days: expiry.statsMs === null ? 0 : await dropStats(sql, database, dayOf(expiry.statsMs)) };
}

/** One day at a time, so that no mutation is larger than a day. */
async function forgetDays(
  sql: Sql,
  database: string,
  table: string,
  before: string,
  clean: CleanDays,
): Promise<number> {
  const [there] = await sql.rows(
    'SELECT count() FROM system.tables WHERE database = {database:String} AND name = {table:String}',
    { database, table },
  );
  if (Number(there?.[0]) === 0) return 0;
  const days = await sql.rows(
    `SELECT DISTINCT block_day FROM ${database}.${table} WHERE block_day < {before:Date} ORDER BY block_day`,
    { before },
  );
  let rows = 0;
  for (const [day] of days) {
    const known = `${table} ${day}`;
    if (clean.has(known)) continue;
    const [found] = await sql.rows(
      `SELECT count() FROM ${database}.${table} WHERE block_day = {day:Date} AND (${PERSONAL})`,
      { day },
    );
    const named = Number(found?.[0]);
    if (named > 0) {
      await sql.run(
        `ALTER TABLE ${database}.${table} UPDATE user = 0, ip = '', ua = '', raw = '' IN PARTITION '${day}' WHERE ${PERSONAL} SETTINGS mutations_sync = 2`,
      );
      rows += named;
      // Sums of the day hold sketches of people: they are made anew without them.
      if (table === 'events') await hideDays(sql, database, [String(day)]);
    }
    // A table that a replay has rebuilt is another one, with the same days, the next time.
    if (table !== REBUILT_TABLE) clean.add(known);
  }
  return rows;
}

/** Days that hold the last position of a log partition stay: ingest goes on from there. */
async function dropStats(sql: Sql, database: string, before: string): Promise<number> {
  const table = `${database}.bid_stats`;
  const days = await sql.rows(
    `SELECT DISTINCT block_day FROM ${table} WHERE block_day < {before:Date} AND block_day NOT IN (
       SELECT argMax(block_day, offset) FROM ${table} GROUP BY partition
     ) ORDER BY block_day`,
    { before },
  );
  for (const [day] of days) await sql.run(`ALTER TABLE ${table} DROP PARTITION '${day}'`);
  return days.length;
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
