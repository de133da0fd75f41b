import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createClaims } from './claims.ts';
import { createFingerprintSet, fingerprint } from './fingerprint.ts';

const HOUR_MS = 3_600_000;

describe('a set of fingerprints', () => {
  it('agrees with a Set', () => {
    const word = fc.oneof(
      fc.constant('00000000'),
      fc.constant('ffffffff'),
      fc.nat(3).map((n) => `0000000${n}`),
    );
    const id = fc.tuple(word, word, word).map((words) => words.join(''));
    fc.assert(
      fc.property(fc.array(id, { maxLength: 200 }), (ids) => {
        const set = createFingerprintSet();
        const model = new Set<string>();
        for (const each of ids) {
          // Empty slots are all zero, so that id shares a place with 0, 0, 1.
          const name = each === '0'.repeat(24) ? `${'0'.repeat(23)}1` : each;
          expect(set.has(each)).toBe(model.has(name));
          expect(set.add(each)).toBe(!model.has(name));
          model.add(name);
        }
        expect(set.size).toBe(model.size);
      }),
    );
  });

  it('costs at most 20 bytes per id once it has a thousand', () => {
    const set = createFingerprintSet();
    let worst = 0;
    for (let i = 0; i < 200_000; i++) {
      set.add(fingerprint(`bid-${i}`));
      if (i >= 1000) worst = Math.max(worst, set.bytes / set.size);
    }
    expect(worst).toBeLessThanOrEqual(20);
    expect(set.has(fingerprint('bid-77'))).toBe(true);
    expect(set.has(fingerprint('bid--1'))).toBe(false);
  });
});

describe('claims', () => {
  const horizons = { eventsMs: 24 * HOUR_MS, conversionsMs: 31 * 24 * HOUR_MS };

  it('takes an id once within the horizon and forgets it after', () => {
    const claims = createClaims(horizons);
    const at = 1000 * HOUR_MS + 5;
    const id = fingerprint('a');
    claims.advance(at);
    expect(claims.take(id, at)).toBe(true);
    claims.advance(at + 24 * HOUR_MS);
    expect(claims.take(id, at)).toBe(false);
    claims.advance(at + 26 * HOUR_MS);
    expect(claims.has(id, at)).toBe(false);
  });

  it('never lets its time go back', () => {
    const claims = createClaims(horizons);
    claims.advance(100 * HOUR_MS);
    expect(claims.advance(5 * HOUR_MS)).toBe(100 * HOUR_MS);
  });

  it('remembers orders for a month, whatever click they come with', () => {
    const claims = createClaims(horizons);
    const id = fingerprint('conversion:1:order');
    const day = 24 * HOUR_MS;
    expect(claims.takeConversion(id, 100 * day)).toBe(true);
    claims.advance(130 * day);
    expect(claims.takeConversion(id, 130 * day)).toBe(false);
    claims.advance(133 * day);
    expect(claims.takeConversion(id, 133 * day)).toBe(true);
  });
});
