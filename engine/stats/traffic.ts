import { trafficDimensions } from '../../core/targeting.ts';
import type { TrafficSample } from '../../core/topics.ts';
import type { TermList } from '../match/termlist.ts';
import { DIM } from '../match/terms.ts';

/** Requests drawn of the traffic, for estimates: all whose hash is divisible by 2^level, whole users at a time. */
export interface TrafficSampler {
  /** Whether the request is drawn. @param hash 32 bits of the user's hash, or of the request's id */
  draws(hash: number): boolean;
  /** @param known whether the hash is a user's @param terms per index dimension; copied */
  add(hash: number, known: boolean, terms: readonly TermList[]): void;
  /** What was drawn since the last call. */
  take(): TrafficSample;
}

const MAX_TERMS = 20;
const MAX_TERM_CHARS = 100;
const MAX_LEVEL = 31;

/** @param most requests kept between two `take`s; more traffic raises the level, less lowers it again */
export function createTrafficSampler(most: number): TrafficSampler {
  let level = 0;
  let mask = 0;
  let kept: TrafficSample['requests'] = [];
  const setLevel = (next: number): void => {
    level = Math.min(MAX_LEVEL, Math.max(0, next));
    mask = 2 ** level - 1;
  };
  return {
    draws: (hash) => (hash & mask) === 0,
    add(hash, known, terms) {
      kept.push({ hash, known, terms: copyOf(terms) });
      while (kept.length > most && level < MAX_LEVEL) {
        setLevel(level + 1);
        kept = kept.filter((request) => (request.hash & mask) === 0);
      }
    },
    take() {
      const taken = { level, requests: kept };
      kept = [];
      if (taken.requests.length < most / 4) setLevel(level - 1);
      return taken;
    },
  };
}

function copyOf(terms: readonly TermList[]): Record<string, string[]> {
  const copy: Record<string, string[]> = {};
  for (const dimension of trafficDimensions) {
    const list = terms[DIM[dimension]]!;
    if (list.size === 0) continue;
    const own = list
      .toArray()
      .slice(0, MAX_TERMS)
      .filter((term) => term.length <= MAX_TERM_CHARS);
    // Numbers alone are audiences that an advertiser brought: nobody else may learn how large they are.
    copy[dimension] = dimension === 'segment' ? own.filter((term) => !/^\d+$/.test(term)) : own;
  }
  return copy;
}
