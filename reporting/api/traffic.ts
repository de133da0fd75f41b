import { Hono } from 'hono';
import { z } from 'zod';
import type { AudienceStore } from '../../core/audience.ts';
import {
  type Dimension,
  dimensions,
  impressionDimensions,
  normalTerm,
  type Targeting,
  targetingSchema,
  trafficDimensions,
} from '../../core/targeting.ts';
import type { BidStats, TrafficSample } from '../../core/topics.ts';
import { type ApiEnv, jsonBody, maySee } from './context.ts';
import { invalidInput } from './problem.ts';

const WINDOW_MS = 86_400_000;
const MAX_KEPT = 40_000;
/** Kinds of impressions, and audiences, that are remembered. */
const MAX_KINDS = 20_000;
/** Over less time than this one request more or less would stand for too many a day. */
const LEAST_SPAN_MS = 600_000;

export const estimateSchema = z.strictObject({ targeting: targetingSchema });

/** What a line item with a targeting would meet. */
export interface TrafficEstimate {
  /** Bid requests a day that match, and of all requests which share. */
  readonly requestsPerDay: number;
  readonly share: number;
  /** Different people among them, over the time that was looked at; those nobody may know are not counted. */
  readonly people: number;
  /** How much was looked at: hours (0: nothing yet), and requests of the draw that matched. Few make it rough. */
  readonly hours: number;
  readonly matched: number;
  /** Parts of the targeting that could not be looked at. */
  readonly ignored: readonly string[];
}

export interface TrafficBook {
  add(stats: Pick<BidStats, 'fromMs' | 'toMs' | 'traffic'>): void;
  /**
   * @param maySee whether the caller may know of an audience; others are left out and named like what is not known
   * @returns null while nothing was seen yet
   */
  estimate(targeting: Targeting, maySee: (audienceId: number) => boolean): TrafficEstimate | null;
}

type Drawn = TrafficSample['requests'][number] & { readonly atMs: number };

/** Keeps the requests that bidders drew in the last day, at most 40,000: with more it keeps a smaller draw of them. */
export function createTrafficBook(): TrafficBook {
  let kept: Drawn[] = [];
  let level = 0;
  let fromMs = Number.POSITIVE_INFINITY;
  let toMs = 0;
  /** When an audience was first met: before, it was not there or nobody of it came by. */
  const metMs = new Map<number, number>();
  const shared = sharedImpressions();
  const raise = (to: number): void => {
    if (to <= level) return;
    level = to;
    kept = kept.filter(({ hash }) => hash % 2 ** level === 0);
  };
  return {
    add({ traffic, fromMs: startMs, toMs: endMs }) {
      if (traffic === undefined) return;
      if (kept.length === 0) level = traffic.level;
      raise(traffic.level);
      for (const request of traffic.requests) {
        if (request.hash % 2 ** level !== 0) continue;
        kept.push({ ...request, impressions: request.impressions?.map(shared), atMs: endMs });
        for (const id of request.audiences ?? []) if (!metMs.has(id) && metMs.size < MAX_KINDS) metMs.set(id, startMs);
      }
      fromMs = Math.min(fromMs, startMs);
      toMs = Math.max(toMs, endMs);
      if (toMs - fromMs > WINDOW_MS * 1.05) {
        fromMs = toMs - WINDOW_MS;
        kept = kept.filter(({ atMs }) => atMs >= fromMs);
        const there = new Set(kept.flatMap(({ audiences }) => audiences ?? []));
        for (const id of metMs.keys()) if (!there.has(id)) metMs.delete(id);
      }
      if (kept.length > MAX_KEPT) raise(level + 1);
    },
    estimate(targeting, maySee) {
      if (kept.length === 0 || toMs <= fromMs) return null;
      const own = audiencesOf(targeting).filter((id) => metMs.has(id) && maySee(id));
      const met = Math.max(fromMs, ...own.map((id) => metMs.get(id)!));
      const sinceMs = Math.max(fromMs, Math.min(met, toMs - LEAST_SPAN_MS));
      const seen = sinceMs > fromMs ? kept.filter(({ atMs }) => atMs > sinceMs) : kept;
      const matches = matcherOf(targeting, new Set(own));
      const matching = seen.filter(matches);
      const each = 2 ** level;
      const people = new Set(matching.filter(({ known }) => known).map(({ hash }) => hash)).size;
      const open = hoursOpen(targeting);
      return {
        requestsPerDay: Math.round((matching.length * each * open * WINDOW_MS) / (toMs - sinceMs)),
        share: seen.length === 0 ? 0 : (matching.length / seen.length) * open,
        people: people * each,
        hours: Math.ceil(((toMs - sinceMs) / 3_600_000) * 1000) / 1000,
        matched: matching.length,
        ignored: ignoredOf(targeting, own, seen),
      };
    },
  };
}

