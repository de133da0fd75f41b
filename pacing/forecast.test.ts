import { describe, expect, it } from 'vitest';
import { createTraffic, expected, observe, observeAll, type Traffic } from './forecast.ts';
import { plannedShare, targetRate } from './plan.ts';
import { diurnalShape } from './sim/market.ts';
import { createWeekProfile, type WeekProfile } from './weekprofile.ts';

const DAY = Date.parse('2026-11-24T00:00:00Z');
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

function watch(
  profile: WeekProfile,
  all: Traffic,
  own: Traffic,
  fromMs: number,
  toMs: number,
  perMinute: (atMs: number) => number,
): void {
  for (let at = fromMs; at < toMs; at += MINUTE) {
    const outage = observeAll(profile, all, at, at + MINUTE, perMinute(at));
    observe(profile, own, at, at + MINUTE, perMinute(at), outage);
  }
}

const diurnal = (atMs: number): number => 100 * diurnalShape[Math.floor(atMs / 900_000) % 96]!;

describe('the forecast', () => {
  it('knows nothing before the first auction, and scales the profile by what came', () => {
    const profile = createWeekProfile(diurnalShape);
    const [all, own] = [createTraffic(), createTraffic()];
    expect(expected(profile, own, DAY, DAY, DAY + 24 * HOUR)).toBe(0);
    watch(profile, all, own, DAY, DAY + 6 * HOUR, diurnal);
    let truth = 0;
    for (let at = DAY + 6 * HOUR; at < DAY + 24 * HOUR; at += MINUTE) truth += diurnal(at);
    const guess = expected(profile, own, DAY + 6 * HOUR, DAY + 6 * HOUR, DAY + 24 * HOUR);
    expect(Math.abs(guess / truth - 1)).toBeLessThan(0.05);
  });

  it('takes an hour without any traffic for an outage, not for demand', () => {
    const guess = (dark: boolean): number => {
      const profile = createWeekProfile(diurnalShape);
      const [all, own] = [createTraffic(), createTraffic()];
      watch(profile, all, own, DAY, DAY + 6 * HOUR, diurnal);
      watch(profile, all, own, DAY + 6 * HOUR, DAY + 7 * HOUR, dark ? () => 0 : diurnal);
      return expected(profile, own, DAY + 7 * HOUR, DAY + 7 * HOUR, DAY + 24 * HOUR);
    };
    expect(Math.abs(guess(true) / guess(false) - 1)).toBeLessThan(0.02);
  });

  it('does not take two hours before midnight for a whole day', () => {
    const profile = createWeekProfile(diurnalShape);
    const [all, own] = [createTraffic(), createTraffic()];
    watch(profile, all, own, DAY - 2 * HOUR, DAY + HOUR, diurnal);
    expect(own.days).toBe(0);
    watch(profile, all, own, DAY + HOUR, DAY + 24 * HOUR + MINUTE, diurnal);
    expect(own.days).toBe(1);
  });

  it('stops believing a profile that has day and night the wrong way round', () => {
    const reversed = diurnalShape.map((_, slot) => diurnalShape[(slot + 48) % 96]!);
    const profile = createWeekProfile(reversed);
    const [all, own] = [createTraffic(), createTraffic()];
    watch(profile, all, own, DAY, DAY + 14 * HOUR, diurnal);
    const next = expected(profile, own, DAY + 14 * HOUR, DAY + 18 * HOUR, DAY + 19 * HOUR);
    const later = expected(profile, own, DAY + 14 * HOUR, DAY + 23 * HOUR, DAY + 24 * HOUR);
    expect(Math.abs(next / later - 1), 'nearly flat').toBeLessThan(0.1);
  });
});

describe('plans', () => {
  it('end at the whole budget and never run backwards', () => {
    for (const plan of ['even', 'even_time', 'front_loaded', 'asap'] as const) {
      let before = -1;
      for (let share = 0; share <= 1; share += 0.05) {
        const now = plannedShare(plan, share, share);
        expect(now).toBeGreaterThanOrEqual(before);
        before = now;
      }
      expect(plannedShare(plan, 1, 1)).toBe(1);
    }
    expect(plannedShare('front_loaded', 0.5, 0.5)).toBeGreaterThan(0.6);
  });

  it('divide what is left by the traffic left, or by the time left', () => {
    const rest = { restNanos: 1000, restAuctions: 100, restMs: 50, auctionsPerMs: 4, belief: 1 };
    expect(targetRate({ ...rest, plan: 'even' })).toBe(10);
    expect(targetRate({ ...rest, plan: 'even_time' })).toBe(5);
    expect(targetRate({ ...rest, plan: 'front_loaded' })).toBe(15);
    expect(targetRate({ ...rest, plan: 'even', belief: 0.4 })).toBe(7);
    expect(targetRate({ ...rest, plan: 'asap' })).toBe(Number.POSITIVE_INFINITY);
    expect(targetRate({ ...rest, plan: 'even', restNanos: -5 })).toBe(0);
  });
});
