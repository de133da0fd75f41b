import { describe, expect, it } from 'vitest';
import { manualClock } from '../../core/clock.ts';
import { watchLoop } from './shedding.ts';

describe('the watch on a thread’s loop', () => {
  it('lets nothing be taken up late in a turn, and begins anew with the next one', async () => {
    const clock = manualClock(0);
    const loop = watchLoop(clock, 48);
    const startMs = clock.monotonicMs();
    expect(loop.isLate(startMs)).toBe(false);
    expect(loop.isLate(startMs + 12)).toBe(false);
    expect(loop.isLate(startMs + 12.5)).toBe(true);
    expect(loop.isLate(startMs + 30)).toBe(true);
    await new Promise((resolve) => setImmediate(resolve));
    expect(loop.isLate(startMs + 31)).toBe(false);
    loop.stop();
  });
});
