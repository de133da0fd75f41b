import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ReportQueryInput, reportQuerySchema } from '../../core/report.ts';
import { storeOn } from './clickhouse.ts';
import { openEmbeddedSql, type Sql } from './client.ts';
import { migrate, type SchemaOptions } from './migrate.ts';
import { eventRow } from './rows.case.ts';
import type { Store } from './store.ts';

export const schema: SchemaOptions = { database: 'evenkeel', cluster: null, deduplicationWindow: 0 };
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Summer time ends in Berlin on the second day. */
const FROM_MS = Date.UTC(2026, 9, 24);
const types = ['win', 'bill', 'impression', 'click', 'conversion', 'video', 'loss'] as const;
const statuses = ['accepted', 'accepted', 'accepted', 'duplicate', 'invalid', 'quarantined'] as const;

/** An event of every kind, at a time; some are booked to the day before they were appended. */
export function dayRow(i: number, offset: number, atMs: number) {
  const type = types[i % 7]!;
  const status = statuses[i % 6]!;
  const bidAtMs = atMs - (i % 10 === 0 ? 3 * HOUR_MS : 0);
  const made = eventRow({
    offset,
    bidAtMs,
    type,
    status,
    reason: status === 'accepted' ? '' : 'why',
    campaignId: 1 + (i % 3),
    country: ['DEU', 'FRA', 'USA'][i % 3]!,
    user: i % 11,
    billing: type === 'bill' && status === 'accepted',
    billedNanos: type === 'bill' && status === 'accepted' ? 9_007_199_254_740_991 : 0,
    detail: type === 'video' ? 'start' : type === 'conversion' ? ['sale', 'lead'][i % 2]! : '',
    attribution: type === 'conversion' ? ['click', 'view'][i % 2]! : '',
    valueMicros: type === 'conversion' ? 5 : 0,
  });
  const token = { ...made.token!, domain: `site${i % 5}.example`, creativeId: 4 + (i % 4), os: ['ios', ''][i % 2]! };
  return { ...made, token, appendedMs: atMs + 1000, eventId: made.offset.toString(16).padStart(24, '0') };
}

const metrics = [
  ...['impressions', 'clicks', 'wins', 'bills', 'losses', 'conversions', 'clickConversions', 'viewConversions'],
  ...['spendNanos', 'revenueMicros', 'videoStarts', 'received', 'accepted', 'duplicates', 'invalid', 'quarantined'],
  ...['late', 'ctr', 'ecpm', 'winRate'].slice(0, 3),
] as ReportQueryInput['metrics'];
const whole = { fromMs: FROM_MS - DAY_MS, toMs: FROM_MS + 4 * DAY_MS, metrics };
const cut = { fromMs: FROM_MS + 7 * HOUR_MS + 10_000, toMs: FROM_MS + 2 * DAY_MS + 5 * HOUR_MS + 50_000, metrics };
const zoned = { granularity: 'day', timeZone: 'America/New_York' } as const;

/** Reports that differ most in how they are read: cut ends, other zones, filters, people, a comparison. */
export const fewReports: readonly ReportQueryInput[] = [
  { ...cut },
  { ...cut, dimensions: ['eventType', 'status', 'reason', 'conversionType'] },
  { ...whole, ...zoned, timeZone: 'Asia/Kathmandu', dimensions: ['country'] },
  { ...whole, dimensions: ['hourOfDay', 'deviceType'], timeZone: 'Europe/Berlin' },
  { ...cut, dimensions: ['domain'], filter: { campaign: [1, 2] } },
  { ...cut, metrics: ['reach'], dimensions: ['lineItem', 'campaign'] },
  { ...cut, metrics: ['reach', 'spendNanos'], dimensions: ['country'] },
  { ...cut, fromMs: FROM_MS + DAY_MS, compare: 'previous', dimensions: ['campaign', 'country'] },
];

/** Of every kind: each cube, each step, other zones, cut ends, filters. */
export const allReports: readonly ReportQueryInput[] = [
  ...fewReports,
  { ...whole },
  { ...whole, dimensions: ['campaign', 'lineItem'] },
  { ...whole, granularity: 'week', dimensions: ['conversionType'] },
  { ...whole, granularity: 'day', timeZone: 'Europe/Berlin' },
  { ...cut, granularity: 'hour', timeZone: 'Asia/Kolkata', dimensions: ['lineItem'] },
  { ...cut, ...zoned, dimensions: ['country'] },
  { ...whole, dimensions: ['dayOfWeek', 'os'], timeZone: 'Asia/Tokyo' },
  { ...cut, granularity: 'month', dimensions: ['creative', 'size', 'format', 'exchange', 'deal'] },
  { ...whole, ...zoned, dimensions: ['domain'] },
  { ...whole, dimensions: ['region', 'country'], filter: { country: ['DEU'], status: ['accepted'] } },
  { ...whole, dimensions: ['domain'] },
  { ...whole, dimensions: ['os'], filter: { campaign: [2] } },
  { ...whole, ...zoned, dimensions: ['creative'], filter: { lineItem: [3] } },
  { ...cut, dimensions: ['country', 'region'] },
  { ...cut, metrics: ['reach'], dimensions: ['advertiser'] },
  { ...whole, dimensions: ['domain', 'country'] },
  { ...cut, granularity: 'minute', toMs: cut.fromMs + 5 * HOUR_MS },
  { ...whole, metrics: ['reach', 'frequency', 'impressions'], dimensions: ['campaign'] },
  { ...cut, metrics: ['reach'], granularity: 'day' },
  { ...whole, fromMs: FROM_MS + DAY_MS, compare: 'previous', granularity: 'day', timeZone: 'Europe/Berlin' },
  { ...whole, metrics: ['reach'], ...zoned, filter: { campaign: [2], lineItem: [3] } },
];

