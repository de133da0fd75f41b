import { Agent, request } from 'node:http';
import { callApi, type System, until } from './processes.case.ts';

/** So many connections that every bid thread has some: the kernel spreads connections over threads. */
const CONNECTIONS = 8;
/** A size that nobody else's ad has, so that one ad alone answers. */
const SIZE = { w: 123, h: 457 };
const GIVE_UP_MS = 10_000;

/** What the page of a change's ad is asked on one connection: the domain in the bid, '' without a bid. */
function domainBid(system: System, agent: Agent, id: string): Promise<string> {
  const body = JSON.stringify({ id, imp: [{ id: '1', banner: SIZE }], site: { domain: 'news.example' } });
  return new Promise((resolve, reject) => {
    const call = request(`${system.bidUrl}/openrtb2/bid/demo`, { method: 'POST', agent }, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.on('end', () => {
        if (answer.statusCode !== 200) return resolve('');
        const bids = JSON.parse(Buffer.concat(parts).toString()) as { seatbid: { bid: { adomain: string[] }[] }[] };
        resolve(bids.seatbid[0]!.bid[0]!.adomain[0]!);
      });
    });
    call.once('error', reject);
    call.end(body);
  });
}

/**
 * Changes an ad through the API again and again, one change after the other.
 * @returns for each change how long after the API's answer the last of all connections still got the ad as it was, ms
 */
export async function measureChanges(system: System, changes: number): Promise<readonly number[]> {
  const creativeId = await createAd(system);
  const agents = Array.from({ length: CONNECTIONS }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
  const delays: number[] = [];
  try {
    await until(async () => (await domainBid(system, agents[0]!, 'first')) !== '', 20_000, 'the ad bids');
    for (let i = 1; i <= changes; i++) {
      const domain = `change-${i}.example`;
      await callApi(system, `/api/v1/creatives/${creativeId}`, {
        method: 'PATCH',
        headers: { 'if-match': '*' },
        body: JSON.stringify({ adomain: [domain] }),
      });
      const acceptedMs = performance.now();
      const seen = await Promise.all(agents.map((agent) => msUntilSeen(system, agent, domain, acceptedMs)));
      delays.push(Math.max(...seen));
    }
  } finally {
    for (const agent of agents) agent.destroy();
  }
  return delays;
}

async function msUntilSeen(system: System, agent: Agent, domain: string, sinceMs: number): Promise<number> {
  while (performance.now() - sinceMs < GIVE_UP_MS) {
    if ((await domainBid(system, agent, `${domain} ${performance.now()}`)) === domain)
      return performance.now() - sinceMs;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`${domain} was not bid within ${GIVE_UP_MS} ms`);
}

async function createAd(system: System): Promise<number> {
  const post = <T>(path: string, body: unknown) =>
    callApi<T>(system, path, { method: 'POST', body: JSON.stringify(body) });
  const advertiser = await post<{ id: number }>('/api/v1/advertisers', { name: 'Often changed', timeZone: 'UTC' });
  const campaign = await post<{ id: number }>('/api/v1/campaigns', {
    advertiserId: advertiser.id,
    name: 'Often changed',
    status: 'active',
    budget: { dailyMicros: 1_000_000_000_000, lifetimeMicros: null },
    lineItems: [
      { name: 'Often changed', status: 'active', goal: { type: 'cpm', bidCpmMicros: 1_000_000 }, pacing: 'asap' },
    ],
  });
  const { items } = await callApi<{ items: { id: number; campaignId: number }[] }>(system, '/api/v1/line-items');
  const lineItem = items.find(({ campaignId }) => campaignId === campaign.id)!;
  const creative = await post<{ id: number }>('/api/v1/creatives', {
    lineItemId: lineItem.id,
    name: 'Often changed',
    format: 'banner',
    banner: { ...SIZE, html: '<b>ad</b>' },
    landingUrl: 'https://shop.example.com/',
    adomain: ['change-0.example'],
  });
  return creative.id;
}

/** The nearest-rank percentile of some numbers. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)]!;
}
