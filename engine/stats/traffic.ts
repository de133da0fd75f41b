import { type Dimension, impressionDimensions, trafficDimensions } from '../../core/targeting.ts';
import type { TrafficSample } from '../../core/topics.ts';
import type { TermList } from '../match/termlist.ts';
import { DIM } from '../match/terms.ts';

export type DrawnRequest = TrafficSample['requests'][number];

/** Requests drawn of the traffic, for estimates: all whose hash is divisible by 2^level, whole users at a time. */
export interface TrafficSampler {
  /** Whether the request is drawn. @param hash 32 bits of the user's hash, or of the request's id */
  draws(hash: number): boolean;
  add(request: DrawnRequest): void;
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
  let kept: DrawnRequest[] = [];
  const setLevel = (next: number): void => {
    level = Math.min(MAX_LEVEL, Math.max(0, next));
    mask = 2 ** level - 1;
  };
  return {
    draws: (hash) => (hash & mask) === 0,
    add(request) {
      kept.push(request);
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

/** Impressions of a drawn request that are kept. */
export const MAX_DRAWN_IMPRESSIONS = 8;

const MAX_AUDIENCES = 128;

/**
 * What is drawn of a whole request; its impressions are added to it.
 * @param known whether the hash is a user's
 * @param terms per index dimension; copied
 * @param audiences ids of those that advertisers brought and the user is in
 */
export function drawnRequest(
  hash: number,
  known: boolean,
  terms: readonly TermList[],
  audiences: TermList,
): DrawnRequest & { readonly impressions: Record<string, string[]>[] } {
  const copy = copyOf(trafficDimensions, terms);
  // Numbers alone would be taken for audiences that an advertiser brought, which have a place of their own.
  if (copy.segment !== undefined) copy.segment = copy.segment.filter((term) => !/^\d+$/.test(term));
  return {
    hash,
    known,
    terms: copy,
    impressions: [],
    audiences: audiences.toArray().slice(0, MAX_AUDIENCES).map(Number),
  };
}

/** What is drawn of the impression that was read last. */
export function drawnImpression(terms: readonly TermList[]): Record<string, string[]> {
  return copyOf(impressionDimensions, terms);
}

function copyOf(dimensions: readonly Dimension[], terms: readonly TermList[]): Record<string, string[]> {
  const copy: Record<string, string[]> = {};
  for (const dimension of dimensions) {
    const list = terms[DIM[dimension]]!;
    if (list.size === 0) continue;
    copy[dimension] = list
      .toArray()
      .slice(0, MAX_TERMS)
      .filter((term) => term.length <= MAX_TERM_CHARS);
  }
  return copy;
}