/** Most impressions are like others: each kind is kept once. */
function sharedImpressions(): (terms: Drawn['terms']) => Drawn['terms'] {
  const kinds = new Map<string, Drawn['terms']>();
  return (terms) => {
    const key = JSON.stringify(terms);
    const known = kinds.get(key);
    if (known !== undefined) return known;
    if (kinds.size >= MAX_KINDS) kinds.clear();
    kinds.set(key, terms);
    return terms;
  };
}

/**
 * The rule of `core/targeting.ts`: for every dimension named, one term is included and none excluded; those of the
 * impression for one and the same impression. What a draw of an older node does not tell is taken to match.
 */
function matcherOf(targeting: Targeting, audiences: ReadonlySet<number>): (request: Drawn) => boolean {
  const matchesRequest = termsMatcher(targeting, trafficDimensions, audiences);
  const matchesImpression = termsMatcher(targeting, impressionDimensions, audiences);
  const aimsAtImpressions = impressionDimensions.some((dimension) => targeting.terms[dimension] !== undefined);
  return ({ terms, impressions, audiences: own }) => {
    const segments = audiences.size === 0 ? terms : { ...terms, segment: [...(terms.segment ?? []), ...idsOf(own)] };
    if (!matchesRequest(segments)) return false;
    return !aimsAtImpressions || impressions === undefined || impressions.some(matchesImpression);
  };
}

const idsOf = (audiences: readonly number[] = []): readonly string[] => audiences.map(String);

type Terms = Readonly<Record<string, readonly string[]>>;

/** @param audiences those that are looked at; other audiences are left out of the rule */
function termsMatcher(
  { terms: rules }: Targeting,
  told: readonly Dimension[],
  audiences: ReadonlySet<number>,
): (terms: Terms) => boolean {
  const checks = told.flatMap((dimension) => {
    const rule = rules[dimension];
    if (rule === undefined) return [];
    const normal = (words: readonly string[]) =>
      new Set(
        words
          .filter((word) => !isAudience(dimension, word) || audiences.has(Number(word)))
          .map((word) => normalTerm(dimension, word)),
      );
    return [{ dimension, include: normal(rule.include), exclude: normal(rule.exclude) }];
  });
  return (terms) =>
    checks.every(({ dimension, include, exclude }) => {
      const own = terms[dimension] ?? [];
      return (include.size === 0 || own.some((term) => include.has(term))) && !own.some((term) => exclude.has(term));
    });
}

function isAudience(dimension: Dimension, term: string): boolean {
  return dimension === 'segment' && /^\d+$/.test(term.trim());
}

/** The audiences that a targeting names, each once. */
function audiencesOf({ terms: { segment } }: Targeting): readonly number[] {
  const named = [...(segment?.include ?? []), ...(segment?.exclude ?? [])].filter((term) =>
    isAudience('segment', term),
  );
  return [...new Set(named.map(Number))];
}

/** What the draw does not tell is left out of the estimate, and the answer says so. */
function ignoredOf(targeting: Targeting, own: readonly number[], seen: readonly Drawn[]): readonly string[] {
  const { terms, within } = targeting;
  const told = new Set<Dimension>(trafficDimensions);
  if (seen.every(({ impressions }) => impressions !== undefined))
    for (const each of impressionDimensions) told.add(each);
  const ignored: string[] = dimensions.filter((dimension) => terms[dimension] !== undefined && !told.has(dimension));
  if (own.length < audiencesOf(targeting).length || (own.length > 0 && seen.some(({ audiences }) => !audiences)))
    ignored.push('segment');
  if (within.length > 0) ignored.push('within');
  return ignored;
}

/** The share of the week in which day-parting lets it bid. */
function hoursOpen({ dayparting }: Targeting): number {
  if (dayparting === null) return 1;
  const open = new Set<number>();
  for (const { days, fromHour, toHour } of dayparting.slots)
    for (const day of days) for (let hour = fromHour; hour < toHour; hour++) open.add(day * 24 + hour);
  return open.size / 168;
}

const nothingSeen: TrafficEstimate = { requestsPerDay: 0, share: 0, people: 0, hours: 0, matched: 0, ignored: [] };

/** `POST /traffic/estimate`: what a targeting would meet, from the traffic of the last day. */
export function trafficRoutes(
  traffic: Pick<TrafficBook, 'estimate'>,
  audiences: Pick<AudienceStore, 'get'> | null,
): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.post('/traffic/estimate', async (c) => {
    const parsed = estimateSchema.safeParse(await jsonBody(c));
    if (!parsed.success) throw invalidInput(parsed.error);
    // Nobody may learn how large another's list is, or that it is there.
    const isOwn = (id: number): boolean => {
      const entry = audiences?.get(id) ?? null;
      return entry !== null && maySee(c.get('principal'), entry.audience.advertiserId);
    };
    return c.json(traffic.estimate(parsed.data.targeting, isOwn) ?? nothingSeen);
  });
  return app;
}
