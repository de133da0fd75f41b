import { pino } from 'pino';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { manualClock } from '../../core/clock.ts';
import type { Expiry } from '../../reporting/store/retention.ts';
import { keepRetention } from './retention.ts';

const DAY_MS = 86_400_000;
beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('asks the store at the start and every hour, by the clock, and goes on after a failure', async () => {
  const clock = manualClock(1_790_000_000_000);
  const asked: Expiry[] = [];
  const store = {
    async retain(expiry: Expiry) {
      asked.push(expiry);
      if (asked.length === 1) throw new Error('down');
      return { events: 0, days: 0 };
    },
  };
  const logger = pino({ level: 'silent' });
  const kept = keepRetention({ personalRetentionMs: 90 * DAY_MS, statsRetentionMs: 0 }, { store, clock, logger });
  const first = clock.nowMs() - 90 * DAY_MS;
  expect(asked).toEqual([{ personalMs: first, statsMs: null }]);
  clock.advance(3_600_000);
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect(asked[1]).toEqual({ personalMs: first + 3_600_000, statsMs: null });
  await kept.stop();
  await vi.advanceTimersByTimeAsync(7_200_000);
  expect(asked).toHaveLength(2);
});
