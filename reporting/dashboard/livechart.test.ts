import { describe, expect, it } from 'vitest';
import { wholeMinutes } from './src/livechart.tsx';

describe('the live chart', () => {
  it('draws the sixty minutes that are over, and not the one under way', () => {
    const at = (time: string) => Date.parse(`2026-11-28T${time}:00Z`);
    const minute = (time: string, impressions: number) => ({
      timeMs: at(time),
      impressions,
      clicks: 0,
      spendNanos: String(impressions * 1e6),
    });
    const minutes = [minute('11:00', 5), minute('11:59', 70), minute('12:00', 3)];
    const [times, spent, impressions] = wholeMinutes(minutes, at('12:00') + 20_000);
    expect([times[0], times.at(-1), times.length]).toEqual([at('11:00') / 1000, at('11:59') / 1000, 60]);
    expect([impressions[0], impressions[1], impressions.at(-1)]).toEqual([5, 0, 70]);
    expect(spent.at(-1)).toBe(0.07);
    // Who has just begun sees something at once.
    const first = wholeMinutes([minute('12:00', 3)], at('12:00') + 20_000);
    expect([first[0].at(-1), first[2].at(-1)]).toEqual([at('12:00') / 1000, 3]);
  });
});
