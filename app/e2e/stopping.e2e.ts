import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sampleRequest } from '../commands/start.ts';
import type { Metric } from '../metrics/metric.ts';
import { metrics } from '../metrics/table.ts';
import { startReceiver, type TraceReceiver } from '../tracing/receiver.case.ts';
import { measureChanges, percentile } from './changes.case.ts';
import { callApi, type System, startSystem, until } from './processes.case.ts';

const LEASE_MS = 4000;
/** What a stop may take, from the request or the file to the last bid. */
const STOP_WITHIN_MS = 1000;

const settings = join(mkdtempSync(join(tmpdir(), 'evenkeel-settings-')), 'evenkeel.yaml');
let system: System;
let receiver: TraceReceiver;
let asked = 0;
beforeAll(async () => {
  configure('');
  receiver = await startReceiver();
  const traces = [`--traces-url=${receiver.url}`, '--traces-ratio=0.5'];
  const flags = [`--config=${settings}`, `--lease-ms=${LEASE_MS}`, '--bid-threads=2', ...traces];
  system = await startSystem(flags, ['--seed-demo']);
  await until(bidsAtAll, 60_000, 'the demo bids');
});
afterAll(async () => {
  for (const agent of agents) agent.destroy();
  await system?.stop();
  await receiver?.stop();
  rmSync(dirname(settings), { recursive: true, force: true });
});

/** Writes the configuration file; the bidder sees it at the next SIGHUP. */
function configure(yaml: string): void {
  writeFileSync(settings, yaml);
}

/** So many connections that every bid thread has some: the kernel spreads connections over threads. */
const agents = Array.from({ length: 8 }, () => new Agent({ keepAlive: true, maxSockets: 1 }));

function bids(agent: Agent): Promise<boolean> {
  asked += 1;
  const body = JSON.stringify({ ...sampleRequest, id: `stop-${asked}`, user: { id: `visitor-${asked}` } });
  return new Promise((resolve, reject) => {
    const call = request(`${system.bidUrl}/openrtb2/bid/demo`, { method: 'POST', agent }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode === 200));
    });
    call.once('error', reject);
    call.end(body);
  });
}

/** Whether any bid thread bids. */
async function bidsAtAll(): Promise<boolean> {
  return (await Promise.all(agents.map(bids))).some(Boolean);
}

/** Stops and takes the time to the first answers of all threads without a bid, ms. */
async function msUntilStopped(stop: () => unknown): Promise<number> {
  const startedMs = performance.now();
  await stop();
  await until(async () => !(await bidsAtAll()), 10_000, 'bidding stops');
  return performance.now() - startedMs;
}

const set = (scope: string, on: boolean) =>
  callApi(system, `/api/v1/switches/${scope}`, {
    method: 'PUT',
    body: JSON.stringify({ on, reason: 'a test of stopping' }),
  });
const again = () => until(bidsAtAll, 10_000, 'bidding goes on');

const kinds = ['all', 'exchange', 'advertiser', 'campaign'] as const;
/** What must be stopped of a kind so that nothing of the demo bids. */
async function scopesOf(kind: (typeof kinds)[number]): Promise<readonly string[]> {
  if (kind === 'all') return ['all'];
  if (kind === 'exchange') return ['exchange:demo'];
  const { items } = await callApi<{ items: { id: number; advertiserId: number }[] }>(system, '/api/v1/campaigns');
  const ids = kind === 'campaign' ? items.map(({ id }) => id) : items.map(({ advertiserId }) => advertiserId);
  return [...new Set(ids)].map((id) => `${kind}:${id}`);
}

