import { systemClock } from '../../core/clock.ts';
import { CodedError, codeOf } from '../../core/errors.ts';
import type { MetricValue, ReportDimension, ReportMetric, ReportQuery, ReportRow } from '../../core/report.ts';
import { reportDimensions } from '../../core/report.ts';
import type { SpendRow } from '../../core/spend.ts';
import { audit } from './audit.ts';
import type { ServerConfig, Sql } from './client.ts';
import { openEmbeddedSql, openServerSql } from './client.ts';
import { forget } from './forget.ts';
import { storeHealth, watchStatements } from './health.ts';
import { migrate, type SchemaOptions } from './migrate.ts';
import { metricValue, type SumMetric } from './ratios.ts';
import { startRebuild } from './rebuild.ts';
import { rememberedDays } from './remembereddays.ts';
import { reportFileSql, reportSql } from './reportsql.ts';
import { retain } from './retention.ts';
import { dropOldBuilds, type RolledDay, rollUpNext } from './rollup.ts';
import { bidStatsColumns, bidStatsValues, eventColumns, eventValues } from './rows.ts';
import type { Block, Store, StoreTable } from './store.ts';
import { touches } from './touches.ts';

/** Rows of one answer at most; a stream has no such limit. */
const MAX_REPORT_ROWS = 100_000;
const RETRY_MS = 500;

export interface StoreConfig {
  /** Directory of the embedded ClickHouse (chDB), or a server. */
  readonly at: { readonly dir: string } | { readonly server: ServerConfig };
  /** Default `evenkeel`. */
  readonly database?: string;
  /** The ClickHouse cluster whose replicas shall keep the tables. Default null: one server. */
  readonly cluster?: string | null;
  /** How long to wait at start for a server that does not answer, milliseconds. Default 30,000. */
  readonly waitMs?: number;
  /** Threads one query may use in the embedded engine. Default 1. */
  readonly maxThreads?: number;
}

/**
 * Opens the store and brings its schema up to date.
 * @throws CodedError `store_locked`, `store_denied`, `store_unavailable`, `migration_changed`
 */
export async function openStore(config: StoreConfig): Promise<Store> {
  const embedded = 'dir' in config.at;
  const sql =
    'dir' in config.at
      ? await openEmbeddedSql(config.at.dir, config.maxThreads)
      : openServerSql(config.at.server, { replicated: config.cluster != null });
  const schema: SchemaOptions = {
    database: databaseName(config.database ?? 'evenkeel'),
    cluster: config.cluster ?? null,
    // In one process nobody can repeat an insert behind our back; the position in the data says what is there.
    deduplicationWindow: embedded ? 0 : 10_000,
  };
  try {
    await migrateWhenThere(sql, schema, embedded ? 0 : (config.waitMs ?? 30_000));
  } catch (error) {
    await sql.close();
    throw error;
  }
  // Only one process can have an embedded store open.
  return storeOn(sql, schema, 'events', { alone: embedded });
}

