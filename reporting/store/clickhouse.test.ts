import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { localDay } from '../../core/budgetday.ts';
import { nanosToDecimal } from '../../core/money.ts';
import {
  type ReportMetric,
  type ReportQueryInput,
  type ReportRow,
  reportDimensionNames,
  reportDimensions,
  reportQuerySchema,
} from '../../core/report.ts';
import { openStore } from './clickhouse.ts';
import { openEmbeddedSql } from './client.ts';
import { bidStatsRow, eventRow } from './rows.case.ts';
import type { Store } from './store.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const AT_MS = Date.UTC(2026, 2, 29, 0, 0, 0);
const HOUR_MS = 3_600_000;
// One chDB directory per process: the tests of this file share a store and use different partitions and campaigns.
const dir = mkdtempSync(join(tmpdir(), 'evenkeel-store-'));
let store: Store;
beforeAll(async () => {
  store = await openStore({ at: { dir } });
});
afterAll(async () => {
  await store.close();
  // The engine may still be removing parts that were replaced.
  rmSync(dir, { recursive: true, force: true, maxRetries: 20 });
});

/** Rows of a file that has a time, two dimensions and five metrics, each beside its own of the period before, as text where a JS number would not be exact. */
async function readParquet(path: string): Promise<unknown[][]> {
  const sql = await openEmbeddedSql(dir);
  const columns =
    'toString(toUnixTimestamp64Milli(time)), toString(campaign), country, toString(impressions), toString(spend), ctr, ecpm, ecpc, toString(previousImpressions), toString(previousSpend), previousCtr, previousEcpm, previousEcpc';
  return sql.rows(`SELECT ${columns} FROM file('${path}', Parquet) ORDER BY time, campaign, country`);
}

const report = (query: ReportQueryInput) => store.query(reportQuerySchema.parse(query));

describe('the store', () => {
  it('keeps a block and says where each partition stands', async () => {
    const rows = [0, 1, 2].map((offset) => eventRow({ partition: 7, offset, campaignId: 7, billedNanos: 5 }));
    await store.insertEvents({ rows, token: 'events/7:0-2' });
    await store.insertEvents({
      rows: [eventRow({ partition: 8, offset: 41, campaignId: 7 })],
      token: 'events/8:41-41',
    });
    await store.insertEvents({ rows: [], token: 'nothing' });
    const positions = await store.positions('events');
    expect([positions.get(7), positions.get(8), positions.get(9)]).toEqual([3, 42, undefined]);
    expect(await store.newestMs('events', 7)).toBe(rows[2]!.appendedMs);
    expect(await store.newestMs('events', 99)).toBeNull();
  });

  it('gives back the ids that are held, per partition and kind', async () => {
    const id = (digit: string): string => digit.repeat(24);
    await store.insertEvents({
      token: 'events/20:0-3',
      rows: [
        eventRow({ partition: 20, offset: 0, eventId: id('a'), claimed: true, bidAtMs: AT_MS }),
        eventRow({ partition: 20, offset: 1, eventId: id('b'), claimed: true, bidAtMs: AT_MS - 5 * HOUR_MS }),
        eventRow({ partition: 20, offset: 2, eventId: id('a'), status: 'duplicate', bidAtMs: AT_MS }),
        eventRow({ partition: 20, offset: 3, eventId: id('c'), claimed: true, type: 'conversion', bidAtMs: AT_MS }),
      ],
    });
    const held = async (kind: 'conversions' | 'others', sinceMs: number): Promise<string[]> => {
      const ids: string[] = [];
      await store.claims(20, kind, sinceMs, (chunk) => ids.push(...chunk.map(({ eventId }) => eventId[0]!)));
      return ids.sort();
    };
    expect(await held('others', AT_MS - HOUR_MS)).toEqual(['a']);
    expect(await held('others', 0)).toEqual(['a', 'b']);
    expect(await held('conversions', 0)).toEqual(['c']);
  });

  it('finds what users saw and clicked', async () => {
    const shared = { partition: 23, bidAtMs: AT_MS, user: 0xabc };
    await store.insertEvents({
      token: 'events/23:0-3',
      rows: [
        eventRow({ ...shared, offset: 0, type: 'impression', atMs: AT_MS + 1 }),
        eventRow({ ...shared, offset: 1, type: 'click', atMs: AT_MS + 2 }),
        eventRow({ ...shared, offset: 2, type: 'click', atMs: AT_MS + 3, status: 'duplicate' }),
        eventRow({ ...shared, offset: 3, type: 'click', atMs: AT_MS + 4, user: 0xabd }),
      ],
    });
    const found = await store.touches(['0000000000000abc', '000000000000ffff'], AT_MS);
    expect(found.map(({ click, atMs }) => [click, atMs - AT_MS])).toEqual([
      [true, 2],
      [false, 1],
    ]);
    const { capNanos: _, billingEvent: __, ...kept } = eventRow(shared).token!;
    expect(found[0]?.token).toMatchObject(kept);
    expect(await store.touches(['0000000000000abc'], AT_MS + 1)).toEqual([]);
  });

  it('adds money up exactly where floats would not', async () => {
    const nanos = [9_007_199_254_740_991, 9_007_199_254_740_991, 1];
    await store.insertEvents({
      token: 'events/21:0-2',
      rows: nanos.map((billedNanos, offset) => eventRow({ partition: 21, offset, campaignId: 21, billedNanos })),
    });
    const { rows } = await report({
      fromMs: AT_MS,
      toMs: AT_MS + HOUR_MS,
      metrics: ['spendNanos', 'bills'],
      filter: { campaign: [21] },
    });
    expect(rows[0]?.metrics).toEqual({ spendNanos: '18014398509481983', bills: 3 });
  });

  it('knows the last sequence of each node', async () => {
    await store.insertBidStats({
      token: 'bidstats/0:0-1',
      rows: [
        bidStatsRow({ partition: 0, offset: 0, node: '000000aa', sequence: 4, kind: 'request', requests: 10 }),
        bidStatsRow({
          partition: 0,
          offset: 0,
          node: '000000aa',
          sequence: 4,
          kind: 'line_item',
          lineItemId: 3,
          bids: 6,
        }),
        bidStatsRow({ partition: 0, offset: 1, node: '000000bb', sequence: 1, kind: 'request', requests: 10 }),
      ],
    });
    expect(await store.bidStatsSequences(0)).toEqual(
      new Map([
        ['000000aa', 4],
        ['000000bb', 1],
      ]),
    );
  });
});

