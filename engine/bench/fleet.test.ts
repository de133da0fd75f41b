import { describe, expect, it } from 'vitest';
import { simulateCap, simulateFleet } from './fleet.ts';

const usual = {
  nodes: 100,
  budgetNanos: 20_000_000_000n,
  seconds: 240,
  bidsPerSecond: 300,
  bidNanos: 2_500_000n,
  winShare: 0.3,
  grantEvery: 5,
};

describe('a budget leased to 100 bidders', () => {
  it.each([0, 5])('is never overspent, and nearly all of it can be spent, with %i nodes dying', (deaths) => {
    const outcome = simulateFleet({ ...usual, seed: 4, deaths });
    const percent = (nanos: bigint) => Number((nanos * 10_000n) / usual.budgetNanos) / 100;
    console.info(
      `${deaths} deaths: spent ${percent(outcome.spentNanos)} %, stranded ${percent(outcome.strandedNanos)} %`,
    );
    expect(outcome.highestNanos).toBeLessThanOrEqual(usual.budgetNanos);
    expect(outcome.spentNanos).toBeLessThanOrEqual(usual.budgetNanos);
    expect(percent(outcome.spentNanos)).toBeGreaterThan(90);
    if (deaths > 0) expect(percent(outcome.strandedNanos)).toBeLessThan(deaths * 2);
  });
});

describe('a frequency cap over 100 bidders', () => {
  it('is passed by at most what the user does until the others know', () => {
    for (const perHour of [60, 3600, 36_000]) {
      for (const delaySeconds of [0, 1, 5]) {
        const shown = simulateCap({
          seed: 7,
          nodes: 100,
          cap: 5,
          requests: Math.min(perHour, 2000),
          seconds: Math.min(3600, (2000 / perHour) * 3600),
          delaySeconds,
        });
        const during = Math.ceil((perHour / 3600) * delaySeconds);
        console.info(`${perHour} requests/h, ${delaySeconds} s: ${shown} shown of a cap of 5`);
        expect(shown).toBeLessThanOrEqual(5 + during);
        if (perHour > 5) expect(shown).toBeGreaterThanOrEqual(5);
      }
    }
  });
});
