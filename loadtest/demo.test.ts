import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../core/clock.ts';
import { seededRandom } from '../core/random.ts';
import { startTraffic } from './demo.ts';
import type { Truth } from './market/ledger.ts';
import { readLedger } from './market/ledger.ts';
import type { TestBidder, TestBidderOptions } from './testing.case.ts';
import { startTestBidder } from './testing.case.ts';

let folder: string;
const servers: TestBidder[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadtest-'));
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
  rmSync(folder, { recursive: true, force: true });
});

const quick = { clickShare: 0.3, clickDelayMs: 100, renderDelayMs: 50 };
const until = (condition: () => boolean) => vi.waitUntil(condition, { timeout: 45_000, interval: 20 });

async function runTraffic(options: TestBidderOptions, market: object) {
  const server = await startTestBidder(options);
  servers.push(server);
  const ledgerPath = join(folder, 'truth.jsonl');
  const traffic = startTraffic(
    {
      url: server.url,
      // A patient exchange: what is tested is the ledger, not the machine.
      tmaxMs: 15_000,
      rps: 300,
      ledgerPath,
      market: { ...quick, ...market },
      courier: { retryMs: 20, followGapMs: 20 },
    },
    { clock: systemClock, random: seededRandom(7) },
  );
  await until(() => {
    const { requests, wins, clicks } = traffic.status();
    return requests > 300 && wins > 40 && clicks > 8;
  });
  const truth = await traffic.stop({ deliver: true, timeoutMs: 15_000 });
  return { server, traffic, truth, ledgerPath };
}

function expectEqual(truth: Truth, server: TestBidder): void {
  expect([...truth.keys()].sort()).toEqual(['1', '2', '3']);
  for (const [campaign, sums] of truth) {
    const names = { win: 'win', bill: 'bill', imp: 'impression', click: 'click', loss: 'loss' } as const;
    for (const [path, kind] of Object.entries(names)) {
      expect(sums.counts[kind].acknowledged, `${kind} of ${campaign}`).toBe(
        server.counts.get(`${path}:${campaign}`) ?? 0,
      );
      expect(sums.counts[kind].uncertain).toBe(0);
    }
    expect(sums.spendNanos).toBe(server.spend.get(campaign));
  }
}

describe('the exchange simulator', () => {
  it('keeps a ledger that equals what the bidder received, to the nano', async () => {
    const { server, truth, traffic, ledgerPath } = await runTraffic(
      { price: (i) => 1 + (i % 1000) / 1000 + 0.000_123 },
      { auction: 'second' },
    );
    expectEqual(truth, server);
    expect(readLedger([ledgerPath])).toEqual(truth);
    const status = traffic.status();
    expect(status.requests).toBe(server.requests.count);
    expect(status.requests).toBeGreaterThan(200);
    expect(status.wins).toBeGreaterThan(20);
    expect(status.clicks).toBeGreaterThan(3);
    expect(status.errors).toBe(0);
    expect([...server.userAgents].some((agent) => agent.startsWith('Mozilla/'))).toBe(true);
  });

  it('retries what was not acknowledged, sends duplicates once in the ledger, and stays exact', async () => {
    const { server, truth } = await runTraffic({ failNotice: (n) => n % 3 === 0 }, { duplicateShare: 0.5 });
    expectEqual(truth, server);
    expect(server.repeated.count).toBeGreaterThan(5);
  });

  it('writes every notice to the file before the bidder sees it', async () => {
    const ledgerPath = join(folder, 'truth.jsonl');
    const missing: string[] = [];
    let checked = 0;
    const server = await startTestBidder({
      failNotice: () => {
        checked += 1;
        const written = readFileSync(ledgerPath, 'utf8')
          .split('\n')
          .filter((line) => /"s":.*"b":/.test(line)).length;
        if (written < checked) missing.push(`${written} < ${checked}`);
        return false;
      },
    });
    servers.push(server);
    const traffic = startTraffic(
      { url: server.url, tmaxMs: 15_000, rps: 100, ledgerPath },
      { clock: systemClock, random: seededRandom(8) },
    );
    await until(() => checked > 40);
    await traffic.stop();
    expect(checked).toBeGreaterThan(20);
    expect(missing).toEqual([]);
  });

  it('reports notices that nobody acknowledged as uncertain', async () => {
    const server = await startTestBidder({ failNotice: () => true });
    servers.push(server);
    const traffic = startTraffic(
      { url: server.url, tmaxMs: 15_000, rps: 200 },
      { clock: systemClock, random: seededRandom(9) },
    );
    await until(() => traffic.status().wins > 20);
    const truth = await traffic.stop({ deliver: true, timeoutMs: 300 });
    const sums = [...truth.values()];
    expect(sums.reduce((sum, part) => sum + part.counts.win.uncertain, 0)).toBeGreaterThan(10);
    expect(sums.reduce((sum, part) => sum + part.counts.win.acknowledged, 0)).toBe(0);
    expect(sums.every((part) => part.spendNanos === 0n)).toBe(true);
    expect(sums.some((part) => part.uncertainSpendNanos > 0n)).toBe(true);
  });

  it('goes on when the bidder is away and comes back to it', async () => {
    const server = await startTestBidder();
    const { port } = new URL(server.url);
    await server.close();
    const traffic = startTraffic(
      { url: server.url, tmaxMs: 15_000, rps: 100 },
      { clock: systemClock, random: seededRandom(3) },
    );
    await until(() => traffic.status().errors > 10);
    const back = await startTestBidder({ port: Number(port) });
    servers.push(back);
    await until(() => traffic.status().bids > 10);
    await traffic.stop();
    expect(traffic.status().errors).toBeGreaterThan(5);
    expect(traffic.status().bids).toBeGreaterThan(5);
    expect(back.requests.count).toBe(traffic.status().requests - traffic.status().errors);
  });
});
