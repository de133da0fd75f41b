import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../core/random.ts';
import { exponential } from '../traffic/weighted.ts';
import type { Tally } from './excess.ts';
import { addToTally, excessMs } from './excess.ts';

function tallyOf(values: readonly number[]): Tally {
  const sum = new Map<number, number>();
  for (const value of values) addToTally(sum, { values: Uint32Array.of(value), counts: Uint32Array.of(1) });
  return [...sum];
}

describe('what one distribution has beyond another', () => {
  it('is the percentile itself where the other has nothing that long', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 10, max: 5000 }), { minLength: 200, maxLength: 400 }), (values) => {
        const sorted = values.toSorted((a, b) => a - b);
        expect(excessMs(tallyOf(values), tallyOf([1]), 99) * 1000).toBe(
          sorted[Math.ceil(0.99 * sorted.length - 1e-9) - 1],
        );
      }),
    );
  });

  it('is nothing for the same twice, and unknown without any', () => {
    expect(excessMs(tallyOf([5, 900, 7]), tallyOf([5, 900, 7]), 99)).toBe(0);
    expect(excessMs(tallyOf([]), tallyOf([5]), 99)).toBeNaN();
    expect(excessMs(tallyOf([5]), tallyOf([]), 99)).toBeNaN();
  });

  // A machine stops programs for 1 ms and longer, 2 % of the time; a sender adds times of its own to that.
  it.each([
    ['little', 40, 0.3],
    ['much', 100, 0.6],
  ])('finds what a sender itself adds when it is %s, though the machine adds more', (_, meanUs, mostMs) => {
    const random = seededRandom(8);
    const draws = 200_000;
    const machineUs = () => 30 + exponential(random, 5) + (random.next() < 0.02 ? 1000 + exponential(random, 2000) : 0);
    const ownUs = () => Math.min(exponential(random, meanUs), 5 * meanUs);
    const own = tallyOf(Array.from({ length: draws }, () => Math.round(30 + ownUs())));
    const together = tallyOf(Array.from({ length: draws }, () => Math.round(machineUs() + ownUs())));
    const control = tallyOf(Array.from({ length: draws }, () => Math.round(machineUs())));
    const [trueMs, foundMs] = [excessMs(own, tallyOf([1]), 99), excessMs(together, control, 99)];
    expect(excessMs(together, tallyOf([1]), 99)).toBeGreaterThan(1);
    expect(foundMs).toBeLessThan(mostMs);
    expect(foundMs).toBeGreaterThan(0.9 * trueMs);
  });
});