describe('kill switches', () => {
  const file = () => join(system.dataDir, 'stop');
  const switchesOn = async () => Number(/evenkeel_kill_switches (\d+)/.exec(await metricsOf(system.bidUrl))?.[1]);

  it.each(kinds)('stop %s through the API within a second, and let it go on', async (kind) => {
    const scopes = await scopesOf(kind);
    const last = scopes.at(-1)!;
    for (const scope of scopes.slice(0, -1)) await set(scope, true);

    expect(await msUntilStopped(() => set(last, true))).toBeLessThan(STOP_WITHIN_MS);
    expect((await fetch(`${system.bidUrl}/healthz/ready`)).status, 'stopped is not unready').toBe(200);
    for (const scope of scopes) await set(scope, false);
    await again();
  });

  it.each(kinds)('stop %s by a file in the data folder within a second, until it is removed', async (kind) => {
    const scopes = await scopesOf(kind);
    const lines = scopes.map((scope) => `${scope}   # they asked\n`).join('');
    expect(await msUntilStopped(() => writeFileSync(file(), lines))).toBeLessThan(STOP_WITHIN_MS);
    rmSync(file());
    await again();
  });

  it('of the file do not lift those of the API', async () => {
    writeFileSync(file(), 'exchange:demo\n');
    await set('all', true);
    await until(async () => (await switchesOn()) === 2, 10_000, 'both are on');
    rmSync(file());
    await until(async () => (await switchesOn()) === 1, 10_000, 'one is off again');
    expect(await bidsAtAll(), 'the API’s switch still stands').toBe(false);
    await set('all', false);
    await again();
  });
});

describe('SIGHUP', () => {
  const reload = () => process.kill(system.bidder.pid, 'SIGHUP');
  const statusOf = async (exchange: string) => {
    const body = JSON.stringify({ ...sampleRequest, id: `reload-${asked++}` });
    return (await fetch(`${system.bidUrl}/openrtb2/bid/${exchange}`, { method: 'POST', body })).status;
  };

  it('takes over exchanges and their limits, and keeps what is in force when the file is wrong', async () => {
    expect(await statusOf('another')).toBe(404);
    configure('exchanges: { another: { seat: s } }\n');
    reload();
    await until(async () => [200, 204].includes(await statusOf('another')), 5_000, 'the new exchange is known');
    configure('exchanges: { another: { seat: 7 } }\n');
    reload();
    const refused = async () => /reloads_total\{outcome="refused"\} 1/.test(await metricsOf(system.bidUrl));
    await until(refused, 5_000, 'the wrong file is refused');
    expect([200, 204]).toContain(await statusOf('another'));
    configure('');
    reload();
    await until(async () => (await statusOf('another')) === 404, 5_000, 'the exchange is gone');
  });

  it('is taken over by every role', async () => {
    const reloads = async () => {
      const texts = [await metricsOf(system.bidUrl), await metricsOf(system.apiUrl)];
      return texts.map((text) => Number(/reloads_total\{outcome="applied"\} (\d+)/.exec(text)?.[1] ?? 0));
    };
    const before = await reloads();
    configure('maxLagMs: 60\n');
    reload();
    process.kill(system.reporting.pid, 'SIGHUP');
    await until(async () => (await reloads()).every((count, at) => count > before[at]!), 10_000, 'both took it over');
    configure('');
    reload();
    process.kill(system.reporting.pid, 'SIGHUP');
  });

  it('sets a limit on what an account may be billed within a minute, which stops it and lets it go on', async () => {
    configure('spendLimitMicros: 1\n');
    reload();
    await until(
      async () => {
        await showOne();
        return /spend_limited_accounts [1-9]/.test(await metricsOf(system.bidUrl));
      },
      20_000,
      'the account is limited',
    );
    await until(async () => !(await bidsAtAll()), 20_000, 'bidding stops');
    configure('');
    reload();
    await again();
  });
});

/** Plays the exchange for one bid that is won at its price. */
async function showOne(): Promise<void> {
  const body = JSON.stringify({ ...sampleRequest, id: `shown-${asked++}`, user: { id: `visitor-${asked}` } });
  const answer = await fetch(`${system.bidUrl}/openrtb2/bid/demo`, { method: 'POST', body });
  if (answer.status !== 200) return;
  const { seatbid } = (await answer.json()) as { seatbid: { bid: { price: number; burl: string }[] }[] };
  const { price, burl } = seatbid[0]!.bid[0]!;
  expect((await fetch(burl.replaceAll('${AUCTION_PRICE}', String(price)))).status).toBe(204);
}

const metricsOf = async (url: string) => (await fetch(`${url}/metrics`)).text();

