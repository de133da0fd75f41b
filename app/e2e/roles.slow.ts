import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { seededRandom } from '../../core/random.ts';
import { startTraffic, type Traffic } from '../../loadtest/demo.ts';
import { kafkaMissing } from '../../reporting/log/broker.case.ts';
import { createCampaigns } from './campaigns.case.ts';
import { type Cluster, type Member, startCluster } from './cluster.case.ts';
import { expectReportEquals } from './counting.case.ts';
import { callApi, until } from './processes.case.ts';

const TAKEOVER_MS = 10_000;
const DRAIN_MS = 10_000;
/** Small enough to be spent in the middle of the test. */
const SMALL_BUDGET_MICROS = 400_000;
/** Nine processes and a broker start: no bar, on a busy machine it takes minutes. */
const START_WITHIN_MS = 300_000;

describe.runIf(kafkaMissing() === null)('roles as processes of their own, over Kafka and ClickHouse', () => {
  let cluster: Cluster;
  let traffic: Traffic;
  let small = 0;
  const begunMs = performance.now();
  const step = (text: string): void =>
    console.log(`${((performance.now() - begunMs) / 1000).toFixed(1)} s: ${text}; ${traffic.status().bids} bids`);

  beforeAll(async () => {
    cluster = await startCluster();
    const rich = ['2', '1', '4', '3', '5', '6', '7'].map((deviceType, n) => ({
      name: `Rich ${n}`,
      deviceTypes: [deviceType],
      dailyMicros: 1_000_000_000,
      pacing: 'asap' as const,
      cpmMicros: [2_000_000 + n * 100_000, 1_500_000],
    }));
    const ids = await createCampaigns(cluster, [
      ...rich,
      { name: 'Small', dailyMicros: SMALL_BUDGET_MICROS, pacing: 'asap', cpmMicros: [9_000_000] },
    ]);
    small = ids.at(-1) ?? 0;
    await until(async () => cluster.balancer.ready().length === 2, 60_000, 'both bidders are ready');
    traffic = startTraffic(
      { url: `${cluster.balancer.url}/openrtb2/bid/demo`, rps: 150 },
      { clock: systemClock, random: seededRandom(9) },
    );
    await moreBids(200, 60_000);
    step('started');
  }, START_WITHIN_MS);
  afterAll(async () => {
    await traffic?.stop();
    const codes = await cluster?.stop();
    for (const [name, code] of Object.entries(codes ?? {})) expect([name, code]).toEqual([name, 0]);
  });

  /** Waits until so many more bids were made. */
  async function moreBids(count: number, withinMs: number): Promise<void> {
    const wanted = traffic.status().bids + count;
    await until(async () => traffic.status().bids >= wanted, withinMs, `${count} more bids`);
  }

  async function activePacers(): Promise<readonly Member[]> {
    const pacers = cluster.members.filter(({ role }) => role === 'pacer');
    const epochs = await Promise.all(pacers.map(({ url }) => metric(url, 'evenkeel_pacer_epoch')));
    return pacers.filter((_, at) => (epochs[at] ?? 0) > 0);
  }

  it('find uploaded users on every bidder, none of which shares a folder with the API', async () => {
    const post = <T>(path: string, body: unknown) =>
      callApi<T>(cluster, path, { method: 'POST', body: JSON.stringify(body) });
    const { id: advertiserId } = await post<{ id: number }>('/api/v1/advertisers', {
      name: 'Own list',
      timeZone: 'UTC',
    });
    const { id: audienceId } = await post<{ id: number }>('/api/v1/audiences', { advertiserId, name: 'Customers' });
    await post('/api/v1/campaigns', {
      advertiserId,
      name: 'Own list',
      status: 'active',
      budget: { dailyMicros: 1_000_000_000, lifetimeMicros: null },
      lineItems: [
        {
          name: 'Own list',
          status: 'active',
          goal: { type: 'cpm', bidCpmMicros: 1_000_000 },
          pacing: 'asap',
          targeting: { terms: { segment: { include: [String(audienceId)] } } },
          creatives: [
            {
              name: 'Own list',
              format: 'banner',
              banner: { w: 123, h: 457, html: '<b>ad</b>' },
              landingUrl: 'https://shop.example.com/',
              adomain: ['shop.example.com'],
            },
          ],
        },
      ],
    });
    const list = createHash('sha256').update('a customer').digest('hex');
    const uploaded = await callApi<{ users: number }>(cluster, `/api/v1/audiences/${audienceId}/users`, {
      method: 'POST',
      headers: { 'content-type': 'text/csv' },
      body: list,
    });
    expect(uploaded.users).toBe(1);
    for (const name of ['bidder-1', 'bidder-2']) {
      const { url } = cluster.member(name);
      await until(async () => (await ownListBid(url, 'a customer')) === 200, 60_000, `${name} knows the customer`);
      expect(await ownListBid(url, 'a stranger')).toBe(204);
    }
    step('both bidders know an uploaded user');
  });

  it('go on bidding and counting when each kind is killed in turn', async () => {
    for (const name of ['bidder-1', 'ingest-1', 'api-1', 'bidder-2', 'ingest-2']) {
      const member = cluster.member(name);
      await member.process.end('SIGKILL');
      await moreBids(100, 30_000);
      await member.restart();
      step(`${name} was killed and is back`);
    }
    await until(async () => cluster.balancer.ready().length === 2, 60_000, 'both bidders are ready again');
  });

  it('have one pacer at a time; another takes over within 10 s, and leases carry the gap', async () => {
    for (const round of [1, 2]) {
      const before = (await activePacers())[0]!;
      const killedMs = performance.now();
      await before.process.end('SIGKILL');
      let longestGapMs = 0;
      let [bids, atMs] = [traffic.status().bids, performance.now()];
      await until(
        async () => {
          if (traffic.status().bids > bids) [bids, atMs] = [traffic.status().bids, performance.now()];
          longestGapMs = Math.max(longestGapMs, performance.now() - atMs);
          return (await activePacers()).length > 0;
        },
        TAKEOVER_MS + 10_000,
        'a pacer is active',
      );
      const tookMs = performance.now() - killedMs;
      step(`take-over ${round} after ${(tookMs / 1000).toFixed(1)} s`);
      expect(tookMs).toBeLessThan(TAKEOVER_MS);
      // The status is renewed once a second.
      expect(longestGapMs).toBeLessThan(2500);
      await before.restart();
      await moreBids(200, 30_000);
      // Whoever of the two has the seat now: only one.
      await until(async () => (await activePacers()).length === 1, 30_000, 'one pacer is active');
    }
  });

  /** Restarts these one after the other, gracefully. */
  async function roll(members: readonly Member[], changed: readonly string[]): Promise<void> {
    for (const member of members) {
      const { name } = member;
      const startedMs = performance.now();
      expect([name, await member.process.end('SIGTERM')]).toEqual([name, { code: 0, signal: null }]);
      const tookMs = performance.now() - startedMs;
      if (member.role === 'bidder') expect(tookMs).toBeLessThan(DRAIN_MS);
      await member.restart(changed);
      if (member.role === 'bidder')
        await until(async () => cluster.balancer.ready().length === 2, 60_000, `${name} is ready again`);
      await moreBids(100, 30_000);
      step(`${name} was restarted, stopped in ${(tookMs / 1000).toFixed(1)} s`);
    }
  }

  it('are all restarted one by one under load, with a new signing key, without a failed request', async () => {
    const before = traffic.status();
    const next = '2:00112233445566778899aabbccddeeff';
    // Everybody accepts it before anybody signs with it.
    await roll(cluster.members, [`--token-keys=${cluster.tokenKey},${next}`]);
    const bidders = cluster.members.filter(({ role }) => role === 'bidder');
    await roll(bidders, [`--token-keys=${next},${cluster.tokenKey}`]);
    expect(traffic.status().errors - before.errors).toBe(0);
  });

  it('have counted every event once and spent no budget twice', async () => {
    const truth = await traffic.stop({ deliver: true, timeoutMs: 60_000 });
    await expectReportEquals(cluster, truth);
    const spent = truth.get(String(small))?.spendNanos ?? 0n;
    expect(spent).toBeGreaterThan(0n);
    expect(spent).toBeLessThanOrEqual(BigInt(SMALL_BUDGET_MICROS) * 1000n);
  });
});

/** What a bidder answers for a size that only the ad for an uploaded list has. */
async function ownListBid(url: string, user: string): Promise<number> {
  const answer = await fetch(`${url}/openrtb2/bid/demo`, {
    method: 'POST',
    body: JSON.stringify({
      id: `own list ${performance.now()}`,
      imp: [{ id: '1', banner: { w: 123, h: 457 } }],
      user: { buyeruid: user },
      device: { geo: { country: 'USA' } },
    }),
  });
  await answer.arrayBuffer();
  return answer.status;
}

/** The value of a metric without labels; 0 when the process is away. */
async function metric(url: string, name: string): Promise<number> {
  const text = await fetch(`${url}/metrics`).then(
    (answer) => answer.text(),
    () => '',
  );
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? 0);
}
