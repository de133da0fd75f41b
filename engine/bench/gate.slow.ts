import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { StageCost } from './stages.ts';

interface Baseline {
  readonly wholeBidVersusParse: number;
}

/** How much worse than the kept ratio fails. */
const TOLERANCE = 1.25;
const ATTEMPTS = 4;

/** In a process of its own, from what tsc built: the test runner's own view of modules costs as much as a bid. */
function measure(): StageCost[] {
  const script = fileURLToPath(new URL('../../dist/engine/bench/stagechild.js', import.meta.url));
  return JSON.parse(execFileSync(process.execPath, [script], { encoding: 'utf8' })) as StageCost[];
}

describe('the price of a bid', () => {
  it('has not risen against JSON.parse of the same requests, measured in turns', () => {
    const url = new URL('../../docs/benchmarks/baseline.json', import.meta.url);
    const baseline = JSON.parse(readFileSync(url, 'utf8')) as Baseline;
    const limit = baseline.wholeBidVersusParse * TOLERANCE;
    let best = Number.POSITIVE_INFINITY;
    // Whatever else runs on the machine can only make it worse: the best attempt counts.
    for (let attempt = 0; attempt < ATTEMPTS && best > limit; attempt++) {
      const stages = measure();
      const us = (stage: string): number => stages.find((one) => one.stage.startsWith(stage))!.us;
      best = Math.min(best, us('the whole bid') / us('for comparison'));
      console.info(`a whole bid costs ${best.toFixed(2)} × JSON.parse, ${limit.toFixed(2)} allowed`);
    }
    expect(best).toBeLessThanOrEqual(limit);
  });
});
