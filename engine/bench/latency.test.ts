import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../core/random.ts';
import { createLatencyHistogram } from './latency.ts';

describe('the latency histogram', () => {
  it('agrees with sorting, to one per cent', () => {
    const random = seededRandom(7);
    const samples = Array.from({ length: 20_000 }, () => 0.05 * 2000 ** random.next());
    const histogram = createLatencyHistogram();
    for (const sample of samples) histogram.record(sample);
    samples.sort((a, b) => a - b);
    for (const share of [0.5, 0.9, 0.99, 0.999, 1]) {
      const exact = samples[Math.ceil(samples.length * share) - 1]!;
      expect(Math.abs(histogram.at(share) / exact - 1)).toBeLessThan(0.01);
    }
    expect(histogram.maxMs).toBe(samples.at(-1));
  });

  it('takes nothing, very short and very long durations', () => {
    const histogram = createLatencyHistogram();
    expect(histogram.at(0.99)).toBe(0);
    histogram.record(0);
    histogram.record(1e9);
    expect(histogram.at(0.5)).toBeLessThanOrEqual(0.002);
    expect(histogram.at(1)).toBeGreaterThan(60_000);
  });
});
