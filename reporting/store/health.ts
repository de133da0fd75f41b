import type { Clock } from '../../core/clock.ts';
import { codeOf, messageOf } from '../../core/errors.ts';
import type { StoreHealth } from '../../core/storehealth.ts';
import type { Sql } from './client.ts';

const KEPT = 256;
const MAX_MESSAGE = 300;

/** Remembers how statements went. */
export interface StatementWatch {
  /** Times a report's query. */
  timed<T>(query: () => Promise<T>): Promise<T>;
  /** The same statements, whose failures are counted. */
  watched(sql: Sql): Sql;
  read(): Pick<StoreHealth, 'queries' | 'errors' | 'lastError'>;
}

export function watchStatements(clock: Clock): StatementWatch {
  const times: number[] = [];
  let errors = 0;
  let lastError: StoreHealth['lastError'] = null;
  const failed = (error: unknown): never => {
    errors += 1;
    const message = messageOf(error).slice(0, MAX_MESSAGE);
    lastError = { atMs: clock.nowMs(), code: String(codeOf(error) ?? 'unexpected'), message };
    throw error;
  };
  return {
    async timed(query) {
      const startMs = clock.monotonicMs();
      try {
        return await query();
      } finally {
        times.push(clock.monotonicMs() - startMs);
        if (times.length > KEPT) times.shift();
      }
    },
    watched: (sql) => ({
      ...sql,
      run: (statement) => sql.run(statement).catch(failed),
      rows: (query, params) => sql.rows(query, params).catch(failed),
      insert: (table, columns, values, token) => sql.insert(table, columns, values, token).catch(failed),
    }),
    read() {
      const sorted = [...times].sort((a, b) => a - b);
      const at = (share: number): number | null => {
        const found = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
        return found === undefined ? null : Math.round(found * 10) / 10;
      };
      const queries = { count: sorted.length, p50Ms: at(0.5), p95Ms: at(0.95), maxMs: at(1) };
      return { queries, errors, lastError };
    },
  };
}

/** @param days how many days are summed up */
export async function storeHealth(
  sql: Sql,
  database: string,
  watch: StatementWatch,
  clock: Clock,
  days: () => Promise<number>,
): Promise<StoreHealth> {
  const startMs = clock.monotonicMs();
  const tables = await sql.rows(
    `SELECT table, sum(r), sum(p), max(p), sum(b), if(max(inserted) = 0, max(written), max(inserted)) FROM (
       SELECT table, partition, sumIf(rows, active) AS r, countIf(active) AS p, sumIf(bytes_on_disk, active) AS b,
         toInt64(maxIf(toUnixTimestamp(modification_time), level = 0)) AS inserted, toInt64(max(toUnixTimestamp(modification_time))) AS written
       FROM system.parts WHERE database = {database:String} GROUP BY table, partition
     ) GROUP BY table ORDER BY table`,
    { database },
  );
  const [disk] = await sql.rows('SELECT version(), sum(free_space), sum(total_space) FROM system.disks');
  const daysSummedUp = await days();
  return {
    version: String(disk?.[0] ?? ''),
    answeredMs: Math.round((clock.monotonicMs() - startMs) * 10) / 10,
    ...watch.read(),
    tables: tables.map(([table, rows, parts, most, bytes, insertedSeconds]) => ({
      table: String(table),
      rows: Number(rows),
      parts: Number(parts),
      mostPartsOfADay: Number(most),
      bytes: Number(bytes),
      lastInsertMs: Number(insertedSeconds) === 0 ? null : Number(insertedSeconds) * 1000,
    })),
    daysSummedUp,
    diskFreeBytes: Number(disk?.[1] ?? 0),
    diskBytes: Number(disk?.[2] ?? 0),
  };
}
