import type { Clock } from '../../core/clock.ts';
import { CodedError } from '../../core/errors.ts';
import { openEmbeddedSql, type Sql } from '../store/client.ts';
import { migrate } from '../store/migrate.ts';

export interface TableEngineBench {
  readonly through: 'ClickHouse Kafka table engine';
  readonly rows: number;
  /** Rows a second from its first to its last block. */
  readonly rowsPerSecond: number;
  readonly cpuMicrosPerEvent: number;
  /** What the engine was not asked to do. */
  readonly without: string;
}

const PATIENCE_MS = 120_000;
const DATABASE = 'evenkeel';

/**
 * Reads what a pipeline bench left in Kafka into the same table, with the same projections, by ClickHouse's own Kafka
 * table engine and a materialized view in chDB. It reads the numbers of a token, believes every token, and counts a
 * repeated event twice.
 * @throws CodedError `bench_failed` when not all records arrive
 */
export async function benchTableEngine(
  config: { readonly dir: string; readonly kafka: string; readonly topic: string; readonly records: number },
  { clock }: { readonly clock: Clock },
): Promise<TableEngineBench> {
  const sql = await openEmbeddedSql(config.dir);
  await migrate(sql, { database: DATABASE, cluster: null, deduplicationWindow: 0 });
  await sql.run(
    `CREATE TABLE ${DATABASE}.queue (type String, token String, atMs Int64, priceNanos Nullable(Int64), ip String, ua String)
     ENGINE = Kafka SETTINGS kafka_broker_list = '${config.kafka}', kafka_topic_list = '${config.topic}',
       kafka_group_name = '${config.topic}-engine', kafka_format = 'JSONEachRow', kafka_max_block_size = 20000,
       kafka_poll_max_batch_size = 20000, kafka_flush_interval_ms = 500, input_format_skip_unknown_fields = 1`,
  );
  const cpu = process.cpuUsage();
  await sql.run(`CREATE MATERIALIZED VIEW ${DATABASE}.pump TO ${DATABASE}.events AS ${pump}`);
  let [first, firstMs] = [0, 0];
  const sinceMs = clock.monotonicMs();
  for (;;) {
    const rows = await count(sql);
    if (first === 0 && rows > 0) [first, firstMs] = [rows, clock.monotonicMs()];
    if (rows >= config.records) break;
    if (clock.monotonicMs() - sinceMs > PATIENCE_MS) {
      throw new CodedError('bench_failed', `The engine read ${rows} of ${config.records} records.`, 'See the broker.');
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const spentMs = clock.monotonicMs() - firstMs;
  const used = process.cpuUsage(cpu);
  await sql.run(`DROP TABLE ${DATABASE}.pump SYNC`);
  await sql.run(`DROP TABLE ${DATABASE}.queue SYNC`);
  const rows = await count(sql);
  await sql.close();
  return {
    through: 'ClickHouse Kafka table engine',
    rows,
    rowsPerSecond: Math.round(((rows - first) * 1000) / Math.max(1, spentMs)),
    cpuMicrosPerEvent: Math.round(((used.user + used.system) / rows) * 10) / 10,
    without: 'signatures, duplicates, text dimensions, positions that survive a kill',
  };
}

async function count(sql: Sql): Promise<number> {
  return Number((await sql.rows(`SELECT count() FROM ${DATABASE}.events`))[0]?.[0] ?? 0);
}

/** The big-endian number of some bytes of the token, counted from 1. */
const number = (from: number, bytes: number): string => `reinterpretAsUInt64(reverse(substring(b, ${from}, ${bytes})))`;

const pump = `
  SELECT
    _partition AS partition, _offset AS offset, toDate(_timestamp_ms) AS block_day,
    toUnixTimestamp64Milli(_timestamp_ms) AS appended_ms, atMs AS at_ms, toInt64(${number(16, 6)}) AS time_ms,
    type, 'accepted' AS status, substring(lower(hex(SHA256(concat(hex(substring(b, 4, 12)), type)))), 1, 24) AS event_id,
    lower(hex(substring(b, 4, 12))) AS bid_id, lower(hex(substring(b, 4, 4))) AS node,
    toUInt32(${number(28, 4)}) AS advertiser_id, toUInt32(${number(32, 4)}) AS campaign_id,
    toUInt32(${number(36, 4)}) AS line_item_id, toUInt32(${number(40, 4)}) AS creative_id,
    toInt64(ifNull(priceNanos, 0)) AS price_nanos, type = 'bill' AS billing, if(type = 'bill', price_nanos, 0) AS billed_nanos, ip, ua
  FROM (SELECT *, base64URLDecode(token) AS b, _partition, _offset, _timestamp_ms FROM ${DATABASE}.queue)`;
