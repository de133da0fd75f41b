import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';

interface Built {
  readonly measureStages: typeof import('./stages.ts').measureStages;
}
interface Baseline {
  readonly wholeBidVersusParse: number;
}

/** How much worse than the kept ratio fails. */
const TOLERANCE = 1.25;
const ATTEMPTS = 3;

describe('the price of a bid', () => {
  it('has not risen against JSON.parse of the same requests, measured in turns', async () => {
    // As it runs in production: compiled by tsc, not by the test runner.
    const built = (await import(new URL('../../dist/engine/bench/stages.js', import.meta.url).href)) as Built;
    const url = new URL('../../docs/benchmarks/baseline.json', import.meta.url);
    const baseline = JSON.parse(readFileSync(url, 'utf8')) as Baseline;
    const limit = baseline.wholeBidVersusParse * TOLERANCE;
    let best = Number.POSITIVE_INFINITY;
    // Whatever else runs on the machine can only make it worse: the best attempt counts.
    for (let attempt = 0; attempt < ATTEMPTS && best > limit; attempt++) {
      const stages = built.measureStages({ lineItems: 10_000, quick: true, clock: systemClock });
      const us = (stage: string): number => stages.find((one) => one.stage.startsWith(stage))!.us;
      best = Math.min(best, us('the whole bid') / us('for comparison'));
      console.info(`a whole bid costs ${best.toFixed(2)} × JSON.parse, ${limit.toFixed(2)} allowed`);
    }
    expect(best).toBeLessThanOrEqual(limit);
  });
});
