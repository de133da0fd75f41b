import type { Sql } from './client.ts';
import type { SchemaOptions } from './migrate.ts';
import { type RolledDay, rolledDays } from './rollup.ts';

export interface RememberedDays {
  /** The same statements: what they write is noticed. */
  readonly sql: Sql;
  /** Days that may be read from their sums now. */
  read(): Promise<readonly RolledDay[]>;
}

/**
 * Asking which days count takes as long as a small report. Where nobody else writes, the answer holds until a statement
 * of ours may have changed it: any but inserts of counters, and of events of days that are not summed up.
 * @param alone no other process or session writes; otherwise each call asks
 */
export function rememberedDays(engine: Sql, schema: SchemaOptions, alone: boolean): RememberedDays {
  if (!alone) return { sql: engine, read: () => rolledDays(engine, schema) };
  let asked: Promise<readonly RolledDay[]> | null = null;
  let days: ReadonlySet<string> = new Set();

  async function afterwards<T>(statement: Promise<T>, concerns: () => boolean): Promise<T> {
    try {
      return await statement;
    } finally {
      // Also what failed may have been written.
      if (concerns()) asked = null;
    }
  }
  const ask = async (): Promise<readonly RolledDay[]> => {
    const found = await rolledDays(engine, schema);
    days = new Set(found.map(({ day }) => day));
    return found;
  };
  const changesDays = (table: string, columns: readonly string[], values: readonly unknown[][]): boolean => {
    if (table === `${schema.database}.bid_stats`) return false;
    const at = columns.indexOf('block_day');
    return table !== `${schema.database}.events` || values.some((row) => days.has(String(row[at])));
  };
  return {
    sql: {
      ...engine,
      run: (statement) => afterwards(engine.run(statement), () => true),
      insert: (table, columns, values, token) =>
        afterwards(engine.insert(table, columns, values, token), () => changesDays(table, columns, values)),
    },
    async read() {
      asked ??= ask();
      const mine = asked;
      try {
        return await mine;
      } catch (error) {
        if (asked === mine) asked = null;
        throw error;
      }
    },
  };
}
