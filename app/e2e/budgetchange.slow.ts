import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { seededRandom } from '../../core/random.ts';
import { startTraffic, type Traffic } from '../../loadtest/demo.ts';
import { createCampaigns } from './campaigns.case.ts';
import { callApi, type System, startSystem, until } from './processes.case.ts';

const WITHIN_MS = 1000;
const QUIET_MS = 2500;
const PLENTY_MICROS = 100_000_000;
const CPM_MICROS = 4_000_000;
/** The least a budget may be; much less than what was spent by then. */
const ONE_IMPRESSION_MICROS = CPM_MICROS / 1000;

/** What stops a campaign, and what starts it again. */
const CHANGES = [
  [
    'account out of money',
    { budget: { dailyMicros: null, lifetimeMicros: ONE_IMPRESSION_MICROS } },
    { budget: { dailyMicros: null, lifetimeMicros: PLENTY_MICROS } },
  ],
  [
    'budget lowered below what is spent',
    { budget: { dailyMicros: ONE_IMPRESSION_MICROS } },
    { budget: { dailyMicros: PLENTY_MICROS } },
  ],
  ['campaign paused', { status: 'paused' }, { status: 'active' }],
  ['flight ended', { flight: { startMs: 1, endMs: 2 } }, { flight: { startMs: 1, endMs: null } }],
] as const;

describe('a change of the plan', () => {
  let system: System;
  let campaign = 0;
  let advertiser = 0;
  let run: Traffic;
  let lastWinMs = 0;

  beforeAll(async () => {
    system = await startSystem();
    const ids = await createCampaigns(system, [
      { name: 'Changing', dailyMicros: PLENTY_MICROS, pacing: 'asap', cpmMicros: [CPM_MICROS] },
    ]);
    campaign = ids[0]!;
    advertiser = (await callApi<{ advertiserId: number }>(system, `/api/v1/campaigns/${campaign}`)).advertiserId;
    await change(`advertisers/${advertiser}`, CHANGES[0][2]);
    run = startTraffic(
      { url: `${system.bidUrl}/openrtb2/bid/demo`, rps: 100 },
      {
        clock: systemClock,
        random: seededRandom(3),
        onWin: () => {
          lastWinMs = performance.now();
        },
      },
    );
  }, 120_000);
  afterAll(async () => {
    await run.stop();
    expect(await system.stop()).toEqual([0, 0]);
  });

  function change(path: string, body: unknown): Promise<unknown> {
    return callApi(system, `/api/v1/${path}`, {
      method: 'PATCH',
      headers: { 'if-match': '*' },
      body: JSON.stringify(body),
    });
  }

  it.each(CHANGES)(
    '%s: the last bid is within a second of the answer',
    async (what, stop, start) => {
      const path = what.startsWith('account') ? `advertisers/${advertiser}` : `campaigns/${campaign}`;
      const isWinning = async (): Promise<boolean> => performance.now() - lastWinMs < 200;
      await until(isWinning, 60_000, `${what}: wins before it`);
      await change(path, stop);
      const changedMs = performance.now();
      await until(
        async () => performance.now() - Math.max(changedMs, lastWinMs) > QUIET_MS,
        30_000,
        `${what}: bids stop`,
      );
      const tookMs = Math.max(0, lastWinMs - changedMs);
      console.log(`${what}: last win ${tookMs.toFixed(0)} ms after the answer`);
      expect(tookMs).toBeLessThan(WITHIN_MS);
      await change(path, start);
      await pause(100);
      await until(isWinning, 60_000, `${what}: wins again`);
    },
    180_000,
  );
});