describe('a report', () => {
  const zone = 'Europe/Berlin';
  const from = Date.UTC(2026, 9, 24, 0, 0, 0);
  const hours = 72;
  beforeAll(async () => {
    // Three days around the end of summer time, one impression and one bill of `hour` nanos in each quarter of an hour.
    const rows = Array.from({ length: hours * 4 }, (_, i) => {
      const shared = { partition: 30, campaignId: 30 + (i % 3), bidAtMs: from + i * 900_000 + 5000 };
      return [
        eventRow({ ...shared, offset: 2 * i, type: 'impression', country: i % 2 === 0 ? 'DEU' : 'FRA', user: i % 5 }),
        eventRow({ ...shared, offset: 2 * i + 1, type: 'bill', billing: true, billedNanos: i }),
      ];
    }).flat();
    await store.insertEvents({ rows, token: 'events/30:all' });
    await store.insertBidStats({
      token: 'bidstats/30:0-0',
      rows: [
        bidStatsRow({ partition: 30, offset: 0, kind: 'request', fromMs: from, requests: 100, answered: 60 }),
        bidStatsRow({ partition: 30, offset: 0, kind: 'no_bid', fromMs: from, reason: 'no_candidates', noBids: 40 }),
        bidStatsRow({
          partition: 30,
          offset: 0,
          kind: 'line_item',
          fromMs: from,
          campaignId: 30,
          matched: 80,
          bids: 60,
          bidNanos: 120,
          valueNanos: 160,
        }),
        bidStatsRow({
          partition: 30,
          offset: 0,
          kind: 'reason',
          fromMs: from,
          campaignId: 30,
          reason: 'pacing',
          noBids: 20,
        }),
      ],
    });
  });
  const range = { fromMs: from, toMs: from + hours * HOUR_MS };

  it('cuts days as the zone has them, 25 hours long when the clock goes back', async () => {
    const { rows } = await report({ ...range, granularity: 'day', timeZone: zone, metrics: ['impressions'] });
    for (const row of rows.slice(1)) expect(row.timeMs).toBe(localDay(zone, row.timeMs).startMs);
    expect(rows.map((row) => row.metrics.impressions)).toEqual([22 * 4, 25 * 4, 24 * 4, 4]);
  });

  it('cuts hours, weeks and months, and gives every bucket its start', async () => {
    const hourly = await report({ ...range, granularity: 'hour', timeZone: 'Asia/Kolkata', metrics: ['impressions'] });
    expect(hourly.rows.length).toBe(hours + 1);
    expect(hourly.rows[1]?.timeMs).toBe(from + HOUR_MS / 2);
    const weekly = await report({ ...range, granularity: 'week', timeZone: zone, metrics: ['impressions'] });
    expect(weekly.rows.map((row) => new Date(row.timeMs).toISOString())).toEqual([
      '2026-10-18T22:00:00.000Z',
      '2026-10-25T23:00:00.000Z',
    ]);
    const monthly = await report({ ...range, granularity: 'month', timeZone: zone, metrics: ['impressions'] });
    expect(monthly.rows.map((row) => new Date(row.timeMs).toISOString())).toEqual(['2026-09-30T22:00:00.000Z']);
    const minutes = await report({
      fromMs: from,
      toMs: from + HOUR_MS,
      granularity: 'minute',
      metrics: ['impressions'],
    });
    expect(minutes.rows.map((row) => (row.timeMs - from) / 60_000)).toEqual([0, 15, 30, 45]);
  });

  it('has sums over any dimension that equal the total', async () => {
    const metrics = ['impressions', 'spendNanos', 'received'] as const;
    const total = (await report({ ...range, metrics: [...metrics] })).rows[0]!.metrics;
    expect(total).toEqual({ impressions: 288, spendNanos: String((287 * 288) / 2), received: 576 });
    const dimensions = reportDimensionNames.filter((name) => reportDimensions[name].events);
    for (const dimension of dimensions) {
      const { rows } = await report({ ...range, dimensions: [dimension], metrics: [...metrics] });
      const sum = (name: 'impressions' | 'spendNanos' | 'received'): number =>
        rows.reduce((all, row) => all + Number(row.metrics[name]), 0);
      expect([sum('impressions'), String(sum('spendNanos')), sum('received')], dimension).toEqual(Object.values(total));
    }
  });

  it('joins bids and events, filters, sorts and limits', async () => {
    const { rows, truncated } = await report({
      ...range,
      dimensions: ['campaign'],
      metrics: ['bids', 'winRate', 'averageBidCpm', 'lineItemNoBids', 'spendNanos', 'reach', 'ecpm'],
      filter: { campaign: [30, 31] },
      orderBy: { by: 'spendNanos', descending: true },
    });
    expect(truncated).toBe(false);
    expect(rows.map((row) => row.dimensions.campaign)).toEqual([31, 30]);
    expect(rows[1]?.metrics).toEqual({
      bids: 60,
      winRate: 0,
      averageBidCpm: 0.000002,
      lineItemNoBids: 20,
      spendNanos: '13680',
      reach: 4,
      ecpm: 13680 / 96 / 1e6,
    });
    const short = await report({ ...range, dimensions: ['campaign'], metrics: ['impressions'], limit: 2 });
    expect([short.rows.length, short.truncated]).toEqual([2, true]);
    expect((await report({ ...range, metrics: ['impressions'], filter: { country: [] } })).rows).toEqual([]);
    const quoted = await report({ ...range, metrics: ['impressions'], filter: { country: ["DEU' OR 1=1 --", 'DEU'] } });
    expect(quoted.rows[0]?.metrics.impressions).toBe(144);
  });

  it('counts requests and their no-bid reasons once', async () => {
    const { rows } = await report({
      ...range,
      dimensions: ['noBidReason'],
      metrics: ['noBids', 'lineItemNoBids', 'requests'],
    });
    expect(rows.map((row) => [row.dimensions.noBidReason, ...Object.values(row.metrics)])).toEqual([
      ['', 0, 0, 100],
      ['no_candidates', 40, 0, 0],
      ['pacing', 0, 20, 0],
    ]);
  });

  it('tells what shading saved: the wins at the value of their bids, less what they cost', async () => {
    const metrics = ['bidNanos', 'valueNanos', 'shadingSavedNanos', 'spendNanos'] as const;
    const { rows } = await report({ ...range, metrics: [...metrics], filter: { campaign: [30] } });
    expect(rows[0]?.metrics).toEqual({
      bidNanos: '120',
      valueNanos: '160',
      shadingSavedNanos: String(Math.floor((13680 * 40) / 120)),
      spendNanos: '13680',
    });
  });

  it('adds whole days of UTC and what is left at the ends to what the rows say', async () => {
    const metrics: ReportMetric[] = ['impressions', 'spendNanos', 'duplicates', 'viewConversions'];
    const ends = { fromMs: from + 10_000, toMs: from + 71 * HOUR_MS + 50_000 };
    for (const query of [
      { dimensions: ['campaign', 'creative', 'size'] },
      { dimensions: ['country'], filter: { advertiser: [1], country: ['DEU'] } },
      { dimensions: ['domain', 'exchange'], filter: { advertiser: [9] } },
      { granularity: 'day', dimensions: ['deviceType', 'os'] },
      { granularity: 'week', dimensions: ['reason', 'status'] },
    ] as const) {
      const asked = { ...ends, metrics, ...query } as unknown as ReportQueryInput;
      // Hours are never read from days, and their dimension can be added up again.
      const fine = { ...asked, dimensions: [...query.dimensions, 'hourOfDay'] } as unknown as ReportQueryInput;
      const added = new Map<string, bigint[]>();
      for (const row of (await report(fine)).rows) {
        const { hourOfDay: _, ...kept } = row.dimensions;
        const key = JSON.stringify([row.timeMs, kept]);
        const sums = added.get(key) ?? metrics.map(() => 0n);
        added.set(
          key,
          sums.map((sum, i) => sum + BigInt(row.metrics[metrics[i]!] ?? 0)),
        );
      }
      const { rows } = await report(asked);
      const found = rows.map((row) => [
        JSON.stringify([row.timeMs, row.dimensions]),
        metrics.map((name) => BigInt(row.metrics[name] ?? 0)),
      ]);
      expect(new Map(found as [string, bigint[]][]), JSON.stringify(query)).toEqual(added);
    }
  });

  it('compares each row with the period before, across a change of the clock', async () => {
    // The day of 25 hours, compared with the one of 24 before it: midnight of Berlin to midnight.
    const [start, middle, end] = [from + 22 * HOUR_MS, from + 47 * HOUR_MS, from + 71 * HOUR_MS] as const;
    const asked = { granularity: 'day', timeZone: zone, metrics: ['impressions', 'spendNanos', 'ecpm'] } as const;
    const later = { fromMs: middle, toMs: end, compare: 'previous', ...asked, dimensions: ['campaign'] } as const;
    const { rows } = await report(later as unknown as ReportQueryInput);
    const own = (fromMs: number, toMs: number) =>
      report({ ...later, fromMs, toMs, compare: null } as unknown as ReportQueryInput);
    const before = await own(2 * middle - end, middle);
    expect(rows.map((row) => row.metrics)).toEqual((await own(middle, end)).rows.map((row) => row.metrics));
    expect(rows).toHaveLength(3);
    for (const row of rows) {
      const same = before.rows.filter((one) => one.dimensions.campaign === row.dimensions.campaign);
      expect(same.reduce((sum, one) => sum + BigInt(one.metrics.spendNanos ?? 0), 0n).toString()).toBe(
        row.previous?.spendNanos,
      );
    }
    const days = await report({
      ...asked,
      fromMs: start + 25 * HOUR_MS,
      toMs: end,
      compare: 'previous',
      metrics: ['impressions'],
    });
    expect(days.rows.map((row) => [row.timeMs, row.metrics.impressions, row.previous?.impressions])).toEqual([
      [middle, 96, 96],
    ]);
  });

  it('writes a report as Parquet, which reads back as the same rows', async () => {
    const query = reportQuerySchema.parse({
      // The later half, so that the period before has something.
      fromMs: from + Math.ceil(hours / 2) * HOUR_MS,
      toMs: range.toMs,
      granularity: 'day',
      dimensions: ['campaign', 'country'],
      metrics: ['impressions', 'spendNanos', 'ctr', 'ecpm', 'ecpc'],
      compare: 'previous',
    });
    const chunks: Uint8Array[] = [];
    for await (const chunk of store.parquet(query)) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    expect(readdirSync(join(dir, 'exports'))).toEqual([]);
    expect([bytes.subarray(0, 4).toString(), bytes.subarray(-4).toString()]).toEqual(['PAR1', 'PAR1']);
    const path = join(dir, 'back.parquet');
    writeFileSync(path, bytes);
    const back = await readParquet(path);
    const cells = ({ impressions, spendNanos, ctr, ecpm, ecpc }: ReportRow['metrics']) => [
      String(impressions),
      nanosToDecimal(BigInt(spendNanos ?? 0)),
      ...[ctr, ecpm, ecpc],
    ];
    const rows = (await store.query(query)).rows.map(({ timeMs, dimensions, metrics, previous }) => [
      ...[String(timeMs), String(dimensions.campaign), dimensions.country],
      ...cells(metrics),
      ...cells(previous ?? {}),
    ]);
    expect(back).toEqual(rows);
    expect(
      rows.some((row) => row[8] !== '0' && row[3] !== '0'),
      'something to compare',
    ).toBe(true);
    const unknown = { ...query, dimensions: ['country'], metrics: ['bids'] } as typeof query;
    await expect(store.parquet(unknown)[Symbol.asyncIterator]().next()).rejects.toThrow('are not known by country');
  });

  it('refuses a dimension that its metrics do not know', async () => {
    await expect(report({ ...range, dimensions: ['country'], metrics: ['bids'] })).rejects.toMatchObject({
      code: 'report_unsupported',
    });
  });

  it('streams the same rows', async () => {
    const query = reportQuerySchema.parse({
      ...range,
      granularity: 'hour',
      dimensions: ['campaign'],
      metrics: ['spendNanos'],
    });
    const streamed = [];
    for await (const chunk of store.stream(query)) streamed.push(...chunk);
    expect(streamed).toEqual((await store.query(query)).rows);
    expect(streamed.length).toBeGreaterThan(200);
  });
});
