import { describe, expect, it } from 'vitest';
import { advertiserSchema, campaignSchema, lineItemSchema } from '../core/campaign.ts';
import { forecastMemorySchema } from '../core/forecastmemory.ts';
import type { BidStats } from '../core/topics.ts';
import { createPacerCore, type PacerCore } from './pacercore.ts';
import { pacerDefaults } from './pacerstate.ts';

const MONDAY = Date.parse('2026-11-23T00:00:00Z');
const HOUR = 3_600_000;
const MINUTE = 60_000;
const node = '0000000a';

function newCore(): PacerCore {
  const core = createPacerCore({ ...pacerDefaults, roundMs: MINUTE, nodeTimeoutMs: 3 * MINUTE });
  core.change({ kind: 'advertiser', entity: advertiserSchema.parse({ id: 1, name: 'A' }) });
  const budget = { dailyMicros: 5_000_000 };
  core.change({ kind: 'campaign', entity: campaignSchema.parse({ id: 10, advertiserId: 1, name: 'C', budget }) });
  const goal = { type: 'cpm', bidCpmMicros: 1_000_000 };
  core.change({ kind: 'line_item', entity: lineItemSchema.parse({ id: 100, campaignId: 10, name: 'L', goal }) });
  return core;
}

/** Nights are quiet; the line item matches mornings only. */
const requestsAt = (ms: number): number => ((ms / HOUR) % 24 < 6 ? 20 : 100);
const matchedAt = (ms: number): number => ((ms / HOUR) % 24 < 12 ? requestsAt(ms) : 2);

function play(core: PacerCore, fromMs: number, toMs: number, kept: Map<string, string> | null): void {
  for (let ms = fromMs; ms < toMs; ms += MINUTE) {
    const [requests, matched] = [requestsAt(ms), matchedAt(ms)];
    const stats: BidStats = {
      v: 1,
      node,
      sequence: ms / MINUTE,
      fromMs: ms,
      toMs: ms + MINUTE,
      requests,
      answered: 0,
      errors: 0,
      latency: null,
      noBids: {},
      lineItems: [{ lineItemId: 100, campaignId: 10, matched, bids: 0, bidNanos: 0, reasons: {} }],
      cells: [],
      final: false,
    };
    core.stats(stats);
    for (const message of core.round(ms + MINUTE)) core.acknowledge(message.owner, message.epoch);
    if (kept !== null) keep(core, ms + MINUTE, kept, false);
  }
}

function keep(core: PacerCore, nowMs: number, kept: Map<string, string>, now: boolean): void {
  for (const { key, memory } of core.memories(nowMs, 10, now)) {
    if (memory === null) kept.delete(key);
    else kept.set(key, JSON.stringify(memory));
  }
}

function restarted(kept: ReadonlyMap<string, string>): PacerCore {
  const core = newCore();
  for (const text of kept.values()) expect(core.recall(forecastMemorySchema.parse(JSON.parse(text)))).toBe(true);
  return core;
}

const restOf = (core: PacerCore, nowMs: number): number =>
  core.status(nowMs).find((one) => one.level === 'campaign')!.eligibleRest;

describe('what a pacer has learned of traffic', () => {
  it('is known to the one after it, stopped or killed', () => {
    const noon = MONDAY + 3 * 24 * HOUR + 8 * HOUR;
    const kept = new Map<string, string>();
    const old = newCore();
    play(old, MONDAY, noon, kept);
    expect([...kept.keys()].sort()).toEqual(['campaign:10', 'platform']);
    const killed = restarted(kept);
    keep(old, noon, kept, true);
    const stopped = restarted(kept);
    const fresh = newCore();
    for (const core of [old, stopped, killed, fresh]) play(core, noon, noon + 20 * MINUTE, null);
    const nowMs = noon + 20 * MINUTE;
    const forecast = restOf(old, nowMs);
    // What is left of four hours of a hundred a minute, then next to nothing.
    expect(Math.abs(forecast / ((4 * 60 - 20) * 100 + 12 * 60 * 2) - 1)).toBeLessThan(0.15);
    expect(Math.abs(restOf(stopped, nowMs) / forecast - 1)).toBeLessThan(0.02);
    expect(Math.abs(restOf(killed, nowMs) / forecast - 1)).toBeLessThan(0.02);
    expect(restOf(fresh, nowMs) / forecast).toBeGreaterThan(1.5);
  });

  it('is written seldom, a kilobyte or so a level, and deleted with its level', () => {
    const core = newCore();
    const kept = new Map<string, string>();
    let writes = 0;
    for (let at = 0; at < 9 * 24; at++) {
      play(core, MONDAY + at * HOUR, MONDAY + (at + 1) * HOUR, null);
      const records = core.memories(MONDAY + (at + 1) * HOUR, 10);
      writes += records.length;
      for (const { key, memory } of records) kept.set(key, JSON.stringify(memory));
    }
    expect(writes).toBeLessThanOrEqual(2 * 9 * 24);
    expect(kept.get('campaign:10')!.length).toBeLessThan(2500);
    expect(kept.get('platform')!.length).toBeLessThan(15_000);
    core.removed('line_item:100');
    core.round(MONDAY + 10 * 24 * HOUR);
    keep(core, MONDAY + 10 * 24 * HOUR, kept, false);
    expect([...kept.keys()]).toEqual(['platform']);
  });

  it('of a level that is gone is of no use', () => {
    const kept = new Map<string, string>();
    const core = newCore();
    play(core, MONDAY, MONDAY + 2 * HOUR, kept);
    const other = createPacerCore(pacerDefaults);
    const memory = forecastMemorySchema.parse(JSON.parse(kept.get('campaign:10')!));
    expect(other.recall(memory)).toBe(false);
  });
});
