import { Hono } from 'hono';
import { z } from 'zod';
import {
  type Dimension,
  dimensions,
  normalTerm,
  type Targeting,
  targetingSchema,
  trafficDimensions,
} from '../../core/targeting.ts';
import type { BidStats, TrafficSample } from '../../core/topics.ts';
import { type ApiEnv, jsonBody } from './context.ts';
import { invalidInput } from './problem.ts';

const WINDOW_MS = 86_400_000;
const MAX_KEPT = 40_000;

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
  /** null while nothing was seen yet. */
  estimate(targeting: Targeting): TrafficEstimate | null;
}

type Drawn = TrafficSample['requests'][number] & { readonly atMs: number };

/** Keeps the requests that bidders drew in the last day, at most 40,000: with more it keeps a smaller draw of them. */
export function createTrafficBook(): TrafficBook {
  let kept: Drawn[] = [];
  let level = 0;
  let fromMs = Number.POSITIVE_INFINITY;
  let toMs = 0;
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
        if (request.hash % 2 ** level === 0) kept.push({ ...request, atMs: endMs });
      }
      fromMs = Math.min(fromMs, startMs);
      toMs = Math.max(toMs, endMs);
      if (toMs - fromMs > WINDOW_MS * 1.05) {
        fromMs = toMs - WINDOW_MS;
        kept = kept.filter(({ atMs }) => atMs >= fromMs);
      }
      if (kept.length > MAX_KEPT) raise(level + 1);
    },
    estimate(targeting) {
      if (kept.length === 0 || toMs <= fromMs) return null;
      const matches = matcherOf(targeting);
      const matching = kept.filter(({ terms }) => matches(terms));
      const each = 2 ** level;
      const people = new Set(matching.filter(({ known }) => known).map(({ hash }) => hash)).size;
      const open = hoursOpen(targeting);
      return {
        requestsPerDay: Math.round((matching.length * each * open * WINDOW_MS) / (toMs - fromMs)),
        share: (matching.length / kept.length) * open,
        people: people * each,
        hours: Math.ceil(((toMs - fromMs) / 3_600_000) * 1000) / 1000,
        matched: matching.length,
        ignored: ignoredOf(targeting),
      };
    },
  };
}

/** The rule of `core/targeting.ts`: for every dimension named, one term is included and none excluded. */
function matcherOf({ terms: rules }: Targeting): (terms: Readonly<Record<string, readonly string[]>>) => boolean {
  const checks = trafficDimensions.flatMap((dimension) => {
    const rule = rules[dimension];
    if (rule === undefined) return [];
    const normal = (words: readonly string[]) =>
      new Set(words.filter((word) => !isAudience(dimension, word)).map((word) => normalTerm(dimension, word)));
    return [{ dimension, include: normal(rule.include), exclude: normal(rule.exclude) }];
  });
  return (terms) =>
    checks.every(({ dimension, include, exclude }) => {
      const own = terms[dimension] ?? [];
      return (include.size === 0 || own.some((term) => include.has(term))) && !own.some((term) => exclude.has(term));
    });
}

/** Audiences that advertisers brought are not part of the draw. */
function isAudience(dimension: Dimension, term: string): boolean {
  return dimension === 'segment' && /^\d+$/.test(term.trim());
}

function ignoredOf({ terms, within }: Targeting): readonly string[] {
  const told: readonly Dimension[] = trafficDimensions;
  // What drawn requests do not tell is left out of the estimate, and the answer says so.
  const ignored: string[] = dimensions.filter(
    (dimension) => terms[dimension] !== undefined && !told.includes(dimension),
  );
  const segments = [...(terms.segment?.include ?? []), ...(terms.segment?.exclude ?? [])];
  if (segments.some((term) => isAudience('segment', term))) ignored.push('segment');
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
export function trafficRoutes(traffic: Pick<TrafficBook, 'estimate'>): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.post('/traffic/estimate', async (c) => {
    const parsed = estimateSchema.safeParse(await jsonBody(c));
    if (!parsed.success) throw invalidInput(parsed.error);
    const estimate = traffic.estimate(parsed.data.targeting) ?? nothingSeen;
    return c.json(estimate);
  });
  return app;
}
