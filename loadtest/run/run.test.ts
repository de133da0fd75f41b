import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { summaryText } from '../cli/summarytext.ts';
import { parseGate } from '../gate/gate.ts';
import { testCertificate } from '../http/certificate.case.ts';
import { readLedger } from '../market/ledger.ts';
import { defaultMarket } from '../market/market.ts';
import { htmlReport } from '../report/html.ts';
import { errorsOf, sumOf } from '../send/counters.ts';
import type { TestBidder, TestBidderOptions } from '../testing.case.ts';
import { abortAt, startTestBidder } from '../testing.case.ts';
import type { LoadtestOptions } from './options.ts';
import { defaultOptions } from './options.ts';
import { runLoadtest } from './run.ts';

let folder: string;
const servers: TestBidder[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadtest-'));
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
  rmSync(folder, { recursive: true, force: true });
});

async function server(options: TestBidderOptions = {}): Promise<TestBidder> {
  const started = await startTestBidder(options);
  servers.push(started);
  return started;
}

function options(url: string, rps: number, durationMs: number, more: Partial<LoadtestOptions> = {}): LoadtestOptions {
  return {
    ...defaultOptions,
    url,
    stages: [{ fromRps: rps, toRps: rps, durationMs }],
    threads: 0,
    corpus: 200,
    // Generous, so that a busy machine is not taken for a broken sender.
    timeoutMs: 15_000,
    tmaxMs: 15_000,
    maxLateMs: 15_000,
    market: { ...defaultMarket, clickShare: 0.2, clickDelayMs: 50, renderDelayMs: 50 },
    ...more,
  };
}

