import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import { storeOn } from './clickhouse.ts';
import { openEmbeddedSql, type Sql } from './client.ts';
import { migrate, type SchemaOptions } from './migrate.ts';
import type { Store } from './store.ts';

const DAY_SECONDS = 86_400;
const DAYS = 30;
const BID_LINE_ITEMS = 25;
const BID_ROWS = (DAY_SECONDS / 60) * BID_LINE_ITEMS;
const schema: SchemaOptions = { database: 'evenkeel', cluster: null, deduplicationWindow: 0 };

/** Late in the day, so that what is asked about today reads most of a day whenever this runs. */
const END_HOUR = 22;
/** Of a log nobody has: a running system that is started on this directory begins at the beginning of its own. */
const PARTITION = 60_000;

export interface MadeUpMonth {
  /** When the last event was: 22:00 (UTC) of the day on which the directory was first filled. */
  readonly nowMs: number;
  readonly store: Store;
  readonly sql: Sql;
  readonly events: number;
  readonly bidStats: number;
  /** What summing its days up took, in words. */
  readonly summed: string;
}

/**
 * A chDB directory with thirty days of events that end tonight: 20 advertisers, 200 campaigns, 400 line items, 1,200
 * creatives, 3,000 domains, 40 countries and 2 million users, most traffic on few of each. Bidders' counters beside it,
 * a row a minute, for every sixteenth line item. Days that are over are summed up. A directory that was filled before, or in part, is used.
 * @param events how many rows, spread evenly over the days
 */
export async function makeMonth(dir: string, events: number, clock: Clock): Promise<MadeUpMonth> {
  const nowMs = endOf(dir, clock);
  const sql = await openEmbeddedSql(dir);
  await migrate(sql, schema);
  const count = async (table: string): Promise<number> =>
    Number((await sql.rows(`SELECT count() FROM evenkeel.${table}`))[0]![0]);
  const perDay = Math.floor(events / DAYS);
  const isThere = async (table: string, offset: number): Promise<boolean> =>
    (await sql.rows(`SELECT 1 FROM evenkeel.${table} WHERE offset = ${offset} LIMIT 1`)).length > 0;
  for (let day = 0; day < DAYS; day++) {
    const startSeconds = Math.floor(nowMs / 1000) - (DAYS - day) * DAY_SECONDS;
    // Ingest inserts small blocks, which merges have joined by the next day.
    const blocks = day === DAYS - 1 ? 12 : 2;
    for (let block = 0; block < blocks; block++) {
      const from = day * perDay + Math.floor((perDay * block) / blocks);
      const to = day * perDay + Math.floor((perDay * (block + 1)) / blocks);
      if (!(await isThere('events', from)))
        await sql.run(eventsSql(from, to - from, perDay, day * perDay, startSeconds));
    }
    if (!(await isThere('bid_stats', day * BID_ROWS))) await sql.run(bidStatsSql(day, startSeconds));
  }
  const store = storeOn(sql, schema, 'events', { alone: true });
  const before = process.cpuUsage();
  let days = 0;
  while ((await store.rollUp(0)) !== null) days += 1;
  const { user, system } = process.cpuUsage(before);
  return {
    nowMs,
    store,
    sql,
    summed: `${days} days and weeks summed up with ${((user + system) / 1e6).toFixed(1)} s of CPU`,
    events: await count('events'),
    bidStats: await count('bid_stats'),
  };
}

function endOf(dir: string, clock: Clock): number {
  mkdirSync(dir, { recursive: true });
  const file = join(dir, 'made-up-until');
  if (!existsSync(file)) {
    const today = Math.floor(clock.nowMs() / 1000 / DAY_SECONDS) * DAY_SECONDS;
    writeFileSync(file, String((today + END_HOUR * 3600) * 1000));
  }
  return Number(readFileSync(file, 'utf8'));
}

/** Draws from [0, n), small numbers more often. `salt` makes the draws of a row independent. */
const skewed = (n: number, salt: number): string =>
  `toUInt32(floor(${n} * pow(intHash32(number * 16 + ${salt}) / 4294967296, 2.5)))`;

function eventsSql(from: number, rows: number, perDay: number, first: number, startSeconds: number): string {
  const seconds = `${startSeconds} + intDiv((number - ${first}) * ${DAY_SECONDS}, ${perDay})`;
  return `INSERT INTO evenkeel.events (partition, offset, block_day, appended_ms, at_ms, time_ms, type, status, reason, claimed, event_id,
    bid_id, node, advertiser_id, campaign_id, line_item_id, creative_id, exchange, domain, country, region, os, device_type, mtype, w, h,
    user, price_nanos, billing, billed_nanos, ip, ua)
  WITH ${skewed(400, 1)} AS li, number % 100 AS kind, ${seconds} AS s
  SELECT ${PARTITION} + number % 4, number, toDate(toDateTime(s, 'UTC')), s * 1000, s * 1000, s * 1000 - number % 997,
    multiIf(kind < 45, 'win', kind < 90, 'impression', kind < 91, 'click', kind < 99, 'loss', 'conversion'),
    if(intHash32(number + 7) % 50 = 0, if(number % 3 = 0, 'invalid', 'duplicate'), 'accepted'),
    if(intHash32(number + 7) % 50 = 0, if(number % 3 = 0, 'bot', 'repeated'), ''),
    1, substring(hex(sipHash128(number)), 1, 24), substring(hex(sipHash128(number, 1)), 1, 24), 'aabbccdd',
    li % 20 + 1, li % 200 + 1, li + 1, li * 3 + number % 3 + 1, concat('exchange', toString(${skewed(5, 2)})),
    concat('site', toString(${skewed(3000, 3)}), '.example'), concat('C', toString(${skewed(40, 4)} + 10)),
    concat('R', toString(${skewed(200, 5)})), ['android', 'ios', 'windows', 'macos', 'linux', ''][${skewed(6, 6)} + 1],
    ${skewed(6, 7)}, 1, [300, 320, 728, 160, 300, 970, 320, 336][li % 8 + 1], [250, 50, 90, 600, 600, 250, 480, 280][li % 8 + 1],
    ${skewed(2_000_000, 8)} + 1, 1500000, kind < 45, if(kind < 45, 900000 + number % 1000000, 0), '203.0.113.7', 'Mozilla/5.0'
  FROM numbers(${from}, ${rows})`;
}

function bidStatsSql(day: number, startSeconds: number): string {
  return `INSERT INTO evenkeel.bid_stats (partition, offset, block_day, appended_ms, from_ms, to_ms, status, node, sequence, kind,
    advertiser_id, campaign_id, line_item_id, reason, requests, matched, bids, bid_nanos, no_bids)
  WITH (number % ${BID_LINE_ITEMS}) * 16 AS li, ${startSeconds} + intDiv(number, ${BID_LINE_ITEMS}) * 60 AS s
  SELECT ${PARTITION}, ${day} * ${BID_ROWS} + number, toDate(toDateTime(s, 'UTC')), s * 1000, s * 1000, s * 1000 + 1000, 'accepted', 'aabbccdd', number,
    if(number % 5 = 0, 'line_item', 'reason'), li % 20 + 1, li % 200 + 1, li + 1,
    if(number % 5 = 0, '', ['pacing', 'below_floor', 'frequency_cap', 'creative_size'][number % 4 + 1]),
    0, if(number % 5 = 0, 900, 0), if(number % 5 = 0, 120, 0), if(number % 5 = 0, 240000000, 0), if(number % 5 = 0, 0, 77)
  FROM numbers(${BID_ROWS})`;
}
