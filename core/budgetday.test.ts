import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { localDate, localDay, zoneOffsetMs } from './budgetday.ts';

const HOUR = 3_600_000;

describe('budget days', () => {
  it.each([
    ['UTC', '2026-03-29T12:00:00Z', 24],
    ['Europe/Berlin', '2026-03-29T12:00:00Z', 23],
    ['Europe/Berlin', '2026-10-25T12:00:00Z', 25],
    ['America/New_York', '2026-11-01T12:00:00Z', 25],
    ['Australia/Lord_Howe', '2026-04-04T20:00:00Z', 24.5],
    ['Asia/Kathmandu', '2026-05-05T00:00:00Z', 24],
  ])('%s around %s has %d hours', (zone, at, hours) => {
    const day = localDay(zone, Date.parse(at));
    expect((day.endMs - day.startMs) / HOUR).toBe(hours);
  });

  it('starts where the clock skips midnight', () => {
    // Santiago goes from 24:00 to 01:00 on 2026-09-06.
    const day = localDay('America/Santiago', Date.parse('2026-09-06T12:00:00Z'));
    expect(new Date(day.startMs).toISOString()).toBe('2026-09-06T04:00:00.000Z');
    expect((day.endMs - day.startMs) / HOUR).toBe(23);
  });

  it('covers time without gaps or overlaps', () => {
    const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Pacific/Apia', 'Asia/Kolkata', 'America/Santiago'];
    const instants = fc.integer({ min: Date.parse('2020-01-01'), max: Date.parse('2035-01-01') });
    fc.assert(
      fc.property(fc.constantFrom(...zones), instants, (zone, at) => {
        const day = localDay(zone, at);
        expect(day.startMs).toBeLessThanOrEqual(at);
        expect(day.endMs).toBeGreaterThan(at);
        expect(localDate(zone, day.startMs)).toBe(day.date);
        expect(localDate(zone, day.startMs - 1)).not.toBe(day.date);
        expect(localDate(zone, day.endMs - 1)).toBe(day.date);
        expect(localDay(zone, day.endMs).startMs).toBe(day.endMs);
      }),
      { numRuns: 60 },
    );
  });

  it('knows the offset', () => {
    expect(zoneOffsetMs('Asia/Kolkata', Date.parse('2026-01-01'))).toBe(5.5 * HOUR);
    expect(zoneOffsetMs('America/New_York', Date.parse('2026-01-01'))).toBe(-5 * HOUR);
  });
});
