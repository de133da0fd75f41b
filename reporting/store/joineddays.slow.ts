import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type ReportQueryInput, reportQuerySchema } from '../../core/report.ts';
import { storeOn } from './clickhouse.ts';
import { openEmbeddedSql, type Sql } from './client.ts';
import { migrate } from './migrate.ts';
import { dayRow, schema } from './rollup.case.ts';
import type { Store } from './store.ts';

vi.setConfig({ testTimeout: 600_000, hookTimeout: 60_000 });

const DAY_MS = 86_400_000;
const FROM_MS = Date.UTC(2026, 9, 18);
const DAYS = 9;
const ROWS = 60;
/** Nine days have three weeks. */
const WEEKS = DAYS - 6;
const whole = { fromMs: FROM_MS - DAY_MS, toMs: FROM_MS + DAYS * DAY_MS };
const people: ReportQueryInput['metrics'] = ['impressions', 'reach', 'frequency'];

const questions: readonly ReportQueryInput[] = [
  { ...whole, metrics: people },
  { ...whole, metrics: ['spendNanos', 'received', 'clicks'], dimensions: ['domain'] },
  { ...whole, metrics: ['spendNanos', 'invalid'], dimensions: ['country', 'region'] },
  { ...whole, metrics: people, dimensions: ['campaign'] },
  { ...whole, metrics: people, dimensions: ['lineItem'], filter: { campaign: [1, 2] } },
  { ...whole, metrics: ['reach', 'spendNanos'], dimensions: ['advertiser'] },
  { ...whole, metrics: people, dimensions: ['dayOfWeek'] },
  { ...whole, metrics: people, granularity: 'day' },
  // The last days are cut off; of the first, late rows are.
  { ...whole, toMs: FROM_MS + 7 * DAY_MS, metrics: people, dimensions: ['campaign'] },
  { ...whole, fromMs: FROM_MS + DAY_MS, metrics: people, dimensions: ['campaign'] },
  { fromMs: FROM_MS + 4 * DAY_MS, toMs: whole.toMs, metrics: people, compare: 'previous', dimensions: ['campaign'] },
];

describe('whole weeks', () => {
  const dir = mkdtempSync(join(tmpdir(), 'evenkeel-weeks-'));
  let store: Store;
  let sql: Sql;
  beforeAll(async () => {
    sql = await openEmbeddedSql(dir);
    await migrate(sql, schema);
    store = storeOn(sql, schema, 'events');
    // Nothing here outlives the test: waiting for the disk would be most of its time.
    for (const table of ['events', 'rollups', 'rollup_days', 'rollup_weeks'])
      await sql.run(`ALTER TABLE evenkeel.${table} MODIFY SETTING fsync_after_insert = 0, fsync_part_directory = 0`);
    for (let day = 0; day < DAYS; day++) {
      const rows = Array.from({ length: ROWS }, (_, i) =>
        dayRow(i, day * ROWS + i, FROM_MS + day * DAY_MS + Math.floor((i * DAY_MS) / ROWS) + 5000),
      );
      await store.insertEvents({ rows, token: `events/${day}` });
    }
  });
  afterAll(async () => {
    await store.close();
    // The engine may still be removing parts that were replaced.
    rmSync(dir, { recursive: true, force: true, maxRetries: 20 });
  });
  const ask = async (query: ReportQueryInput) => (await store.query(reportQuerySchema.parse(query))).rows;
  const answers = async () => {
    const all = [];
    for (const question of questions) all.push(await ask(question));
    return all;
  };
  const rollAll = async (): Promise<readonly string[]> => {
    const made: string[] = [];
    for (let next = await store.rollUp(-1); next !== null; next = await store.rollUp(-1)) made.push(next);
    return made;
  };
  const weeksKept = async (): Promise<number> =>
    Number((await sql.rows("SELECT uniqExact(build) FROM evenkeel.rollups WHERE cube LIKE '%weeks'"))[0]![0]);

  it('change no report, are what reports are read from, and go with a day that changes', async () => {
    const before = await answers();
    expect(before.every((rows) => rows.length > 0)).toBe(true);
    const made = await rollAll();
    expect(made.slice(DAYS)).toEqual(['7 days from 2026-10-20', '7 days from 2026-10-19', '7 days from 2026-10-18']);
    const after = await answers();
    for (const [i, question] of questions.entries()) expect(after[i], JSON.stringify(question)).toEqual(before[i]);
    expect((await store.audit()).faults).toEqual([]);

    // What stands in a week's sums alone is seen where its days are not told apart, and only there.
    const impressions = async (extra: Partial<ReportQueryInput> = {}): Promise<number> =>
      (await ask({ ...whole, metrics: people, dimensions: ['lineItem'], ...extra })).reduce(
        (sum, row) => sum + Number(row.metrics.impressions),
        0,
      );
    const counted = await impressions();
    await sql.run(
      "INSERT INTO evenkeel.rollups (cube, block_day, build, time, impressions) SELECT 'reach_weeks', week, build, toDateTime(week, 'UTC'), 1000 FROM evenkeel.rollup_weeks WHERE week = '2026-10-20'",
    );
    expect(await impressions()).toBe(counted + 1000);
    expect(await impressions({ granularity: 'day' })).toBe(counted);

    // Somebody is forgotten: the week does not count at once, and is made anew with its days.
    const reach = async (): Promise<number> => Number((await ask({ ...whole, metrics: ['reach'] }))[0]!.metrics.reach);
    const known = await reach();
    await store.forget(['0000000000000002']);
    expect([await reach(), await impressions()]).toEqual([known - 1, counted]);
    expect((await rollAll()).at(-1)).toBe('7 days from 2026-10-18');
    expect([await reach(), await impressions(), await weeksKept()]).toEqual([known - 1, counted, WEEKS]);
  });
});
