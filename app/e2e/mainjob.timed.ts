import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectReportEquals, startCountingSystem, startRun, wait } from './counting.case.ts';
import type { System } from './processes.case.ts';

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
});
