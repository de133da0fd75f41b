import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scaledClock, systemClock } from '../../core/clock.ts';
import { microsToNanos } from '../../core/money.ts';
import type { PacingStatus } from '../../core/pacingstatus.ts';
import { seededRandom } from '../../core/random.ts';
import { startTraffic } from '../../loadtest/demo.ts';
import { createCampaigns } from './campaigns.case.ts';
import { callApi, type System, startSystem } from './processes.case.ts';

/** A day in three minutes. */
const SCALE = 480;
const DAY_MS = 86_400_000;
const BUDGET_MICROS = 5_000_000;

/** The true time at which the scaled clock shows `shownMs` at the true time `nowMs`. */
function originFor(shownMs: number, nowMs: number): number {
  return nowMs - (shownMs - nowMs) / (SCALE - 1);
}

describe('a day in three minutes', () => {
  let system: System;
  let midnightMs = 0;
  let clock = systemClock;

  beforeAll(async () => {
    // The clock starts a little before a midnight to come, so that the whole next day is seen.
    midnightMs = Math.ceil((Date.now() + DAY_MS) / DAY_MS) * DAY_MS;
    const originMs = Math.floor(originFor(midnightMs - 15_000 * SCALE, Date.now()));
    clock = scaledClock(originMs, SCALE);
    system = await startSystem([
      `--time-scale=${SCALE}`,
      `--time-origin-ms=${originMs}`,
      // 5 s of the machine's time.
      `--reservation-timeout-ms=${5_000 * SCALE}`,
    ]);
    await createCampaigns(system, [
      { name: 'Five dollars', dailyMicros: BUDGET_MICROS, pacing: 'even_time', cpmMicros: [4_000_000, 3_000_000] },
    ]);
  });
  afterAll(async () => {
    expect(await system.stop()).toEqual([0, 0]);
  });

  it('spends a $5 budget of two line items along its plan and never more', async () => {
    const run = startTraffic(
      // A busy machine's late answers would be bids of which nobody tells: each locks its price until it times out.
      { url: `${system.bidUrl}/openrtb2/bid/demo`, rps: 300, tmaxMs: 1000 },
      { clock: systemClock, random: seededRandom(5) },
    );
    const samples: { readonly share: number; readonly spent: number; readonly planned: number }[] = [];
    const told: string[] = [];
    while (clock.nowMs() < midnightMs + DAY_MS) {
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      const status = await campaignStatus(system);
      if (status === undefined || status.fromMs !== midnightMs) continue;
      const share = (clock.nowMs() - midnightMs) / DAY_MS;
      samples.push({ share, spent: units(status.actualNanos), planned: units(status.plannedNanos) });
      const { multiplierPpm, leaseNanos, reservedNanos, presumedNanos, state } = status;
      told.push(
        `${share.toFixed(3)} spent ${status.actualNanos} of ${status.plannedNanos}, multiplier ${multiplierPpm}, ` +
          `lent ${leaseNanos}, reserved ${reservedNanos}, presumed ${presumedNanos}: ${state}`,
      );
    }
    console.log(told.join('\n'));
    const truth = await run.stop({ deliver: true });
    const spentToday = await spendOfDay(system, midnightMs);

    expect(spentToday).toBeLessThanOrEqual(microsToNanos(BUDGET_MICROS));
    // Under-delivery is a failure too: there was supply for many times the budget.
    expect(spentToday).toBeGreaterThan((microsToNanos(BUDGET_MICROS) * 90n) / 100n);
    expect(truth.size).toBeGreaterThan(0);
    for (const { share, spent, planned } of samples.filter((sample) => sample.share > 0.1 && sample.share < 0.95)) {
      expect(
        Math.abs(spent - planned),
        `at ${(share * 100).toFixed(0)} % of the day: ${spent} of ${planned}`,
      ).toBeLessThan(0.75);
    }
    const firstTenth = samples.filter((sample) => sample.share < 0.1).at(-1);
    expect(firstTenth?.spent ?? 0).toBeLessThan(1.25);
  });
});

function units(nanos: string): number {
  return Number(BigInt(nanos) / 1000n) / 1_000_000;
}

async function campaignStatus(system: System): Promise<PacingStatus | undefined> {
  const { items } = await callApi<{ items: PacingStatus[] }>(system, '/api/v1/pacing');
  return items.find((status) => status.level === 'campaign');
}

async function spendOfDay(system: System, midnightMs: number): Promise<bigint> {
  let last = -1n;
  for (;;) {
    const query = new URLSearchParams({
      from: String(midnightMs),
      to: String(midnightMs + DAY_MS),
      metrics: 'spendNanos',
      granularity: 'none',
    });
    const report = await callApi<{ rows: { spendNanos: string }[] }>(system, `/api/v1/reports?${query}`);
    const spent = BigInt(report.rows[0]?.spendNanos ?? '0');
    // The log has drained when two looks, a second apart, agree.
    if (spent === last) return spent;
    last = spent;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}
