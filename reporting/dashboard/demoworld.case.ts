import { localDay } from '../../core/budgetday.ts';
import { systemClock } from '../../core/clock.ts';
import type { EventLog } from '../../core/eventlog.ts';
import type { PacingStatus } from '../../core/pacingstatus.ts';
import type { ReportQuery, ReportRow, Reports } from '../../core/report.ts';
import type { StoreHealth } from '../../core/storehealth.ts';
import type { BidStats } from '../../core/topics.ts';
import { createFakeReports, type Fact } from '../api/fakes.case.ts';
import type { PacingSource } from '../api/pacing.ts';

const countries = ['USA', 'DEU', 'GBR', 'FRA', 'NLD', 'ESP', 'JPN', 'BRA'];
const domains = [
  'news.example.org',
  'recipes.example.net',
  'com.example.puzzle',
  'weather.example.org',
  'chess.example.net',
];

/** Daily budgets of the demo campaigns 10–15, in units. */
const budgets = [5, 250, 120, 60, 30, 80];
/** About how many impressions each of them has on a day. */
const DAILY_IMPRESSIONS = 67_000;

/**
 * Made-up delivery of the demo campaigns, yesterday and today: each spends about its budget, evenly. One fact per campaign
 * for each of the last 300 minutes, and one every ten minutes before.
 */
export function madeUpFacts(nowMs: number): Fact[] {
  const today = localDay('UTC', nowMs).startMs;
  const yesterday = today - 86_400_000;
  const facts: Fact[] = [];
  for (let minute = 0; nowMs - minute * 60_000 >= yesterday; minute += minute < 300 ? 1 : 10) {
    const atMs = nowMs - minute * 60_000;
    const size = (minute < 300 ? 1 : 10) * (atMs < today ? 0.92 : 1);
    for (let campaign = 10; campaign < 16; campaign++) facts.push(factAt(atMs, minute, campaign, size));
  }
  return facts;
}

function factAt(atMs: number, minute: number, campaign: number, size: number): Fact {
  const wave = 20 * Math.sin(minute / 17 + campaign) + 9 * Math.sin(minute / 3);
  const impressions = Math.round(size * (40 + wave + (minute % 5) * 3));
  return {
    atMs,
    advertiser: 1,
    campaign,
    impressions,
    wins: impressions + (minute % 3),
    clicks: minute % 3 === 0 ? Math.round(size * (campaign - 9)) : 0,
    spendNanos: BigInt(impressions) * BigInt(Math.round((budgets[campaign - 10]! * 1e9) / DAILY_IMPRESSIONS)),
    country: countries[(minute * 7 + campaign) % (3 + (minute % 6))]!,
    domain: domains[(minute * 3 + campaign) % (2 + (minute % 4))]!,
    exchange: ['demo', 'north', 'harbour'][(minute + campaign) % 3]!,
    deviceType: [4, 4, 2, 5, 3][(minute + campaign) % 5]!,
  };
}

/** Reports over facts, with bid counters made from them. */
export function madeUpReports(facts: readonly Fact[]): Reports {
  const events = createFakeReports(facts);
  const bids = async (query: ReportQuery): Promise<readonly ReportRow[]> => {
    const { rows } = await events.query({ ...query, dimensions: [], metrics: ['impressions'] });
    const n = Number(rows[0]?.metrics.impressions ?? 0);
    if (!query.dimensions.includes('noBidReason')) {
      return [{ timeMs: query.fromMs, dimensions: {}, metrics: { matched: n * 19, bids: n * 5, requests: n * 40 } }];
    }
    const lost = {
      pacing: n * 9,
      below_floor: n * 3,
      frequency_cap: n,
      creative_size: Math.round(n * 0.6),
      lost_internal: n,
    };
    return Object.entries(lost).map(([noBidReason, lineItemNoBids]) => ({
      timeMs: query.fromMs,
      dimensions: { noBidReason },
      metrics: { lineItemNoBids },
    }));
  };
  return {
    ...events,
    query: async (query) =>
      query.metrics.some((metric) => ['matched', 'bids', 'lineItemNoBids', 'requests'].includes(metric))
        ? { rows: await bids(query), truncated: false }
        : events.query(query),
  };
}

