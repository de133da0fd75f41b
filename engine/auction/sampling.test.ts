import { describe, expect, it } from 'vitest';
import { hashWith } from './hash.ts';
import { Sampling } from './sampling.ts';

describe('impressions that are looked at completely', () => {
  it('stand for all of them, at any rate, and are no more than can be afforded', () => {
    for (const perSecond of [50, 1000, 30_000]) {
      const sampling = new Sampling();
      let looks = 0;
      let weight = 0;
      const seconds = 12;
      for (let i = 0; i < perSecond * seconds; i++) {
        const one = sampling.weightOf(hashWith(7, i), 10_000, 1_000_000 + (i * 1000) / perSecond);
        // The first second does not know the traffic yet.
        if (i < perSecond) continue;
        if (one > 0) looks++;
        weight += one;
      }
      expect(looks / (seconds - 1)).toBeLessThan(Math.min(perSecond + 1, 220));
      expect(Math.abs(weight / (perSecond * (seconds - 1)) - 1)).toBeLessThan(0.1);
    }
  });

  it('are soon fewer when traffic grows at once', () => {
    const sampling = new Sampling();
    for (let i = 0; i < 100; i++) sampling.weightOf(hashWith(5, i), 10_000, 1_000_000 + i * 20);
    let looks = 0;
    let weight = 0;
    for (let i = 0; i < 30_000; i++) {
      const one = sampling.weightOf(hashWith(11, i), 10_000, 1_002_000 + i / 30);
      if (one > 0) looks++;
      weight += one;
    }
    expect(looks).toBeLessThan(1300);
    expect(Math.abs(weight / 30_000 - 1)).toBeLessThan(0.15);
  });

  it('are all of them where there are few line items', () => {
    const sampling = new Sampling();
    for (let i = 0; i < 1000; i++) expect(sampling.weightOf(hashWith(3, i), 200, 0)).toBe(1);
  });
});
