import { describe, expect, it } from 'vitest';
import { createPresumption, createResponse } from './presumption.ts';
import { seededRandom } from './random.ts';

describe('what is presumed of bids nobody told of', () => {
  it('comes to about what they cost, when a tenth of all notices is lost', () => {
    const presumption = createPresumption();
    const path = createResponse();
    const random = seededRandom(5);
    let lost = 0;
    let presumed = 0;
    for (let at = 0; at < 20_000; at++) {
      const nanos = 1000 + Math.floor(random.next() * 1000);
      const cost = random.next() < 0.2 ? Math.floor(nanos * random.next()) : 0;
      const silent = random.next() < 0.1;
      if (!silent) presumption.heard(path, 'x', nanos, cost);
      presumption.fellDue(silent ? 0 : 1, silent ? 1 : 0);
      if (!silent) continue;
      lost += cost;
      presumed += presumption.silent(path, nanos);
    }
    expect(presumption.silentShare()).toBeCloseTo(0.1, 2);
    expect(presumed / lost).toBeGreaterThan(0.9);
    expect(presumed / lost).toBeLessThan(1.1);
  });

  it('is nothing before anything was heard', () => {
    const presumption = createPresumption();
    presumption.fellDue(0, 1);
    expect(presumption.silent(createResponse(), 1000)).toBe(0);
  });
});
