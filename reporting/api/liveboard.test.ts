import { describe, expect, it } from 'vitest';
import type { Reports } from '../../core/report.ts';
import { createFakeReports, createHarness, START_MS } from './fakes.case.ts';
import type { Principal } from './keys.ts';
import { createLiveBoard } from './liveboard.ts';

const operator: Principal = { keyId: 'test', name: 'test', role: 'operator', advertiserId: null };

/** Reports that answer when told to, and how many were asked at the same time. */
function heldReports() {
  const facts = [{ atMs: START_MS, advertiser: 1, campaign: 1, impressions: 5, clicks: 0, spendNanos: 7n }];
  const fake = createFakeReports(facts);
  let waiting: (() => void)[] = [];
  const reports: Reports = {
    ...fake,
    async query(query) {
      await new Promise<void>((resolve) => waiting.push(resolve));
      return fake.query(query);
    },
  };
  return {
    reports,
    asked: () => waiting.length,
    answer() {
      for (const resolve of waiting) resolve();
      waiting = [];
    },
  };
}

describe('the board of all campaigns', () => {
  it('asks the store for everything at once, and tells what it knows without asking', async () => {
    const { services, clock } = await createHarness();
    const held = heldReports();
    const board = createLiveBoard(services.directory, held.reports, null, clock);
    expect(board.known(operator)).toBeNull();
    const first = board.summary(operator);
    await Promise.resolve();
    // The sums of all time and the last hour: of an advertiser's days there are none yet.
    expect(held.asked()).toBe(2);
    held.answer();
    expect((await first).minutes).toMatchObject([{ impressions: 5 }]);

    clock.advance(5000);
    const second = board.summary(operator);
    await Promise.resolve();
    expect(held.asked()).toBeGreaterThan(0);
    expect(board.known(operator)).toMatchObject({ readMs: START_MS, nowMs: START_MS + 5000 });
    held.answer();
    expect((await second).readMs).toBe(START_MS + 5000);
    clock.advance(61_000);
    expect(board.known(operator), 'too old to be shown').toBeNull();
  });
});
