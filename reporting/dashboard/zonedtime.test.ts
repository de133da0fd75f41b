import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { instantOf, wallClock } from './src/zonedtime.ts';

const zones = ['UTC', 'Europe/Berlin', 'America/Los_Angeles', 'Asia/Kolkata', 'Pacific/Chatham', 'America/St_Johns'];

describe('times of an advertiser’s zone', () => {
  it('are what its clocks show', () => {
    expect(instantOf('2026-12-01T09:00', 'Europe/Berlin')).toBe(Date.parse('2026-12-01T08:00Z'));
    expect(instantOf('2026-07-01T09:00', 'America/Los_Angeles')).toBe(Date.parse('2026-07-01T16:00Z'));
    expect(wallClock(Date.parse('2026-12-01T08:00Z'), 'Asia/Kolkata')).toBe('2026-12-01T13:30');
    expect(instantOf('', 'UTC')).toBeNull();
    expect(instantOf('soon', 'UTC')).toBeNaN();
  });

  it('takes the first of an hour shown twice, and lets a skipped one pass', () => {
    expect(instantOf('2026-10-25T02:30', 'Europe/Berlin')).toBe(Date.parse('2026-10-25T00:30Z'));
    expect(instantOf('2026-03-29T02:30', 'Europe/Berlin')).toBe(Date.parse('2026-03-29T01:30Z'));
  });

  it('come back as they were typed and read, in every zone', () => {
    const minutes = fc.integer({ min: 20_000_000, max: 40_000_000 });
    fc.assert(
      fc.property(minutes, fc.constantFrom(...zones), (minute, zone) => {
        const text = wallClock(minute * 60_000, zone);
        expect(wallClock(instantOf(text, zone), zone)).toBe(text);
      }),
    );
  });
});
