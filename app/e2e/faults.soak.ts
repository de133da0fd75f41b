import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { seededRandom } from '../../core/random.ts';
import { startTraffic, type Traffic } from '../../loadtest/demo.ts';
import { createCampaigns } from './campaigns.case.ts';
import { expectReportEquals, wait } from './counting.case.ts';
import { callApi, type System, startSystem, until } from './processes.case.ts';
import { describeWear, type Holding, readHolding, wearOf } from './wear.case.ts';

/** How long, seconds; `npm run soak` sets it. */
const FOR_S = Number(process.env.EVENKEEL_SOAK_SECONDS ?? 1800);
const SEED = Number(process.env.EVENKEEL_SOAK_SEED ?? 1);
const RPS = Number(process.env.EVENKEEL_SOAK_RATE ?? 150);
const CALM_MS = 12_000;
const SAMPLE_MS = 5_000;
const SMALL_BUDGET_MICROS = 2_000_000;

interface Fault {
  readonly name: string;
  /** The process begins anew; left out of the second half, in which memory and handles are judged. */
  readonly restarts?: true;
  run(system: System): Promise<void>;
}

const faults: readonly Fault[] = [
  {
    name: 'kill -9 of reporting',
    restarts: true,
    async run(system) {
      await system.reporting.end('SIGKILL');
      await wait(2000);
      await system.restartReporting();
    },
  },
  {
    name: 'kill -9 of the bidder',
    restarts: true,
    async run(system) {
      await system.bidder.end('SIGKILL');
      await wait(500);
      await system.restartBidder();
    },
  },
  {
    name: 'restart of the bidder',
    restarts: true,
    async run(system) {
      expect(await system.bidder.end('SIGTERM')).toEqual({ code: 0, signal: null });
      await system.restartBidder();
    },
  },
  {
    name: 'restart of reporting',
    restarts: true,
    async run(system) {
      expect(await system.reporting.end('SIGTERM')).toEqual({ code: 0, signal: null });
      await system.restartReporting();
    },
  },
  {
    name: 'reporting frozen for 5 s',
    async run(system) {
      process.kill(system.reporting.pid, 'SIGSTOP');
      await wait(5000);
      process.kill(system.reporting.pid, 'SIGCONT');
    },
  },
  {
    name: 'bidder frozen for 2 s',
    async run(system) {
      process.kill(system.bidder.pid, 'SIGSTOP');
      await wait(2000);
      process.kill(system.bidder.pid, 'SIGCONT');
    },
  },
  {
    name: 'stop file for 2 s',
    async run(system) {
      const file = join(system.dataDir, 'stop');
      writeFileSync(file, 'all\n');
      await wait(2000);
      rmSync(file);
    },
  },
  {
    name: 'kill switch for 2 s',
    async run(system) {
      const set = (on: boolean) =>
        callApi(system, '/api/v1/switches/all', {
          method: 'PUT',
          body: JSON.stringify({ on, reason: 'the soak test' }),
        });
      await set(true);
      await wait(2000);
      await set(false);
    },
  },
  {
    name: 'SIGHUP',
    async run(system) {
      process.kill(system.bidder.pid, 'SIGHUP');
    },
  },
];

describe('a soak with faults', () => {
  let system: System;
  let traffic: Traffic;
  let small = 0;

  beforeAll(async () => {
    system = await startSystem(['--spend-limit-micros=0']);
    const ids = await createCampaigns(system, [
      { name: 'Rich', dailyMicros: 1_000_000_000, pacing: 'asap', cpmMicros: [2_000_000, 1_500_000] },
      { name: 'Even', dailyMicros: 20_000_000, pacing: 'even', cpmMicros: [2_500_000] },
      { name: 'Small', dailyMicros: SMALL_BUDGET_MICROS, pacing: 'asap', cpmMicros: [6_000_000] },
    ]);
    small = ids.at(-1) ?? 0;
    traffic = startTraffic(
      { url: `${system.bidUrl}/openrtb2/bid/demo`, rps: RPS },
      { clock: systemClock, random: seededRandom(SEED) },
    );
  });
  afterAll(async () => {
    await traffic?.stop();
    expect(await system?.stop()).toEqual([0, 0]);
  });

  it(`counts exactly and keeps budgets through ${FOR_S} s of faults`, async () => {
    const random = seededRandom(SEED);
    const startMs = performance.now();
    const endMs = startMs + FOR_S * 1000;
    const counts = new Map<string, number>();
    const watch = watchHoldings(system);
    await bidsGoOn(60_000);
    while (performance.now() < endMs) {
      const judged = performance.now() > (startMs + endMs) / 2;
      const possible = judged ? faults.filter(({ restarts }) => restarts === undefined) : faults;
      const fault = possible[random.nextUint32() % possible.length]!;
      await fault.run(system);
      counts.set(fault.name, (counts.get(fault.name) ?? 0) + 1);
      await bidsGoOn(60_000);
      await wait(CALM_MS * (0.25 + (random.nextUint32() % 100) / 100));
      const { requests, bids, p99Ms, errors } = traffic.status();
      console.log(
        `${Math.round((endMs - performance.now()) / 1000)} s to go; ${fault.name}; ${requests} requests, ${bids} bids, ${errors} unanswered, p99 ${p99Ms.toFixed(1)} ms; ${watch.newest()}`,
      );
    }
    const held = watch.stop();
    const truth = await traffic.stop({ deliver: true, timeoutMs: 60_000 });
    await expectReportEquals(system, truth);
    expect(truth.get(String(small))?.spendNanos ?? 0n).toBeLessThanOrEqual(BigInt(SMALL_BUDGET_MICROS) * 1000n);
    console.log(`counts and money: equal to the ledger of truth after ${JSON.stringify(Object.fromEntries(counts))}`);
    for (const [role, samples] of held) {
      const wear = wearOf(samples);
      console.log(wear === null ? `${role}: lived too short to judge` : describeWear(role, wear));
      expect(wear?.grown ?? [], `what ${role} holds more and more of`).toEqual([]);
    }
  });

  async function bidsGoOn(withinMs: number): Promise<void> {
    const before = traffic.status().bids;
    await until(async () => traffic.status().bids > before + 20, withinMs, 'bids go on');
  }
});

/** Samples what both processes hold; a process that was started again begins a new row. */
function watchHoldings(system: System) {
  const rows = new Map<string, { pid: number; samples: Holding[] }>();
  async function sample(role: 'bidder' | 'reporting', url: string): Promise<void> {
    const { pid } = system[role];
    const holding = await readHolding(url, pid);
    if (holding === null || system[role].pid !== pid) return;
    if (rows.get(role)?.pid !== pid) rows.set(role, { pid, samples: [] });
    rows.get(role)?.samples.push(holding);
  }
  const timer = setInterval(() => {
    void sample('bidder', system.bidUrl);
    void sample('reporting', system.apiUrl);
  }, SAMPLE_MS);
  return {
    newest: () =>
      [...rows].map(([role, { samples }]) => `${role} ${Math.round(samples.at(-1)?.rssMb ?? 0)} MB`).join(', '),
    stop() {
      clearInterval(timer);
      return [...rows].map(([role, { samples }]) => [role, samples] as const);
    },
  };
}
