import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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
  await until(bids, 60_000, 'the demo bids');
});
afterAll(async () => {
  await system?.stop();
  await receiver?.stop();
  rmSync(dirname(settings), { recursive: true, force: true });
});

/** Writes the configuration file; the bidder sees it at the next SIGHUP. */
function configure(yaml: string): void {
  writeFileSync(settings, yaml);
}

async function bids(): Promise<boolean> {
  asked += 1;
  const answer = await fetch(`${system.bidUrl}/openrtb2/bid/demo`, {
    method: 'POST',
    body: JSON.stringify({ ...sampleRequest, id: `stop-${asked}`, user: { id: `visitor-${asked}` } }),
  });
  await answer.arrayBuffer();
  return answer.status === 200;
}

/** Several requests, so that every bid thread was asked. */
async function bidsAtAll(): Promise<boolean> {
  for (let i = 0; i < 8; i++) if (await bids()) return true;
  return false;
}

async function msUntilStopped(): Promise<number> {
  const startedMs = performance.now();
  await until(async () => !(await bidsAtAll()), 10_000, 'bidding stops');
  return performance.now() - startedMs;
}

const set = (scope: string, on: boolean) =>
  callApi(system, `/api/v1/switches/${scope}`, {
    method: 'PUT',
    body: JSON.stringify({ on, reason: 'a test of stopping' }),
  });
const again = () => until(bidsAtAll, 10_000, 'bidding goes on');

describe('kill switches', () => {
  it.each(['all', 'exchange:demo'])('stop %s through the API within a second, and let it go on', async (scope) => {
    await set(scope, true);
    expect(await msUntilStopped()).toBeLessThan(STOP_WITHIN_MS);
    expect((await fetch(`${system.bidUrl}/healthz/ready`)).status, 'stopped is not unready').toBe(200);
    await set(scope, false);
    await again();
  });

  it('stop an advertiser and a campaign', async () => {
    const { items } = await callApi<{ items: { id: number; advertiserId: number }[] }>(system, '/api/v1/campaigns');
    const advertisers = [...new Set(items.map(({ advertiserId }) => advertiserId))];
    for (const scopes of [advertisers.map((id) => `advertiser:${id}`), items.map(({ id }) => `campaign:${id}`)]) {
      for (const scope of scopes) await set(scope, true);
      expect(await msUntilStopped()).toBeLessThan(STOP_WITHIN_MS);
      for (const scope of scopes) await set(scope, false);
      await again();
    }
  });

  it('stop by a file in the data folder within a second, until it is removed', async () => {
    const file = join(system.dataDir, 'stop');
    writeFileSync(file, 'exchange:demo   # they asked\n');
    expect(await msUntilStopped()).toBeLessThan(STOP_WITHIN_MS);
    await set('all', true);
    rmSync(file);
    await new Promise((resolve) => setTimeout(resolve, 600));
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
