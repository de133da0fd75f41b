import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../core/random.ts';
import { sourceSha256 } from './search.wasm.ts';
import { type RequestTerms, TermIndex, type TermPair } from './termindex.ts';
import { termList } from './termlist.ts';
import { refusingDimension } from './terms.ts';

const DIMENSIONS = 3;
const term = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const terms = fc.uniqueArray(term, { maxLength: 3 });
const pairs = fc.array(fc.record({ include: terms, exclude: fc.oneof(fc.constant([]), terms) }), {
  minLength: DIMENSIONS,
  maxLength: DIMENSIONS,
});
const request = fc.array(terms.map(termList), { minLength: DIMENSIONS, maxLength: DIMENSIONS });
const change = fc.record({
  slot: fc.integer({ min: 0, max: 300 }),
  pairs: fc.option(pairs, { nil: null }),
  bound: fc.integer({ min: 1, max: 1_000_000_000_000 }),
});

function all(index: TermIndex, of: RequestTerms): number[] {
  const out = new Int32Array(1000);
  return [...out.subarray(0, index.match(of, out))].sort((a, b) => a - b);
}

describe('the targeting index', () => {
  it('searches with what is compiled from the present source (else: npm run generate)', () => {
    const source = readFileSync(new URL('./search.as', import.meta.url));
    expect(createHash('sha256').update(source).digest('hex')).toBe(sourceSha256);
  });

  it('finds what a look at every line item finds, after any history of changes', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 120 }), fc.array(request, { minLength: 1 }), (changes, requests) => {
        const index = new TermIndex(DIMENSIONS);
        const truth = new Map<number, TermPair[]>();
        for (const [i, { slot, pairs: wanted, bound }] of changes.entries()) {
          if (wanted === null) {
            index.remove(slot);
            truth.delete(slot);
          } else {
            index.set(slot, wanted, bound);
            truth.set(slot, wanted);
          }
          if (i % 31 === 30) index.arrange();
          // A search that is left half-way must not show in the next one.
          if (i % 7 === 0) {
            index.search(requests[0]!);
            index.next();
          }
        }
        expect(index.size).toBe(truth.size);
        for (const one of requests) {
          const expected = [...truth].filter(([, own]) => refusingDimension(own, one) === null).map(([slot]) => slot);
          expect(all(index, one)).toEqual(expected.sort((a, b) => a - b));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('yields the dearest first and never promises less than is still to come', () => {
    const random = seededRandom(11);
    const index = new TermIndex(1);
    const bounds = new Map<number, number>();
    for (let slot = 0; slot < 2000; slot++) {
      const bound = Math.ceil(1000 * 10_000 ** random.next());
      bounds.set(slot, bound);
      index.set(slot, [{ include: [`t${slot % 3}`], exclude: [] }], bound);
    }
    index.search([termList(['t0', 't2'])]);
    const found: number[] = [];
    const uppers: number[] = [];
    for (let slot = index.next(); slot >= 0; slot = index.next()) {
      found.push(bounds.get(slot)!);
      uppers.push(index.upper);
    }
    expect(found).toHaveLength([...bounds.keys()].filter((slot) => slot % 3 !== 1).length);
    let rest = 0;
    for (let i = found.length - 1; i >= 0; i--) {
      rest = Math.max(rest, found[i]!);
      expect(rest).toBeLessThanOrEqual(uppers[i]!);
      expect(uppers[i]! / 1.2).toBeLessThanOrEqual(found[i]!);
    }
  });

  it('keeps rows for frequent terms and lists for rare ones, with the same answers while it grows', () => {
    const index = new TermIndex(2);
    const truth: TermPair[][] = [];
    for (let slot = 0; slot < 5000; slot++) {
      const own = [
        { include: slot % 2 === 0 ? ['even'] : [`rare-${slot}`], exclude: [] },
        { include: [], exclude: slot % 5 === 0 ? ['fifth'] : [`odd-${slot % 100}`] },
      ];
      truth.push(own);
      index.set(slot, own, 1 + (slot % 977));
    }
    const out = new Int32Array(10_000);
    for (const one of [
      [['even'], []],
      [['rare-7', 'rare-9'], ['odd-9']],
      [['even'], ['fifth', 'odd-2']],
      [['none'], []],
    ].map((lists) => lists.map(termList))) {
      const expected = truth.flatMap((own, slot) => (refusingDimension(own, one) === null ? [slot] : []));
      const found = [...out.subarray(0, index.match(one, out))];
      expect(found.sort((a, b) => a - b)).toEqual(expected);
    }
  });

  it('reuses positions when prices change, so that a long life does not make it longer', () => {
    const index = new TermIndex(1);
    for (let round = 0; round < 50; round++) {
      for (let slot = 0; slot < 64; slot++) index.set(slot, [{ include: ['x'], exclude: [] }], 1000 * 1.2 ** round);
    }
    const out = new Int32Array(1000);
    expect(index.match([termList(['x'])], out)).toBe(64);
    expect(index.words).toBeLessThanOrEqual(8);
  });

  it('finds what lies far back in a list when a search goes on that long, also after changes', () => {
    const random = seededRandom(5);
    const index = new TermIndex(2);
    const truth: TermPair[][] = [];
    const set = (slot: number) => {
      const own = [
        { include: [`t${Math.floor(random.next() * 400)}`], exclude: [] },
        { include: [], exclude: [`x${Math.floor(random.next() * 400)}`] },
      ];
      truth[slot] = own;
      index.set(slot, own, Math.ceil(1000 * 8 ** random.next()));
    };
    for (let slot = 0; slot < 12_000; slot++) set(slot);
    index.arrange();
    const out = new Int32Array(12_000);
    for (let round = 0; round < 60; round++) {
      const one = [termList([`t${round}`, `t${round * 3}`]), termList([`x${round}`, 'x7'])];
      const expected = truth.flatMap((own, slot) => (refusingDimension(own, one) === null ? [slot] : []));
      expect([...out.subarray(0, index.match(one, out))].sort((a, b) => a - b)).toEqual(expected);
      // A search that ends early leaves nothing behind, and neither does a change of the list.
      index.search(one);
      index.next();
      if (round % 2 === 0) for (const slot of expected.slice(0, 3)) set(slot);
    }
  });
});
