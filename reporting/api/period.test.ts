import { describe, expect, it } from 'vitest';
import { nextDue, periods, spanOf } from './period.ts';

const at = (text: string): number => Date.parse(text);
const iso = (ms: number): string => new Date(ms).toISOString();

describe('periods', () => {
  it('are days of the zone, also across a change of the clock', () => {
    // In Berlin the clock went back on 2026-10-25 at 01:00 UTC.
    const now = at('2026-10-26T08:30:00Z');
    const spans = Object.fromEntries(
      periods.map((period) => {
        const { fromMs, toMs } = spanOf(period, 'Europe/Berlin', now);
        return [period, `${iso(fromMs)}/${iso(toMs)}`.replaceAll(':00.000Z', 'Z')];
      }),
    );
    expect(spans).toEqual({
      today: '2026-10-25T23:00Z/2026-10-26T08:30Z',
      yesterday: '2026-10-24T22:00Z/2026-10-25T23:00Z',
      last_7_days: '2026-10-18T22:00Z/2026-10-25T23:00Z',
      last_30_days: '2026-09-25T22:00Z/2026-10-25T23:00Z',
      this_month: '2026-09-30T22:00Z/2026-10-26T08:30Z',
      last_month: '2026-08-31T22:00Z/2026-09-30T22:00Z',
    });
  });

  it('are due at the hour of the zone', () => {
    const zone = 'Europe/Berlin';
    expect(iso(nextDue({ every: 'hour', hour: 0 }, zone, at('2026-10-26T08:30:00Z')))).toBe('2026-10-26T09:00:00.000Z');
    expect(iso(nextDue({ every: 'day', hour: 6 }, zone, at('2026-10-24T08:30:00Z')))).toBe('2026-10-25T05:00:00.000Z');
    expect(iso(nextDue({ every: 'day', hour: 6 }, zone, at('2026-10-25T05:00:00Z')))).toBe('2026-10-26T05:00:00.000Z');
    expect(iso(nextDue({ every: 'week', hour: 0 }, zone, at('2026-10-26T08:30:00Z')))).toBe('2026-11-01T23:00:00.000Z');
    expect(iso(nextDue({ every: 'month', hour: 7 }, 'UTC', at('2026-12-01T07:00:00Z')))).toBe(
      '2027-01-01T07:00:00.000Z',
    );
  });
});