/** The suite over days of the log that are over. @param days at least two @param rows a day */
export function testSums({
  days,
  rows,
  questions,
}: {
  days: number;
  rows: number;
  questions: typeof allReports;
}): void {
  const dir = mkdtempSync(join(tmpdir(), 'evenkeel-rollup-'));
  const names = ['2026-10-24', '2026-10-25', '2026-10-26'].slice(0, days);
  let store: Store;
  /** The store's own, to write behind its back: it is not told to be alone. */
  let sql: Sql;
  let offset = 0;

  async function insertDay(day: number, count = rows): Promise<void> {
    const all = Array.from({ length: count }, (_, i) =>
      dayRow(i, offset++, FROM_MS + day * DAY_MS + Math.floor((i * DAY_MS) / count) + 5000),
    );
    await store.insertEvents({ rows: all, token: `events/day-${day}-${offset}` });
  }

  beforeAll(async () => {
    sql = await openEmbeddedSql(dir);
    await migrate(sql, schema);
    store = storeOn(sql, schema, 'events');
    // Nothing here outlives the test: waiting for the disk would be most of its time.
    for (const table of ['events', 'rollups', 'rollup_days'])
      await sql.run(`ALTER TABLE evenkeel.${table} MODIFY SETTING fsync_after_insert = 0, fsync_part_directory = 0`);
    for (let day = 0; day < days; day++) await insertDay(day);
  });
  afterAll(async () => {
    await store.close();
    // The engine may still be removing parts that were replaced.
    rmSync(dir, { recursive: true, force: true, maxRetries: 20 });
  });

  const ask = (query: ReportQueryInput) => store.query(reportQuerySchema.parse(query));
  const answers = async () => {
    const all = [];
    for (const question of questions) all.push((await ask(question)).rows);
    return all;
  };

  describe('sums of days that are over', () => {
    it('change no report, whatever it asks for', async () => {
      const before = await answers();
      expect(before.every((rows) => rows.length > 0)).toBe(true);
      const done = [];
      for (let day = await store.rollUp(); day !== null; day = await store.rollUp()) done.push(day);
      expect(done).toEqual([...names].reverse());
      const after = await answers();
      for (const [i, question] of questions.entries()) expect(after[i], JSON.stringify(question)).toEqual(before[i]);
      expect((await store.audit()).faults).toEqual([]);
    });

    it('are what reports are read from, and the audit looks at them', async () => {
      const count = async (): Promise<number> => Number((await ask(whole)).rows[0]?.metrics.clicks);
      const before = await count();
      await sql.run(
        "INSERT INTO evenkeel.rollups (cube, block_day, build, time, campaign_id, clicks, spend_nanos) SELECT 'all_countries', block_day, build, toDateTime(block_day), 0, 1000, 1 FROM evenkeel.rollup_days WHERE build != 0 AND block_day = '2026-10-25'",
      );
      expect(await count()).toBe(before + 1000);
      expect((await store.audit()).faults).toEqual(['the sums of 2026-10-25 by all_countries differ from its rows']);
      // Built anew of the same rows, they are right again.
      await sql.run(
        "INSERT INTO evenkeel.rollup_days SELECT block_day, 0, made_ms + 1, '', 0, 0, 0 FROM evenkeel.rollup_days WHERE build != 0 AND block_day = '2026-10-25'",
      );
      expect(await count()).toBe(before);
      expect(await store.rollUp(-1)).toBe('2026-10-25');
      expect([await count(), (await store.audit()).faults]).toEqual([before, []]);
    });

    it('do not count once a row was added to their day, until they are made anew', async () => {
      const total = async (): Promise<number> => Number((await ask(whole)).rows[0]?.metrics.received);
      const before = await total();
      await insertDay(1, 7);
      expect(await total()).toBe(before + 7);
      expect(await store.rollUp(), 'a day that was just built rests').toBeNull();
      expect(await store.rollUp(-1)).toBe('2026-10-25');
      expect(await total()).toBe(before + 7);
    });

    it('forget a user with the rows, and do not outlive a replay', async () => {
      const built = async (): Promise<number> => {
        const [row] = await sql.rows("SELECT uniqExact(build) FROM evenkeel.rollups WHERE cube = 'reach'");
        return Number(row?.[0]);
      };
      const reach = async () => (await ask({ ...whole, metrics: ['reach'] })).rows[0]?.metrics.reach;
      const before = await reach();
      expect(await store.forget(['0000000000000002'])).toBeGreaterThan(0);
      expect(await reach()).toBe(Number(before) - 1);
      for (let day = await store.rollUp(-1); day !== null; day = await store.rollUp(-1));
      expect([await reach(), await built()]).toEqual([Number(before) - 1, days]);

      const rebuild = await store.rebuild();
      for (const partition of [0]) await rebuild.copy(partition, 0, rows + 1);
      await rebuild.swap();
      const replayed = await ask({ ...whole, metrics: ['received'] });
      expect(replayed.rows[0]?.metrics.received).toBe(rows + 1);
    });
  });
}
