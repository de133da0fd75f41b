import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { seededRandom } from '../../core/random.ts';
import { startTraffic, type Traffic } from '../../loadtest/demo.ts';
import { kafkaMissing } from '../../reporting/log/broker.case.ts';
import { createCampaigns } from './campaigns.case.ts';
import { type Cluster, startCluster } from './cluster.case.ts';
import { expectReportEquals } from './counting.case.ts';
import { until } from './processes.case.ts';

const TIMEOUT_MS = 15_000;
const LEASE_MS = 5000;
/** The pacer looks at the store every 5 s; the rest is what a busy machine may take. */
const SLACK_MS = 20_000;
/** Nine processes and a broker start: no bar, on a busy machine it takes minutes. */
const START_WITHIN_MS = 300_000;

describe.runIf(kafkaMissing() === null)('the dead-man’s switch, with every role a process of its own', () => {
  let cluster: Cluster;
  let traffic: Traffic;
  beforeAll(async () => {
    cluster = await startCluster([`--reporting-timeout-ms=${TIMEOUT_MS}`, `--lease-ms=${LEASE_MS}`]);
    await createCampaigns(
      cluster,
      ['2', '1', '4', '3', '5', '6', '7'].map((deviceType, n) => ({
        name: `Campaign ${n}`,
        deviceTypes: [deviceType],
        dailyMicros: 1_000_000_000,
        pacing: 'asap' as const,
        cpmMicros: [2_000_000 + n * 100_000],
      })),
    );
    await until(async () => cluster.balancer.ready().length === 2, 60_000, 'both bidders are ready');
    traffic = startTraffic(
      { url: `${cluster.balancer.url}/openrtb2/bid/demo`, rps: 40 },
      { clock: systemClock, random: seededRandom(3) },
    );
    await moreBids(50, 60_000);
  }, START_WITHIN_MS);
  afterAll(async () => {
    await traffic?.stop();
    await cluster?.stop();
  });

  async function moreBids(count: number, withinMs: number): Promise<void> {
    const wanted = traffic.status().bids + count;
    await until(async () => traffic.status().bids >= wanted, withinMs, `${count} more bids`);
  }

  /** Waits until no bid was made for three seconds. @returns after how long the last one was */
  async function bidsStop(withinMs: number): Promise<number> {
    const startedMs = performance.now();
    let [bids, atMs] = [traffic.status().bids, startedMs];
    const quiet = async (): Promise<boolean> => {
      if (traffic.status().bids > bids) [bids, atMs] = [traffic.status().bids, performance.now()];
      return performance.now() - atMs > 3000;
    };
    await until(quiet, withinMs, 'bids stop');
    return atMs - startedMs;
  }

  it('lets bids go on through a shorter silence', async () => {
    const ingests = cluster.members.filter(({ role }) => role === 'ingest');
    for (const { process } of ingests) await process.end('SIGKILL');
    const silentFromMs = performance.now();
    let [bids, lastMs, longestMs] = [traffic.status().bids, silentFromMs, 0];
    await until(
      async () => {
        const nowMs = performance.now();
        longestMs = Math.max(longestMs, nowMs - lastMs);
        if (traffic.status().bids > bids) [bids, lastMs] = [traffic.status().bids, nowMs];
        return nowMs - silentFromMs > TIMEOUT_MS / 2;
      },
      TIMEOUT_MS,
      'half of the time-out is over',
    );
    console.log(`longest pause between two bids ${longestMs.toFixed(0)} ms while ingest was away`);
    expect(longestMs).toBeLessThan(3000);
    for (const ingest of ingests) await ingest.restart();
    await moreBids(50, 60_000);
  });

  it('stops bids when ingest is away for the time-out though the pacers live, and lets them go on when it is back', async () => {
    const ingests = cluster.members.filter(({ role }) => role === 'ingest');
    const killedMs = performance.now();
    for (const { process } of ingests) await process.end('SIGKILL');
    const lastBidMs = await bidsStop(TIMEOUT_MS + LEASE_MS + SLACK_MS);
    console.log(`last bid ${(lastBidMs / 1000).toFixed(1)} s after ingest was killed`);
    expect(performance.now() - killedMs, 'not before the time-out').toBeGreaterThan(TIMEOUT_MS);
    expect(lastBidMs).toBeGreaterThan(TIMEOUT_MS / 2);
    for (const name of ['bidder-1', 'bidder-2'])
      expect((await fetch(`${cluster.member(name).url}/healthz/ready`)).status, 'stopped is not unready').toBe(200);
    for (const ingest of ingests) await ingest.restart();
    await moreBids(50, 60_000);
  });

  it('has lost no event over it', async () => {
    const truth = await traffic.stop({ deliver: true, timeoutMs: 60_000 });
    await expectReportEquals(cluster, truth);
  });
});
