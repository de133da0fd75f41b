import { describe, expect, it } from 'vitest';
import { hashName } from '../value/learner.ts';
import { createReleaseTimes } from './releasetimes.ts';

const DEFAULT_MS = 120_000;
const HOUR_MS = 3_600_000;

function watch(times: ReturnType<typeof createReleaseTimes>, exchange: string, delayMs: (at: number) => number): void {
  for (let at = 0; at < 4096; at++) times.seen(exchange, at * 1000, at * 1000 + delayMs(at));
}

describe('release times', () => {
  it('are the configured ones until enough notices came', () => {
    const times = createReleaseTimes(DEFAULT_MS, HOUR_MS);
    for (let at = 0; at < 500; at++) times.seen('fast', at * 1000, at * 1000 + 900);
    expect(times.waitMs(hashName('fast'))).toBe(DEFAULT_MS);
  });

  it('get short where notices come at once', () => {
    const times = createReleaseTimes(DEFAULT_MS, HOUR_MS);
    watch(times, 'fast', () => 900);
    expect(times.waitMs(hashName('fast'))).toBe(10_000);
  });

  it("are each exchange's own: a slow one gets longer, never longer than a token lives, and holds up no other", () => {
    const times = createReleaseTimes(DEFAULT_MS, HOUR_MS);
    watch(times, 'fast', () => 900);
    // One notice in fifty comes after five minutes.
    watch(times, 'slow', (at) => (at % 50 === 0 ? 300_000 : 2000));
    watch(times, 'dead slow', () => 5_000_000);
    expect(times.waitMs(hashName('slow'))).toBeGreaterThanOrEqual(600_000);
    expect(times.waitMs(hashName('slow'))).toBeLessThanOrEqual(850_000);
    expect(times.waitMs(hashName('dead slow'))).toBe(HOUR_MS);
    expect(times.waitMs(hashName('fast'))).toBe(10_000);
    expect(times.waitMs(hashName('never heard of'))).toBe(DEFAULT_MS);
  });
});
