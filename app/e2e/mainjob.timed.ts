import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectReportEquals, startCountingSystem, startRun, wait } from './counting.case.ts';
import { npm, type System } from './processes.case.ts';

describe('the main job', () => {
  let system: System;
  beforeAll(async () => {
    system = await startCountingSystem();
  });
  afterAll(async () => {
    expect(await system.stop()).toEqual([0, 0]);
  });

  it('bids, counts and reports 60 s at 500 requests/s exactly, with p99 under 30 ms', async () => {
    const run = startRun(system, 500, 1);
    await wait(60_000);
    const truth = await run.stop({ deliver: true });
    const status = run.status();
    console.log(`p50 ${status.p50Ms.toFixed(1)} ms, p99 ${status.p99Ms.toFixed(1)} ms of ${status.requests} requests`);
    expect(status.errors).toBe(0);
    expect(status.requests).toBeGreaterThanOrEqual(29_000);
    expect(status.bids).toBeGreaterThan(500);
    expect(status.wins).toBeGreaterThan(100);
    expect(status.p99Ms).toBeLessThan(30);
    await expectReportEquals(system, truth);
  });

  it('is load-tested and audited by npm run loadtest', async () => {
    const target = ['--url', `${system.bidUrl}/openrtb2/bid/demo`, '--api-url', system.apiUrl];
    const load = ['--rate', '200', '--for', '5s', '--slo', 'p99<1s', '--slo', 'errors<0.1%', '--audit'];
    const run = await npm(['run', 'loadtest', '--', ...target, ...load], { EVENKEEL_API_KEY: system.operatorKey });
    expect(run.code, run.printed).toBe(0);
    expect(run.printed).toContain('spend to the nano');
  });
});
