import type { Sql } from './client.ts';
import { migrationFiles, onCluster, type SchemaOptions, statementsOf } from './migrate.ts';
import { eventColumns } from './rows.ts';
import type { Rebuild, Store } from './store.ts';

export const REBUILT_TABLE = 'events_rebuilt';

/** Creates an empty table with the schema of `events`. What an earlier rebuild left under its name is dropped. */
export async function startRebuild(
  sql: Sql,
  schema: SchemaOptions,
  storeFor: (events: string) => Store,
): Promise<Rebuild> {
  const { database } = schema;
  await sql.run(`DROP TABLE IF EXISTS ${database}.${REBUILT_TABLE}${onCluster(schema)} SYNC`);
  for (const file of migrationFiles()) {
    for (const statement of statementsOf(file.sql, schema, { events: REBUILT_TABLE })) {
      if (statement.includes(`${database}.${REBUILT_TABLE}`)) await sql.run(statement);
    }
  }
  const columns = eventColumns.join(', ');
  const days = async (where: string): Promise<string[]> =>
    (await sql.rows(`SELECT DISTINCT block_day FROM ${database}.events WHERE ${where} ORDER BY block_day`)).map(
      ([day]) => String(day),
    );
  return {
    store: storeFor(REBUILT_TABLE),
    async copy(partition, from, to) {
      const where = `partition = ${Math.trunc(partition)} AND offset >= ${Math.trunc(from)} AND offset < ${Math.trunc(to)}`;
      // Day by day: an insert into one partition of the table is one step.
      for (const day of await days(where)) {
        await sql.run(
          `INSERT INTO ${database}.${REBUILT_TABLE} (${columns}) SELECT ${columns} FROM ${database}.events WHERE ${where} AND block_day = '${day}'`,
        );
      }
      const [row] = await sql.rows(`SELECT count() FROM ${database}.${REBUILT_TABLE} WHERE ${where}`);
      return Number(row?.[0] ?? 0);
    },
    async offsetAt(partition, appendedMs) {
      const [row] = await sql.rows(
        `SELECT count(), min(offset) FROM ${database}.events WHERE partition = {partition:UInt16} AND appended_ms >= {at:Int64}`,
        { partition, at: Math.trunc(appendedMs) },
      );
      return Number(row?.[0] ?? 0) === 0 ? null : Number(row?.[1]);
    },
    async swap() {
      await sql.run(`EXCHANGE TABLES ${database}.events AND ${database}.${REBUILT_TABLE}${onCluster(schema)}`);
    },
  };
}