describe('a load test', () => {
  it('measures, audits, keeps its ledger and passes its gates', async () => {
    const bidder = await server();
    const gates = ['p99<15s', 'errors<0.1%', 'dropped=0', 'bid_rate>30%', 'lost_events=0'].map(parseGate);
    const result = await runLoadtest(
      options(bidder.url, 300, 1500, {
        gates,
        ledgerDir: folder,
        audit: { apiUrl: bidder.origin, apiKey: 'secret', drainMs: 10_000 },
        mix: { ...defaultOptions.mix, scope: 'r1' },
      }),
      { clock: systemClock },
    );
    expect(result.problems).toEqual([]);
    expect(result.audit).toMatchObject({ passed: true, lostEvents: 0, differences: [], campaigns: 3 });
    expect(result.gates.map((gate) => gate.passed)).toEqual([true, true, true, true, true]);
    expect(result.passed).toBe(true);
    const { counters } = result;
    expect(counters.planned).toBe(450);
    expect(counters.planned).toBe(counters.dropped + counters.answered + sumOf(counters.faults));
    expect(counters.answered).toBe(counters.bids + counters.noBids);
    expect(bidder.requests.count).toBe(counters.sent);
    expect(result.latency.count).toBe(450);
    expect(result.series.reduce((sum, point) => sum + point.bids, 0)).toBe(counters.bids);
    expect(JSON.stringify(result)).not.toContain('secret');
    const truth = readLedger([join(folder, 'ledger-0.jsonl')]);
    expect(existsSync(join(folder, 'ledger-0.jsonl'))).toBe(true);
    expect(String(truth.get('1')!.spendNanos)).toBe(result.truth[0]!.spendNanos);
    expect(truth.get('1')!.spendNanos).toBe(bidder.spend.get('1'));
  });

  it('fails the audit when the server counts one impression too many', async () => {
    const bidder = await server({ reportTooMany: 1 });
    const result = await runLoadtest(
      options(bidder.url, 200, 500, { audit: { apiUrl: bidder.origin, apiKey: 'secret', drainMs: 500 } }),
      { clock: systemClock },
    );
    expect(result.passed).toBe(false);
    expect(result.audit?.lostEvents).toBe(3);
    expect(result.audit?.differences[0]).toMatchObject({ metric: 'impressions', uncertain: '0' });
  });

  it('says by what rule the server did not believe what is missing', async () => {
    const bidder = await server({ clicksInvalid: 'too_many_clicks' });
    const result = await runLoadtest(
      options(bidder.url, 200, 500, { audit: { apiUrl: bidder.origin, apiKey: 'secret', drainMs: 500 } }),
      { clock: systemClock },
    );
    expect(result.passed).toBe(false);
    const clicks = result.truth.reduce((sum, row) => sum + row.counts.click.acknowledged, 0);
    expect(clicks).toBeGreaterThan(0);
    expect(result.audit?.notBelieved).toEqual([{ type: 'click', reason: 'too_many_clicks', count: clicks }]);
    const said = `not believed by the server: ${clicks} × click, because too_many_clicks`;
    expect(summaryText(result)).toContain(said);
    expect(htmlReport(result)).toContain(said);
  });

  it('does not pass an audit of nothing', async () => {
    const bidder = await server({ bidShare: 0 });
    const result = await runLoadtest(
      options(bidder.url, 100, 300, { audit: { apiUrl: bidder.origin, apiKey: 'secret', drainMs: 500 } }),
      { clock: systemClock },
    );
    expect(result.passed).toBe(false);
    expect(result.audit?.problem).toContain('nothing to compare');
  });

  it('says what is wrong with the key, and fails', async () => {
    const bidder = await server();
    const result = await runLoadtest(
      options(bidder.url, 100, 300, { audit: { apiUrl: bidder.origin, apiKey: 'wrong', drainMs: 5000 } }),
      { clock: systemClock },
    );
    expect(result.passed).toBe(false);
    expect(result.audit?.problem).toContain('401');
  });

  it('asks for the report again while the server starts again, until the time is up', async () => {
    const restarting = await server({ failReport: (n) => n <= 7 });
    const audit = { apiUrl: restarting.origin, apiKey: 'secret', drainMs: 20_000 };
    const found = await runLoadtest(options(restarting.url, 100, 300, { audit }), { clock: systemClock });
    expect(found.audit).toMatchObject({ passed: true, problem: '' });

    const gone = await server({ failReport: () => true });
    const short = { apiUrl: gone.origin, apiKey: 'secret', drainMs: 1200 };
    const missed = await runLoadtest(options(gone.url, 100, 300, { audit: short }), { clock: systemClock });
    expect(missed.audit?.problem).toMatch(/could not be read: fetch failed \(.+\)/);
    expect(missed.audit?.waitedMs).toBeGreaterThanOrEqual(1200);
    expect(missed.passed).toBe(false);
  });

  it('does not wait for a report, or for notices, when it is interrupted', async () => {
    for (const phase of ['auditing', 'draining']) {
      const abort = new AbortController();
      const bidder = await server({ reportTooMany: 1, failNotice: () => phase === 'draining' });
      const audit = { apiUrl: bidder.origin, apiKey: 'secret', drainMs: 600_000 };
      const result = await runLoadtest(options(bidder.url, 100, 300, { audit, drainMs: 600_000 }), {
        clock: systemClock,
        signal: abort.signal,
        onPhase: (now) => void (now === phase && setImmediate(() => abort.abort())),
      });
      expect(result.interrupted).toBe(true);
      expect(result.audit?.passed).toBe(false);
    }
  });

  it('fails gates that have no samples, and counts an unreachable server', async () => {
    const bidder = await server();
    await bidder.close();
    servers.pop();
    const result = await runLoadtest(
      options(bidder.url, 100, 300, { gates: [parseGate('bid_rate>0%'), parseGate('errors<1%')] }),
      { clock: systemClock },
    );
    expect(result.counters.faults).toEqual({ connect_refused: 30 });
    expect(result.counters.firstSaid.connect_refused).toContain('ECONNREFUSED');
    expect(errorsOf(result.counters)).toBe(30);
    expect(result.gates.map((gate) => gate.passed)).toEqual([false, false]);
    expect(result.gates[0]!.value).toBeNull();
  });

  it('reports what was measured when it is interrupted', async () => {
    const abort = new AbortController();
    const bidder = await server({ delayMs: abortAt(30, abort) });
    const result = await runLoadtest(options(bidder.url, 100, 60_000), { clock: systemClock, signal: abort.signal });
    expect(result.interrupted).toBe(true);
    expect(result.durationMs).toBeLessThan(10_000);
    expect(result.counters.answered).toBeGreaterThan(20);
    expect(result.counters.answered).toBe(result.latency.count);
  });

  it('speaks TLS, and counts a certificate that is not trusted as what it is', async () => {
    const secure = https.createServer(testCertificate, (_, response) => response.writeHead(204).end());
    await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
    const url = `https://127.0.0.1:${(secure.address() as AddressInfo).port}/bid`;
    const trusted = await runLoadtest(options(url, 50, 400, { insecure: true }), { clock: systemClock });
    expect(trusted.counters).toMatchObject({ answered: 20, noBids: 20, faults: {} });
    const untrusted = await runLoadtest(options(url, 50, 400), { clock: systemClock });
    expect(untrusted.counters).toMatchObject({ answered: 0, faults: { tls_error: 20 } });
    secure.closeAllConnections();
    secure.close();
  });

  it.each<[string, (response: ServerResponse) => void, string]>([
    ['http_500', (response) => response.writeHead(500).end('oops'), 'invalid'],
    [
      'not_json',
      (response) => response.writeHead(200, { 'content-type': 'application/json' }).end('<html>'),
      'invalid',
    ],
    ['wrong_content_type', (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('{}'), 'invalid'],
    ['wrong_id', (response) => response.writeHead(200).end('{"id":"another","seatbid":[]}'), 'invalid'],
    ['bad_gzip', (response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('xx'), 'invalid'],
    [
      'half_closed',
      (response) => response.writeHead(200, { 'content-length': 9 }).write('{', () => response.destroy()),
      'faults',
    ],
    ['timeout', () => {}, 'faults'],
  ])('counts %s and goes on', async (name, answer, group) => {
    const bidder = await server({
      answer: (i, response) => {
        if (i % 2 === 0) answer(response);
        return i % 2 === 0;
      },
    });
    const result = await runLoadtest(options(bidder.url, 100, 400, { market: null, timeoutMs: 2000 }), {
      clock: systemClock,
    });
    const counted = group === 'faults' ? result.counters.faults : result.counters.invalid;
    expect(counted).toEqual({ [name]: 20 });
    expect(result.counters.bids + result.counters.noBids).toBe(20);
    expect(errorsOf(result.counters)).toBe(20);
  });
});
