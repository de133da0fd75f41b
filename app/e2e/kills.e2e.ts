import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mergeTruth, type Truth } from '../../loadtest/market/ledger.ts';
import { expectReportEquals, startCountingSystem, startRun, wait } from './counting.case.ts';
import type { System } from './processes.case.ts';

describe('the main job, with kill -9', () => {
  let system: System;
  /** Everything sent since the system started: what the reports of the same data folder must say. */
  const sent: Truth = new Map();
  beforeAll(async () => {
    system = await startCountingSystem();
  });
  afterAll(async () => {
    expect(await system.stop()).toEqual([0, 0]);
  });

  it('stays exact when the reporting process is killed in the middle', async () => {
    const run = startRun(system, 300, 2);
    await wait(4_000);
    await system.reporting.end('SIGKILL');
    await wait(2_000);
    await system.restartReporting();
    await wait(6_000);
    mergeTruth(sent, await run.stop({ deliver: true }));
    await expectReportEquals(system, sent);
  });

  it('keeps every acknowledged event when the bidder is killed', async () => {
    const run = startRun(system, 300, 3);
    await wait(4_000);
    await system.bidder.end('SIGKILL');
    await wait(500);
    await system.restartBidder();
    await wait(6_000);
    mergeTruth(sent, await run.stop({ deliver: true }));
    expect(run.status().wins).toBeGreaterThan(10);
    await expectReportEquals(system, sent);
  });
});
