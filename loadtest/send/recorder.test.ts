import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLatencies } from './latencies.ts';
import { createRecorder, recordMs, takeCounts } from './recorder.ts';

const time = fc.oneof(
  fc.double({ min: 0, max: 5, noNaN: true }),
  fc.double({ min: 0, max: 700_000, noNaN: true }),
  fc.constantFrom(0.001, 2.047, 2.048, 4.095, 4.096, 600_000),
);

describe('what a sender records', () => {
  it('adds up to the same histogram as if every value had been recorded there', () => {
    fc.assert(
      fc.property(fc.array(fc.array(time, { maxLength: 200 }), { minLength: 1, maxLength: 4 }), (steps) => {
        const recorder = createRecorder();
        const [sum, direct] = [createLatencies(), createLatencies()];
        for (const step of steps) {
          for (const ms of step) {
            recordMs(recorder, ms);
            direct.histogram.recordValue(Math.min(600_000_000, Math.max(1, Math.round(ms * 1000))));
          }
          sum.addCounts(takeCounts(recorder));
        }
        expect(sum.count).toBe(steps.flat().length);
        expect(sum.encode()).toBe(direct.encode());
        expect(sum.maxMs).toBe(direct.maxMs);
        for (const percentile of [0, 10, 50, 90, 99, 99.9, 100]) {
          expect(sum.percentileMs(percentile)).toBe(direct.percentileMs(percentile));
        }
        sum.destroy();
        direct.destroy();
      }),
      { numRuns: 60 },
    );
  });

  it('is empty once it was taken', () => {
    const recorder = createRecorder();
    recordMs(recorder, 3);
    recordMs(recorder, 3);
    recordMs(recorder, -1);
    recordMs(recorder, 9.003);
    recordMs(recorder, 9.001);
    expect(takeCounts(recorder)).toEqual({ values: Uint32Array.of(1, 3000, 9003), counts: Uint32Array.of(1, 2, 2) });
    expect(takeCounts(recorder).values).toHaveLength(0);
  });
});
