import type { Sql } from './client.ts';
import type { SchemaOptions } from './migrate.ts';
import { REBUILT_TABLE } from './rebuild.ts';
import { hideDays } from './rollup.ts';

/** Users of one statement at most. */
const MAX_USERS = 1000;

/** See `Store.forget`. Sums of days hold sketches of people: they are hidden, and made anew without them. A mutation writes the parts anew, projections included, and is waited for. */
export async function forget(
  sql: Sql,
  { database }: Pick<SchemaOptions, 'database'>,
  users: readonly string[],
): Promise<number> {
  let rows = 0;
  for (let i = 0; i < users.length; i += MAX_USERS)
    rows += await forgetSome(sql, database, users.slice(i, i + MAX_USERS));
  return rows;
}

async function forgetSome(sql: Sql, database: string, users: readonly string[]): Promise<number> {
  const list = users.map((user) => BigInt(`0x${user}`).toString());
  let rows = 0;
  for (const table of ['events', REBUILT_TABLE]) {
    const [there] = await sql.rows(
      'SELECT count() FROM system.tables WHERE database = {database:String} AND name = {table:String}',
      { database, table },
    );
    if (Number(there?.[0]) === 0) continue;
    const where = `user IN (${list.join(', ')})`;
    const [found] = await sql.rows(`SELECT count() FROM ${database}.${table} WHERE ${where}`);
    if (table === 'events') rows = Number(found?.[0]);
    if (Number(found?.[0]) === 0) continue;
    const days = await sql.rows(`SELECT DISTINCT toString(block_day) FROM ${database}.${table} WHERE ${where}`);
    await sql.run(
      `ALTER TABLE ${database}.${table} UPDATE user = 0, ip = '', ua = '', raw = '' WHERE ${where} SETTINGS mutations_sync = 2`,
    );
    if (table === 'events') {
      await hideDays(
        sql,
        database,
        days.map(([day]) => String(day)),
      );
    }
  }
  return rows;
}