/** What a pacer would say about the demo campaigns at a time. */
export function madeUpPacing(facts: readonly Fact[], dayStartMs: number, nowMs: () => number): PacingSource {
  return {
    statuses: () =>
      budgets.map((units, i): PacingStatus => {
        const own = facts.filter((fact) => fact.campaign === 10 + i && fact.atMs >= dayStartMs);
        const actual = own.reduce((sum, fact) => sum + fact.spendNanos, 0n);
        const planned = (actual * BigInt(100 + ((i * 7) % 11) - 4)) / 100n;
        return {
          level: 'campaign',
          id: 10 + i,
          advertiserId: 1,
          campaignId: 10 + i,
          updatedMs: nowMs(),
          fromMs: dayStartMs,
          toMs: dayStartMs + 86_400_000,
          plan: 'even',
          budgetNanos: String(units * 1e9),
          lifetimeBudgetNanos: null,
          plannedNanos: planned.toString(),
          actualNanos: actual.toString(),
          forecastNanos: String(Math.round(units * 0.985 * 1e9)),
          eligibleRest: 812_000,
          multiplierPpm: 720_000,
          passPpm: 1_000_000,
          leaseNanos: '100000000',
          reservedNanos: '3000000',
          presumedNanos: '0',
          overNanos: '0',
          state: 'on_plan',
          explanation: 'On plan: it bids at 72 % of its highest bid, so that the budget lasts until midnight.',
        };
      }),
  };
}

/** Requests that a bidder drew in a second: of few people, most on phones. */
function madeUpTraffic(second: number): NonNullable<BidStats['traffic']> {
  const requests = Array.from({ length: 8 }, (_, i) => ({
    hash: ((second * 8 + i) % 90) * 16,
    known: i % 5 !== 0,
    terms: { country: [countries[(second + i) % 5]!], deviceType: [i % 3 === 0 ? '2' : '4'] },
  }));
  return { level: 4, requests };
}

/** Half a minute of two bidders' counters. */
export async function sendBidStats(log: EventLog): Promise<void> {
  const nowMs = systemClock.nowMs();
  const records = ['0a1b2c3d', '4e5f6071'].flatMap((node, i) =>
    Array.from({ length: 30 }, (_, second) => {
      const stats: BidStats = {
        v: 1,
        node,
        sequence: second,
        fromMs: nowMs - (30 - second) * 1000,
        toMs: nowMs - (29 - second) * 1000,
        requests: 250,
        answered: 80 + i * 5,
        errors: 0,
        latency: { p50Us: 180, p99Us: 2400 - i * 300, p999Us: 5100, maxUs: 9000 },
        noBids: { no_candidates: 100 },
        lineItems: [],
        cells: [],
        traffic: madeUpTraffic(second),
        final: false,
      };
      return { key: node, value: Buffer.from(JSON.stringify(stats)) };
    }),
  );
  await log.append('bidstats', records);
}

/** How a store of ten million events would say it does. */
export function madeUpStore(nowMs: number): StoreHealth {
  const table = (name: string, rows: number, bytes: number, parts: number) => ({
    table: name,
    rows,
    parts,
    mostPartsOfADay: Math.ceil(parts / 3),
    bytes,
    lastInsertMs: nowMs - 2000,
  });
  return {
    version: '26.5.1.1',
    answeredMs: 6.4,
    queries: { count: 256, p50Ms: 21, p95Ms: 84, maxMs: 140 },
    errors: 1,
    lastError: { atMs: nowMs - 3_600_000, code: 'TIMEOUT_EXCEEDED', message: 'Timeout exceeded: elapsed 10.2 seconds' },
    tables: [
      table('events', 10_204_118, 1_184_000_000, 42),
      table('bid_stats', 2_310_007, 96_000_000, 31),
      table('day_sums', 88_412, 3_100_000, 9),
    ],
    daysSummedUp: 29,
    diskFreeBytes: 61_400_000_000,
    diskBytes: 120_000_000_000,
  };
}