describe('traces', () => {
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  const traceparent = `00-${traceId}-00f067aa0ba902b7-01`;

  it('hold the stages of a bid and an API request in their caller’s trace, ingest blocks and pacer rounds', async () => {
    const body = JSON.stringify({ ...sampleRequest, id: `traced-${asked++}`, user: { id: 'somebody-traced' } });
    await fetch(`${system.bidUrl}/openrtb2/bid/demo`, { method: 'POST', body, headers: { traceparent } });
    await callApi(system, '/api/v1/campaigns', { headers: { traceparent } });
    const named = (name: string) => receiver.spans.filter((span) => span.name === name);
    const ours = () => receiver.spans.filter((span) => span.traceId === traceId);
    const whole = async () =>
      ['bid', 'bid.read', 'bid.auction', 'GET /api/v1/campaigns'].every((name) =>
        ours().some((one) => one.name === name),
      ) &&
      named('ingest.block').length > 0 &&
      named('pacer.round').length > 0;
    await until(whole, 20_000, 'every kind of span');
    expect(receiver.faults).toEqual([]);
    const bid = ours().find(({ name }) => name === 'bid');
    expect(bid).toMatchObject({ role: 'bidder', parentSpanId: '00f067aa0ba902b7' });
    const stages = ours().filter(({ parentSpanId }) => parentSpanId === bid?.spanId);
    expect(stages.map(({ name }) => name)).toEqual(expect.arrayContaining(['bid.read', 'bid.auction']));
    expect(ours().some(({ name, role }) => name === 'GET /api/v1/campaigns' && role === 'reporting')).toBe(true);
    expect(JSON.stringify(receiver.spans), 'no person stands in a trace').not.toContain('somebody-traced');
  });
});

describe('the dead-man’s switch', () => {
  it('stops bidding when nobody watches the money, and goes on when somebody does', async () => {
    await system.reporting.end('SIGKILL');
    const stoppedAfterMs = await (async () => {
      const startedMs = performance.now();
      await until(async () => !(await bidsAtAll()), LEASE_MS + 10_000, 'credit lapses');
      return performance.now() - startedMs;
    })();
    expect(stoppedAfterMs).toBeLessThan(LEASE_MS + 5000);
    await system.restartReporting();
    await until(bidsAtAll, 60_000, 'bidding goes on');
  });
});

describe('/metrics', () => {
  it('shows exactly what the list says, with its types and labels', async () => {
    const read = async (url: string) => parse(await (await fetch(`${url}/metrics`)).text());
    const found = { bidder: await read(system.bidUrl), reporting: await read(system.apiUrl) };
    const listed = (metric: Metric) => ({
      bidder: metric.roles.includes('bidder'),
      reporting: metric.roles.some((role) => role !== 'bidder'),
    });
    const onlyWithKafka = /^evenkeel_spool_/;
    for (const role of ['bidder', 'reporting'] as const) {
      const expected = metrics.filter((metric) => listed(metric)[role] && !onlyWithKafka.test(metric.name));
      expect([...found[role].keys()].sort()).toEqual(expected.map((metric) => metric.name).sort());
      for (const metric of expected) {
        const { type, labels } = found[role].get(metric.name)!;
        expect(type, metric.name).toBe(metric.type);
        for (const label of labels) expect(metric.labels, `${metric.name} has the label ${label}`).toContain(label);
      }
    }
  });
});

interface Exposed {
  readonly type: string;
  readonly labels: Set<string>;
}

/** Our metrics in the Prometheus text format: name → type and the labels seen. */
function parse(text: string): Map<string, Exposed> {
  const found = new Map<string, Exposed>();
  for (const line of text.split('\n')) {
    const [, name, type] = /^# TYPE (evenkeel_\w+) (\w+)/.exec(line) ?? [];
    if (name !== undefined && type !== undefined) found.set(name, { type, labels: new Set() });
    const [, sample = '', labels = ''] = /^(evenkeel_\w+?)(?:\{(.*)\})? /.exec(line) ?? [];
    const owner = found.get(sample) ?? found.get(sample.replace(/_(bucket|sum|count)$/, ''));
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) if (label !== 'le') owner?.labels.add(label);
  }
  return found;
}

describe('a change of an ad', () => {
  it('is in the bids of every thread within a second of the API’s answer', async () => {
    const delays = await measureChanges(system, 20);
    console.log(
      `change to bid: p50 ${percentile(delays, 50).toFixed(0)} ms, most ${Math.max(...delays).toFixed(0)} ms`,
    );
    // The p99 of hundreds is judged by changes.slow.ts.
    expect(percentile(delays, 90)).toBeLessThan(STOP_WITHIN_MS);
  });
});
