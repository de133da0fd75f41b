import { expect, it } from 'vitest';
import { HISTOGRAM_BUCKETS } from './histogram.ts';
import { createStageTimes, stages } from './stages.ts';

it('times the stages of one request in 64, per exchange', () => {
  const times = createStageTimes();
  let timed = 0;
  for (let i = 0; i < 640; i++) {
    if (!times.begin(1000 + i)) continue;
    timed++;
    times.end('demo', 0, 1000 + i + 0.01);
    times.end('demo', 1, 1000 + i + 0.05);
  }
  expect(timed).toBe(10);
  const taken = times.take();
  const counts = taken.get('demo')!.map((histogram) => {
    const at = histogram.findIndex((count) => count > 0);
    return [at < HISTOGRAM_BUCKETS ? at : -1, at < 0 ? 0 : histogram[at]];
  });
  // Exact to the microsecond below 64 µs, as far as the clock's fractions go.
  expect(counts.map(([, count]) => count)).toEqual([10, 10, 0]);
  expect(Math.abs(counts[0]![0]! - 10)).toBeLessThanOrEqual(1);
  expect(Math.abs(counts[1]![0]! - 40)).toBeLessThanOrEqual(1);
  expect(taken.get('demo')).toHaveLength(stages.length);
  expect(times.take().size).toBe(0);
});
