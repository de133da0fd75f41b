import { dimensions, normalTerm, type Targeting } from '../../core/targeting.ts';
import type { RequestTerms, TermPair } from './termindex.ts';

/** The dimensions of targeting, and two of our own: what a line item's creatives can fill, and roughly where its circles lie. */
export const indexDimensions = [...dimensions, 'fill', 'radius'] as const;
export const DIM = Object.fromEntries(indexDimensions.map((name, i) => [name, i])) as Record<
  (typeof indexDimensions)[number],
  number
>;

const nothing: TermPair = { include: [], exclude: [] };

/**
 * The terms of a line item for the index.
 * @param fill formats and sizes of its creatives
 * @param cells that its circles touch; none: anywhere
 */
export function targetingTerms(targeting: Targeting, fill: readonly string[], cells: readonly string[]): TermPair[] {
  const pairs = dimensions.map((dimension): TermPair => {
    const rule = targeting.terms[dimension];
    if (rule === undefined) return nothing;
    const normal = (terms: readonly string[]) => [...new Set(terms.map((term) => normalTerm(dimension, term)))];
    return { include: normal(rule.include), exclude: normal(rule.exclude) };
  });
  pairs.push({ include: fill, exclude: [] }, { include: cells, exclude: [] });
  return pairs;
}

/** The check of one line item without the index: which dimension refuses, null when none does. */
export function refusingDimension(pairs: readonly TermPair[], request: RequestTerms): number | null {
  for (let d = 0; d < pairs.length; d++) {
    const { include, exclude } = pairs[d]!;
    const terms = request[d]!;
    if (include.length > 0 && !include.some((term) => terms.has(term))) return d;
    if (exclude.some((term) => terms.has(term))) return d;
  }
  return null;
}
