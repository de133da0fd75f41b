import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { LoadtestOptions } from './run/options.ts';
import type { LoadtestResult } from './run/result.ts';
import type { LoadtestDeps } from './run/run.ts';
import type { TestBidder } from './testing.case.ts';
import { startTestBidder } from './testing.case.ts';

// Sender threads run from the built code, so this test does too.
const dist = join(import.meta.dirname, '../dist');
const load = <T>(path: string): Promise<T> => import(join(dist, path)) as Promise<T>;

interface Built {
  readonly run: (options: LoadtestOptions, deps: LoadtestDeps) => Promise<LoadtestResult>;
  readonly defaults: typeof import('./run/options.ts').defaultOptions;
  readonly clock: LoadtestDeps['clock'];
  readonly gate: typeof import('./gate/gate.ts').parseGate;
}

async function built(): Promise<Built> {
  expect(existsSync(join(dist, 'loadtest/run/thread.js')), 'run `npm run build` first').toBe(true);
  const { runLoadtest } = await load<typeof import('./run/run.ts')>('loadtest/run/run.js');
  const { defaultOptions } = await load<typeof import('./run/options.ts')>('loadtest/run/options.js');
  const { systemClock } = await load<typeof import('../core/clock.ts')>('core/clock.js');
  const { parseGate } = await load<typeof import('./gate/gate.ts')>('loadtest/gate/gate.js');
  return { run: runLoadtest, defaults: defaultOptions, clock: systemClock, gate: parseGate };
}

const servers: TestBidder[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

describe('sender threads', () => {
  it('share the rate, keep a ledger each, and add up to what the bidder saw', async () => {
    const { run, defaults, clock, gate } = await built();
    const server = await startTestBidder();
    servers.push(server);
    const market = { ...defaults.market!, clickShare: 0.2, clickDelayMs: 20, renderDelayMs: 20 };
    const result = await run(
      {
        ...defaults,
        url: server.url,
        stages: [{ fromRps: 300, toRps: 300, durationMs: 2000 }],
        threads: 2,
        // Generous, so that a busy machine is not taken for a broken sender.
        timeoutMs: 60_000,
        tmaxMs: 60_000,
        maxLateMs: 60_000,
        market,
        gates: [gate('lost_events=0'), gate('errors=0%')],
        audit: { apiUrl: server.origin, apiKey: 'secret', drainMs: 20_000 },
      },
      { clock },
    );
    expect(result.problems).toEqual([]);
    expect(result.counters).toMatchObject({ planned: 600, answered: 600 });
    expect(server.requests.count).toBe(600);
    expect(result.audit).toMatchObject({ passed: true, campaigns: 3 });
    expect(result.passed).toBe(true);
    expect(result.latency.count).toBe(600);
  });

  it('stop when told to, also while they connect', async () => {
    const { run, defaults, clock } = await built();
    const server = await startTestBidder();
    servers.push(server);
    for (const afterMs of [0, 1500]) {
      const abort = new AbortController();
      setTimeout(() => abort.abort(), afterMs);
      const stages = [{ fromRps: 50, toRps: 50, durationMs: 600_000 }];
      const result = await run({ ...defaults, url: server.url, stages, market: null }, { clock, signal: abort.signal });
      expect(result.interrupted).toBe(true);
    }
  });
});
