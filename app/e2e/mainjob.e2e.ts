import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { seededRandom } from '../../core/random.ts';
import { startTraffic, type TrafficStatus } from '../../loadtest/demo.ts';
import { mergeTruth, type Truth } from '../../loadtest/market/ledger.ts';
import { createCampaigns } from './campaigns.case.ts';
import { callApi, type System, startSystem, until } from './processes.case.ts';

/** What a report says per campaign, and what the simulated exchange knows it must say. */
interface Totals {
  impressions: number;
  clicks: number;
  bills: number;
  spendNanos: string;
}

async function reported(system: System): Promise<Record<string, Totals>> {
  const now = Math.ceil((Date.now() + 60_000) / 60_000) * 60_000;
  const query = new URLSearchParams({
    from: String(now - 7_200_000),
    to: String(now),
    dimensions: 'campaign',
    metrics: 'impressions,clicks,bills,spendNanos',
  });
  const report = await callApi<{
    rows: { campaign: number; impressions: number; clicks: number; bills: number; spendNanos: string }[];
  }>(system, `/api/v1/reports?${query}`);
  return Object.fromEntries(
    report.rows
      .map(({ campaign, bills, clicks, impressions, spendNanos }) => {
        return [String(campaign), { impressions, clicks, bills, spendNanos }] as const;
      })
      .filter(([, totals]) => totals.impressions + totals.clicks + totals.bills > 0),
  );
}

function expected(truth: Truth): Record<string, Totals> {
  const totals: Record<string, Totals> = {};
  for (const [campaign, { counts, spendNanos }] of truth) {
    const billed = counts.bill.acknowledged;
    if (counts.impression.acknowledged + counts.click.acknowledged + billed === 0) continue;
    totals[campaign] = {
      impressions: counts.impression.acknowledged,
      clicks: counts.click.acknowledged,
      bills: billed,
      spendNanos: spendNanos.toString(),
    };
  }
  return totals;
}

function uncertain(truth: Truth): number {
  let sum = 0;
  for (const { counts } of truth.values()) for (const kind of Object.values(counts)) sum += kind.uncertain;
  return sum;
}

/** Waits until the report stops changing and equals the truth, or fails with the difference. */
async function expectReportEquals(system: System, truth: Truth): Promise<void> {
  expect(uncertain(truth), 'notices nobody acknowledged').toBe(0);
  const want = expected(truth);
  expect(Object.keys(want).length).toBeGreaterThan(1);
  let got: Record<string, Totals> = {};
  await until(
    async () => {
      got = await reported(system);
      return JSON.stringify(sorted(got)) === JSON.stringify(sorted(want));
    },
    30_000,
    'the report equals the ledger of truth',
  ).catch(() => expect(sorted(got)).toEqual(sorted(want)));
}

function sorted<T>(record: Record<string, T>): [string, T][] {
  return Object.entries(record).sort(([a], [b]) => Number(a) - Number(b));
}

function traffic(system: System, rps: number, seed: number, onStatus?: (status: TrafficStatus) => void) {
  return startTraffic(
    { url: `${system.bidUrl}/openrtb2/bid/demo`, rps },
    { clock: systemClock, random: seededRandom(seed), ...(onStatus === undefined ? {} : { onStatus }) },
  );
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('the main job', () => {
  let system: System;
  /** Everything sent since the system started: what the reports of the same data folder must say. */
  const sent: Truth = new Map();
  beforeAll(async () => {
    system = await startSystem();
    // As fast as possible and far from their budgets: what is tested here is counting, not pacing.
    await createCampaigns(
      system,
      [['2'], ['1', '4'], ['3', '5', '6', '7']].map((deviceTypes, n) => ({
        name: `Campaign ${n}`,
        deviceTypes,
        dailyMicros: 1_000_000_000,
        pacing: 'asap' as const,
        cpmMicros: [2_000_000 + n * 100_000, 1_500_000 + n * 50_000],
      })),
    );
  });
  afterAll(async () => {
    const codes = await system.stop();
    expect(codes).toEqual([0, 0]);
  });

  it('bids, counts and reports 60 s at 500 requests/s exactly, with p99 under 30 ms', async () => {
    const p99s: number[] = [];
    const run = traffic(system, 500, 1, (status) => p99s.push(status.p99Ms));
    await wait(60_000);
    const truth = await run.stop({ deliver: true });
    const status = run.status();
    expect(status.errors).toBe(0);
    expect(status.requests).toBeGreaterThanOrEqual(29_000);
    expect(status.bids).toBeGreaterThan(500);
    expect(status.wins).toBeGreaterThan(100);
    p99s.sort((a, b) => a - b);
    expect(p99s[Math.floor(p99s.length / 2)]).toBeLessThan(30);
    mergeTruth(sent, truth);
    await expectReportEquals(system, sent);
  });

  it('stays exact when the reporting process is killed in the middle', async () => {
    const run = traffic(system, 300, 2);
    await wait(4_000);
    await system.reporting.end('SIGKILL');
    await wait(2_000);
    await system.restartReporting();
    await wait(6_000);
    mergeTruth(sent, await run.stop({ deliver: true }));
    await expectReportEquals(system, sent);
  });

  it('keeps every acknowledged event when the bidder is killed', async () => {
    const run = traffic(system, 300, 3);
    await wait(4_000);
    await system.bidder.end('SIGKILL');
    await wait(500);
    await system.restartBidder();
    await wait(6_000);
    mergeTruth(sent, await run.stop({ deliver: true }));
    expect(run.status().wins).toBeGreaterThan(10);
    await expectReportEquals(system, sent);
  });
});
