import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../core/random.ts';
import type { Stage } from './schedule.ts';
import { createSchedule, plannedMs, plannedRequests, rateAt } from './schedule.ts';

function times(stages: readonly Stage[], arrivals: 'even' | 'poisson', lane = 0, lanes = 1, seed = 1): number[] {
  const schedule = createSchedule(stages, arrivals, lane, lanes, seededRandom(seed));
  const all: number[] = [];
  for (let at = schedule.next(); at !== null; at = schedule.next()) all.push(at);
  return all;
}

const stage = fc.record({
  fromRps: fc.integer({ min: 0, max: 500 }),
  toRps: fc.integer({ min: 0, max: 500 }),
  durationMs: fc.integer({ min: 100, max: 5000 }),
});
const stages = fc.array(stage, { minLength: 1, maxLength: 5 }).filter((all) => plannedRequests(all) >= 1);

describe('the schedule', () => {
  it('spaces a constant rate evenly', () => {
    expect(times([{ fromRps: 4, toRps: 4, durationMs: 1000 }], 'even')).toEqual([0, 250, 500, 750]);
  });

  it('plans half of a ramp in the last 29 % of its time', () => {
    const ramp = times([{ fromRps: 0, toRps: 1000, durationMs: 10_000 }], 'even');
    expect(ramp.length).toBe(5000);
    expect(ramp.filter((at) => at < 10_000 * Math.SQRT1_2).length).toBeCloseTo(2500, -1);
  });

  it('plans as many requests as the rates add up to, in order, inside the run, however many lanes share them', () => {
    fc.assert(
      fc.property(stages, fc.integer({ min: 1, max: 4 }), (all, lanes) => {
        const dealt = Array.from({ length: lanes }, (_, lane) => times(all, 'even', lane, lanes));
        for (const lane of dealt) expect(lane.every((at, i) => i === 0 || at >= lane[i - 1]!)).toBe(true);
        const merged = dealt.flat().sort((a, b) => a - b);
        expect(Math.abs(merged.length - plannedRequests(all))).toBeLessThanOrEqual(1);
        expect(merged).toEqual(times(all, 'even').map((at) => expect.closeTo(at, 6)));
        expect(merged.every((at) => at >= 0 && at <= plannedMs(all) + 1e-6)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('makes Poisson arrivals of the right mean and spread, the same for the same seed', () => {
    const steady = [{ fromRps: 1000, toRps: 1000, durationMs: 20_000 }];
    const arrivals = times(steady, 'poisson', 0, 1, 5);
    expect(arrivals).toEqual(times(steady, 'poisson', 0, 1, 5));
    expect(arrivals).not.toEqual(times(steady, 'poisson', 0, 1, 6));
    expect(arrivals.length).toBeGreaterThan(19_400);
    expect(arrivals.length).toBeLessThan(20_600);
    const gaps = arrivals.slice(1).map((at, i) => at - arrivals[i]!);
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length);
    expect(deviation / mean).toBeGreaterThan(0.95);
    expect(deviation / mean).toBeLessThan(1.05);
  });

  it('knows the intended rate at any time', () => {
    const shape = [
      { fromRps: 0, toRps: 100, durationMs: 1000 },
      { fromRps: 50, toRps: 50, durationMs: 1000 },
    ];
    expect([rateAt(shape, 500), rateAt(shape, 1500), rateAt(shape, 2500)]).toEqual([50, 50, 0]);
  });
});
