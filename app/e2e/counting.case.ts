import { expect } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { seededRandom } from '../../core/random.ts';
import { startTraffic, type Traffic } from '../../loadtest/demo.ts';
import type { Truth } from '../../loadtest/market/ledger.ts';
import { createCampaigns } from './campaigns.case.ts';
import { type ApiAccess, callApi, type System, startSystem, until } from './processes.case.ts';

/** What a report says per campaign, and what the simulated exchange knows it must say. */
interface Totals {
  impressions: number;
  clicks: number;
  bills: number;
  spendNanos: string;
}

async function reported(system: ApiAccess): Promise<Record<string, Totals>> {
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
export async function expectReportEquals(system: ApiAccess, truth: Truth): Promise<void> {
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

/** Simulated exchange traffic against a system; its status is of the whole run, not of the last second. */
export function startRun(system: System, rps: number, seed: number): Traffic {
  return startTraffic(
    { url: `${system.bidUrl}/openrtb2/bid/demo`, rps, statusMs: 600_000 },
    { clock: systemClock, random: seededRandom(seed) },
  );
}

/** The whole product with three campaigns far from their budgets: for tests of counting, not of pacing. */
export async function startCountingSystem(): Promise<System> {
  const system = await startSystem();
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
  return system;
}

export const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
