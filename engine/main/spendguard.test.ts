import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSpendGuard } from './spendguard.ts';

const bidId = (n: number) => (n + 1).toString(16).padStart(24, '0');
const NOW = 1_790_000_000_000;

describe('the spend-rate limit', () => {
  it('stops an account for as long as its last minute cost too much, and no other', () => {
    const guard = createSpendGuard(1000);
    for (let i = 0; i < 5; i++) guard.billed(7, bidId(i), 199, NOW + i * 1000);
    guard.billed(8, bidId(99), 10, NOW);
    expect(guard.limited(NOW + 5000)).toEqual([]);
    guard.billed(7, bidId(5), 5, NOW + 5000);
    expect(guard.limited(NOW + 5000)).toEqual([7]);
    expect(guard.limited(NOW + 59_000)).toEqual([7]);
    expect(guard.limited(NOW + 60_000)).toEqual([]);
  });

  it('is not reached by one notice that is sent again and again', () => {
    const guard = createSpendGuard(1000);
    for (let i = 0; i < 10_000; i++) guard.billed(7, bidId(1), 100, NOW + i);
    expect(guard.limited(NOW + 10_000)).toEqual([]);
  });

  it('can be changed and switched off', () => {
    const guard = createSpendGuard(1000);
    guard.billed(7, bidId(1), 500, NOW);
    guard.setLimit(400);
    expect(guard.limited(NOW)).toEqual([7]);
    guard.setLimit(0);
    expect(guard.limited(NOW)).toEqual([]);
  });

  it('agrees with adding up the last minute, whatever comes in whatever order', () => {
    const bills = fc.array(fc.record({ atMs: fc.integer({ min: 0, max: 59_000 }), nanos: fc.nat(100) }), {
      maxLength: 80,
    });
    fc.assert(
      fc.property(bills, fc.integer({ min: 1, max: 2000 }), (all, limit) => {
        const guard = createSpendGuard(limit, 100);
        all.forEach(({ atMs, nanos }, i) => void guard.billed(1, bidId(i), nanos, NOW + atMs));
        const sum = all.reduce((total, { nanos }) => total + nanos, 0);
        expect(guard.limited(NOW + 59_000)).toEqual(sum >= limit ? [1] : []);
      }),
    );
  });
});
