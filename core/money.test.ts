import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cpmToNanos, MAX_EVENT_NANOS, microsToNanos, nanosToCpm, nanosToDecimal } from './money.ts';

describe('money', () => {
  it('reads a CPM as the nanos of one impression', () => {
    expect(cpmToNanos('2.5')).toBe(2_500_000);
    expect(cpmToNanos(0.000001)).toBe(1);
    expect(cpmToNanos('1e-6')).toBe(1);
    expect(cpmToNanos('0')).toBe(0);
  });

  it('refuses what is not a price', () => {
    for (const bad of ['', '-1', 'NaN', 'Infinity', '1,5', '0x10', ' 1', '${AUCTION_PRICE}', '9'.repeat(40)]) {
      expect(cpmToNanos(bad), bad).toBeNull();
    }
    expect(cpmToNanos(Number.NaN)).toBeNull();
  });

  it('writes a CPM that reads back as the same nanos', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: MAX_EVENT_NANOS }), (nanos) => {
        expect(cpmToNanos(nanosToCpm(nanos))).toBe(nanos);
      }),
    );
  });

  it('prints totals exactly', () => {
    expect(nanosToDecimal(1_234_500_000n)).toBe('1.2345');
    expect(nanosToDecimal(-1n)).toBe('-0.000000001');
    expect(nanosToDecimal(microsToNanos(5_000_000))).toBe('5');
  });
});
