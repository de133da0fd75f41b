import fc from 'fast-check';
import { describe, it } from 'vitest';
import { bodies, expectSame, mutate, mutations } from './scan.case.ts';

/** 100,000 requests: 25,000 generated ones, each as it is and mutated three times; in parts, so that progress shows. */
const PARTS = Array.from({ length: 10 }, (_, part) => part + 1);
const RUNS = 2_500;

describe('the scanner', () => {
  it.each(PARTS)('reads generated and mutated requests like JSON.parse and the schema, part %i of 10', (seed) => {
    fc.assert(
      fc.property(bodies, fc.array(mutations, { minLength: 3, maxLength: 3 }), (body, changes) => {
        expectSame(body);
        for (const change of changes) expectSame(mutate(body, change));
      }),
      { numRuns: RUNS, seed },
    );
  });
});
