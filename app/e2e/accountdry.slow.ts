import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import type { PacingStatus } from '../../core/pacingstatus.ts';
import { seededRandom } from '../../core/random.ts';
import { startTraffic, type Traffic } from '../../loadtest/demo.ts';
import { kafkaMissing } from '../../reporting/log/broker.case.ts';
import { createCampaigns } from './campaigns.case.ts';
import { type Cluster, startCluster } from './cluster.case.ts';
import { callApi, until } from './processes.case.ts';

const PLENTY_MICROS = 100_000_000;
const CPM_MICROS = 4_000_000;
/** Some hundred impressions of about half the bid each. */
const ACCOUNT_MICROS = 200_000;
/** Of each campaign; the last takes part everywhere, and equal prices are decided by hash. */
const DEVICE_TYPES = [['2'], ['4'], ['1', '2', '3', '4', '5', '6', '7']];
/** The most a bid can cost, nanos. */
const DEAREST_NANOS = CPM_MICROS;
const WITHIN_MS = 1000;
/** How long nothing must be won for the account to have come to rest. */
const QUIET_MS = 8000;
const START_WITHIN_MS = 300_000;

/** Three campaigns with far more budget each than their account has: it runs dry by itself, on bidders of two machines. */
describe.runIf(kafkaMissing() === null)('an account that runs out of money by itself', () => {
  let cluster: Cluster;
  let traffic: Traffic;
  let ids: readonly number[] = [];
  /** Of each win: when, which campaign's, and what all had cost with it. */
  const wins: { readonly atMs: number; readonly campaign: string; readonly sumNanos: number }[] = [];

  beforeAll(async () => {
    cluster = await startCluster();
    await until(async () => cluster.balancer.ready().length === 2, 60_000, 'both bidders are ready');
    ids = await createCampaigns(
      cluster,
      DEVICE_TYPES.map((deviceTypes, n) => ({
        name: `Campaign ${n}`,
        dailyMicros: PLENTY_MICROS,
        pacing: 'asap' as const,
        cpmMicros: [CPM_MICROS],
        deviceTypes,
      })),
    );
    const { advertiserId } = await callApi<{ advertiserId: number }>(cluster, `/api/v1/campaigns/${ids[0]}`);
    await callApi(cluster, `/api/v1/advertisers/${advertiserId}`, {
      method: 'PATCH',
      headers: { 'if-match': '*' },
      body: JSON.stringify({ budget: { dailyMicros: null, lifetimeMicros: ACCOUNT_MICROS } }),
    });
    traffic = startTraffic(
      {
        url: `${cluster.balancer.url}/openrtb2/bid/demo`,
        rps: 100,
        // A busy machine's late answers are no bids, and nobody tells of them.
        tmaxMs: 2000,
        market: { noticeDelayMs: 50, renderDelayMs: 50 },
      },
      {
        clock: systemClock,
        random: seededRandom(11),
        onWin(campaign, nanos) {
          const sumNanos = (wins.at(-1)?.sumNanos ?? 0) + nanos;
          wins.push({ atMs: performance.now(), campaign, sumNanos });
        },
      },
    );
  }, START_WITHIN_MS);
  afterAll(async () => {
    await traffic?.stop();
    const codes = await cluster?.stop();
    for (const [name, code] of Object.entries(codes ?? {})) expect([name, code]).toEqual([name, 0]);
  });

  const statuses = async (): Promise<readonly PacingStatus[]> =>
    (await callApi<{ items: PacingStatus[] }>(cluster, '/api/v1/pacing')).items;

  it('wins nothing more a second after its last money was won, in any campaign, on any bidder, and says so', async () => {
    const budgetNanos = ACCOUNT_MICROS * 1000;
    // Dry: the dearest bid does not fit any more, or so much is presumed spent that it does not.
    let dryMs = 0;
    const isDry = async (): Promise<boolean> => {
      const state = (await statuses()).find(({ level }) => level === 'account')?.state;
      const won = wins.find(({ sumNanos }) => sumNanos > budgetNanos - DEAREST_NANOS);
      dryMs = won?.atMs ?? performance.now();
      return won !== undefined || state === 'budget_spent';
    };
    await until(isDry, 180_000, 'the account is dry');
    await until(async () => performance.now() - wins.at(-1)!.atMs > QUIET_MS, 60_000, 'nothing is won any more');
    // Late notices are no bar.
    const isSpent = async (): Promise<boolean> =>
      (await statuses()).find(({ level }) => level === 'account')?.state === 'budget_spent';
    await until(isSpent, 120_000, 'the account says so');
    const found = await statuses();
    console.log(
      found.map(({ level, id, state, explanation }) => `${level} ${id}: ${state}: ${explanation}`).join('\n'),
    );
    const requests = traffic.status().requests;
    const last = wins.at(-1)!;
    console.log(
      JSON.stringify({
        wins: wins.length,
        delivered: last.sumNanos / budgetNanos,
        lastAfterDryMs: Math.round(last.atMs - dryMs),
        byCampaign: ids.map((id) => wins.filter(({ campaign }) => campaign === String(id)).length),
      }),
    );
    for (const id of ids) expect(wins.some(({ campaign }) => campaign === String(id))).toBe(true);
    expect(last.sumNanos).toBeLessThanOrEqual(budgetNanos);
    expect(last.atMs - dryMs).toBeLessThan(WITHIN_MS);
    // Traffic goes on, and both bidders answer it.
    await until(async () => traffic.status().requests > requests + 100, 30_000, 'more requests');
    expect(performance.now() - wins.at(-1)!.atMs).toBeGreaterThan(QUIET_MS);
    const account = found.find(({ level }) => level === 'account')!;
    // What was won and not told of is presumed, on a busy machine more.
    expect(Number(account.actualNanos)).toBeLessThanOrEqual(last.sumNanos);
    expect(Number(account.actualNanos) + Number(account.presumedNanos)).toBeGreaterThan(0.95 * budgetNanos);
    expect(account.overNanos).toBe('0');
  }, 400_000);

  it('bids again within seconds when it is given more', async () => {
    const { advertiserId } = await callApi<{ advertiserId: number }>(cluster, `/api/v1/campaigns/${ids[0]}`);
    const before = wins.length;
    await callApi(cluster, `/api/v1/advertisers/${advertiserId}`, {
      method: 'PATCH',
      headers: { 'if-match': '*' },
      body: JSON.stringify({ budget: { dailyMicros: null, lifetimeMicros: 2 * ACCOUNT_MICROS } }),
    });
    await until(async () => wins.length > before, 30_000, 'wins again');
  });
});
