import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import type { TestBidder, TestBidderOptions } from '../testing.case.ts';
import { startTestBidder } from '../testing.case.ts';
import { defaultOptions } from './options.ts';
import type { LoadtestResult } from './result.ts';
import { runLoadtest } from './run.ts';

const servers: TestBidder[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

interface Plan {
  readonly rps: number;
  readonly durationMs: number;
  readonly closedUsers?: number;
}

async function measure(bidder: TestBidderOptions, plan: Plan): Promise<LoadtestResult> {
  const server = await startTestBidder({ bidShare: 0, ...bidder });
  servers.push(server);
  return runLoadtest(
    {
      ...defaultOptions,
      url: server.url,
      stages: [{ fromRps: plan.rps, toRps: plan.rps, durationMs: plan.durationMs }],
      closedUsers: plan.closedUsers ?? 0,
      threads: 0,
      market: null,
      timeoutMs: 10_000,
      maxLateMs: 10_000,
      corpus: 100,
    },
    { clock: systemClock },
  );
}

describe('what the load test says is true', () => {
  it('reports the percentiles of known delays within 2 %', async () => {
    // Half of the answers take 200 ms, four in ten 400 ms, 9 % take 800 ms and 1 % take 1.6 s, in a fixed shuffle.
    const delayOf = (i: number): number => {
      const rank = (i * 37) % 100;
      return rank < 50 ? 200 : rank < 90 ? 400 : rank < 99 ? 800 : 1600;
    };
    // Server and sender share this thread: when the machine is busy it wakes late, and that is no fault of either.
    const wakes = monitorEventLoopDelay({ resolution: 1 });
    wakes.enable();
    const result = await measure({ delayMs: delayOf }, { rps: 200, durationMs: 3000 });
    wakes.disable();
    const wakesLateMs = wakes.percentile(99) / 1e6;
    expect(result.counters.answered).toBe(600);
    // Timers of a busy server fire late, so the known delay is what the server really took.
    const known = servers[0]!.tookMs.toSorted((a, b) => a - b);
    const { latency, sender } = result;
    const measured = { 50: latency.p50Ms, 75: latency.p75Ms, 90: latency.p90Ms, 95: latency.p95Ms, 99: latency.p99Ms };
    for (const [percentile, ms] of Object.entries(measured)) {
      const truth = known[Math.ceil((Number(percentile) / 100) * known.length) - 1]!;
      expect(ms, `p${percentile}`).toBeGreaterThanOrEqual(truth * 0.998);
      // What the sender itself admits to have been late is the only other part.
      expect(ms, `p${percentile}`).toBeLessThanOrEqual(truth * 1.02 + sender.lateness.p99Ms + wakesLateMs);
    }
    expect(latency.maxMs).toBeGreaterThan(1590);
  });

  it('shows a freeze of 2 s as users see it, where a closed loop hides it', async () => {
    // Everything that arrives between 1 s and 3 s after the first request is answered at 3 s.
    const freezing = (): TestBidderOptions => {
      let firstMs: number | null = null;
      return {
        delayMs: () => {
          const now = systemClock.monotonicMs();
          firstMs ??= now;
          const at = now - firstMs;
          return at >= 1000 && at < 3000 ? 3000 - at : 1;
        },
      };
    };
    const [open, closed] = await Promise.all([
      measure(freezing(), { rps: 200, durationMs: 5000 }),
      measure(freezing(), { rps: 200, durationMs: 5000, closedUsers: 4 }),
    ]);
    // 400 of 1,000 requests met the freeze, evenly: the slowest tenth waited 1.5 s or more, a quarter 0.75 s or more.
    expect(open.counters.answered).toBe(1000);
    expect(open.latency.maxMs).toBeGreaterThan(1900);
    expect(open.latency.p90Ms).toBeGreaterThan(1400);
    expect(open.latency.p75Ms).toBeGreaterThan(650);
    expect(open.series.some((point) => point.p50Ms > 500)).toBe(true);

    expect(closed.loop).toBe('closed');
    expect(closed.counters.answered).toBeGreaterThan(4 * 100);
    expect(closed.latency.p99Ms).toBeLessThan(open.latency.p90Ms / 2);
    expect(closed.latency.maxMs).toBeGreaterThan(1900);
  });

  it('counts what could not be started in time as dropped, and never sends it late', async () => {
    const server = await startTestBidder({ bidShare: 0, delayMs: () => 400 });
    servers.push(server);
    const result = await runLoadtest(
      {
        ...defaultOptions,
        url: server.url,
        stages: [{ fromRps: 100, toRps: 100, durationMs: 2000 }],
        threads: 0,
        market: null,
        connections: 4,
        maxConnections: 4,
        maxLateMs: 100,
        corpus: 50,
      },
      { clock: systemClock },
    );
    // Four connections can carry 10 requests a second.
    const { counters } = result;
    expect(counters.planned).toBe(200);
    expect(counters.sent).toBe(server.requests.count);
    expect(counters.sent).toBeLessThan(40);
    expect(counters.dropped).toBe(counters.planned - counters.sent);
    // 400 ms of the server, at most 100 ms of waiting, and what a busy machine adds.
    expect(result.latency.maxMs).toBeLessThan(2000);
    expect(result.sender.warnings.join()).toContain('dropped with all 4 connections');
  });

  it('does not count the warm-up', async () => {
    const server = await startTestBidder({ bidShare: 0, delayMs: (i) => (i < 40 ? 3000 : 0) });
    servers.push(server);
    const stages = [{ fromRps: 100, toRps: 100, durationMs: 1500 }];
    const result = await runLoadtest(
      {
        ...defaultOptions,
        url: server.url,
        stages,
        threads: 0,
        market: null,
        warmupMs: 500,
        corpus: 50,
        timeoutMs: 15_000,
      },
      { clock: systemClock },
    );
    expect(server.requests.count).toBe(150);
    expect(result.counters).toMatchObject({ planned: 100, answered: 100 });
    expect(result.latency.count).toBe(100);
    expect(result.latency.p99Ms).toBeLessThan(2500);
  });
});