async function migrateWhenThere(sql: Sql, schema: SchemaOptions, waitMs: number): Promise<void> {
  for (let waitedMs = 0; ; waitedMs += RETRY_MS) {
    try {
      await migrate(sql, schema);
      return;
    } catch (error) {
      if (codeOf(error) !== 'store_unavailable' || waitedMs >= waitMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

/**
 * The store over migrated tables.
 * @param events the table of events: the live one, or one being rebuilt
 * @param options alone: nobody else writes to these tables, so that what was read of them holds until this store writes
 */
export function storeOn(engine: Sql, schema: SchemaOptions, events: string, options: { alone?: boolean } = {}): Store {
  const watch = watchStatements(systemClock);
  const days = rememberedDays(watch.watched(engine), schema, options.alone === true);
  const { sql } = days;
  const table = (name: StoreTable): string => `${schema.database}.${name === 'events' ? events : name}`;
  const tables = { events: table('events'), bidStats: table('bid_stats'), rollups: `${schema.database}.rollups` };
  // Sums are of the live table.
  const rolled = async (): Promise<readonly RolledDay[]> => (events === 'events' ? days.read() : []);
  const cleanDays = new Set<string>();

  return {
    insertEvents: (block) => insertBlock(sql, table('events'), eventColumns, block, eventValues),
    insertBidStats: (block) => insertBlock(sql, table('bid_stats'), bidStatsColumns, block, bidStatsValues),
    async positions(name) {
      const rows = await sql.rows(`SELECT partition, toUInt64(max(offset) + 1) FROM ${table(name)} GROUP BY partition`);
      return new Map(rows.map(([partition, next]) => [Number(partition), Number(next)]));
    },
    async claims(partition, kind, sinceMs, onChunk) {
      const query =
        `SELECT event_id, time_ms, appended_ms FROM ${table('events')} WHERE partition = {partition:UInt16} AND claimed = 1 AND ` +
        (kind === 'conversions'
          ? "type = 'conversion' AND appended_ms >= {since:Int64}"
          : "type != 'conversion' AND time_ms >= {since:Int64}");
      for await (const rows of sql.stream(query, { partition, since: Math.trunc(sinceMs) })) {
        onChunk(
          rows.map(([eventId, timeMs, appendedMs]) => ({
            eventId: String(eventId),
            timeMs: Number(timeMs),
            appendedMs: Number(appendedMs),
          })),
        );
      }
    },
    async newestMs(name, partition) {
      const [row] = await sql.rows(
        `SELECT count(), max(appended_ms) FROM ${table(name)} WHERE partition = {partition:UInt16}`,
        { partition },
      );
      return row === undefined || Number(row[0]) === 0 ? null : Number(row[1]);
    },
    async bidStatsSequences(sinceMs) {
      const rows = await sql.rows(
        `SELECT node, max(sequence) FROM ${table('bid_stats')} WHERE appended_ms >= {since:Int64} AND node != '' AND status = 'accepted' GROUP BY node`,
        { since: Math.trunc(sinceMs) },
      );
      return new Map(rows.map(([node, sequence]) => [String(node), Number(sequence)]));
    },
    spend: (fromMs, toMs, bucketMs) => spend(sql, tables.events, fromMs, toMs, bucketMs),
    async query(query) {
      const limit = query.limit ?? MAX_REPORT_ROWS;
      return watch.timed(async () => {
        const { text, params, sums } = reportSql({ ...query, limit }, tables, await rolled());
        const rows = await sql.rows(text, params);
        return {
          rows: rows.slice(0, limit).map((row) => reportRow(row, query, sums)),
          truncated: rows.length > limit,
        };
      });
    },
    async *stream(query) {
      const { text, params, sums } = reportSql(query, tables, await rolled());
      for await (const chunk of sql.stream(text, params)) yield chunk.map((row) => reportRow(row, query, sums));
    },
    async *parquet(query) {
      const { text, params } = reportFileSql(query, tables, await rolled());
      yield* sql.parquet(text, params);
    },
    async rollUp(restMs) {
      const made = await rollUpNext(sql, schema, restMs);
      if (made === null) await dropOldBuilds(sql, schema, restMs);
      return made;
    },
    touches: (users, sinceMs) => touches(sql, tables.events, users, sinceMs),
    forget: (users) => forget(sql, schema, users),
    retain: (expiry) => retain(sql, schema, expiry, cleanDays),
    audit: async () => audit(sql, tables, await rolled()),
    rebuild: () => startRebuild(sql, schema, (name) => storeOn(sql, schema, name)),
    health: () => storeHealth(sql, schema.database, watch, systemClock, async () => (await rolled()).length),
    async ping() {
      await sql.rows('SELECT 1');
    },
    close: () => sql.close(),
  };
}

async function insertBlock<Row extends { readonly appendedMs: number }>(
  sql: Sql,
  table: string,
  columns: readonly string[],
  block: Block<Row>,
  valuesOf: (row: Row, day: string) => unknown[],
): Promise<void> {
  const first = block.rows[0];
  if (first === undefined) return;
  // The block's day comes from the log, so that the same block always has the same one.
  const day = new Date(first.appendedMs).toISOString().slice(0, 10);
  await sql.insert(
    table,
    columns,
    block.rows.map((row) => valuesOf(row, day)),
    block.token,
  );
}

async function spend(
  sql: Sql,
  table: string,
  fromMs: number,
  toMs: number,
  bucketMs: number,
): Promise<readonly SpendRow[]> {
  const rows = await sql.rows(
    `SELECT advertiser_id, campaign_id, line_item_id, node, intDiv(toUnixTimestamp(tick), {bucket:UInt32}) AS b,
       sum(billed), sum(billing_n), sumIf(n, type = 'win'), sumIf(n, type = 'impression'), sumIf(n, type = 'click'), sumIf(n, type = 'conversion')
     FROM (
       SELECT tick, advertiser_id, campaign_id, line_item_id, node, type, sum(billed_nanos) AS billed, toInt64(sum(billing)) AS billing_n, toInt64(count()) AS n
       FROM ${table}
       WHERE tick >= toDateTime({from:UInt32}, 'UTC') AND tick < toDateTime({to:UInt32}, 'UTC') AND status = 'accepted'
       GROUP BY tick, advertiser_id, campaign_id, line_item_id, node, type
     )
     WHERE node != ''
     GROUP BY advertiser_id, campaign_id, line_item_id, node, b
     ORDER BY b, advertiser_id, campaign_id, line_item_id, node`,
    { from: fromMs / 1000, to: toMs / 1000, bucket: bucketMs / 1000 },
  );
  return rows.map((row) => ({
    advertiserId: Number(row[0]),
    campaignId: Number(row[1]),
    lineItemId: Number(row[2]),
    node: String(row[3]),
    bucketMs: Number(row[4]) * bucketMs,
    billedNanos: BigInt(String(row[5])),
    bills: Number(row[6]),
    wins: Number(row[7]),
    impressions: Number(row[8]),
    clicks: Number(row[9]),
    conversions: Number(row[10]),
  }));
}

function reportRow(row: readonly unknown[], query: ReportQuery, sums: readonly SumMetric[]): ReportRow {
  const dimensions: Partial<Record<ReportDimension, string | number>> = {};
  query.dimensions.forEach((dimension, i) => {
    const value = row[1 + i];
    dimensions[dimension] = reportDimensions[dimension].kind === 'number' ? Number(value) : String(value);
  });
  const measured = row.slice(1 + query.dimensions.length);
  const metrics = metricsOf(measured, query, sums);
  const made = { timeMs: Number(row[0]) * 1000, dimensions, metrics };
  return query.compare === null ? made : { ...made, previous: metricsOf(measured.slice(sums.length), query, sums) };
}

function metricsOf(values: readonly unknown[], query: ReportQuery, sums: readonly SumMetric[]): ReportRow['metrics'] {
  const found = new Map(sums.map((metric, i) => [metric, BigInt(String(values[i]))]));
  const metrics: Partial<Record<ReportMetric, MetricValue>> = {};
  for (const metric of query.metrics) metrics[metric] = metricValue(metric, found);
  return metrics;
}

function databaseName(name: string): string {
  if (/^[a-z][a-z0-9_]{0,62}$/.test(name)) return name;
  throw new CodedError('bad_database', `"${name}" cannot be a database name.`, 'Use lower case letters, digits and _.');
}
