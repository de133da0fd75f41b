import { type Evidence, LEVEL, type Level, readEvidence, type Seen } from './evidence.ts';

/** What a goal pays for. */
export type RateKind = 'click' | 'conversion';

/** Rates assumed of an impression before anything is learned. */
export const PRIOR_RATE: Readonly<Record<RateKind, number>> = { click: 0.001, conversion: 0.00002 };

/**
 * How much each level's estimate trusts the level above: as much as this many clicks (or conversions) of its own. So a
 * creative's own rate counts half once it has had four clicks, whether that took 400 impressions or 40,000.
 */
const PRIOR_EVENTS = 4;

/** A gamma posterior of a rate: `events / exposure` is its mean. */
export interface Estimate {
  events: number;
  exposure: number;
  /** Impressions of the creative itself, for exploration. */
  impressions: number;
}

/**
 * Estimates the rate of one creative on one domain: all → line item → creative → creative on domain, each shrunk
 * towards the one before by as much as its own evidence is thin.
 * @param domainHash 0 leaves the domain out
 */
export function estimateRate(
  evidence: Evidence,
  kind: RateKind,
  lineItemId: number,
  creativeId: number,
  domainHash: number,
  into: Estimate,
): void {
  into.events = PRIOR_EVENTS;
  into.exposure = PRIOR_EVENTS / PRIOR_RATE[kind];
  update(evidence, kind, LEVEL.all, 0, 0, into);
  update(evidence, kind, LEVEL.lineItem, lineItemId, 0, into);
  update(evidence, kind, LEVEL.creative, creativeId, 0, into);
  into.impressions = seen.impressions;
  if (domainHash !== 0) update(evidence, kind, LEVEL.creativeOnDomain, creativeId, domainHash, into);
}
const seen: Seen = { impressions: 0, clicks: 0, conversions: 0 };

function update(
  evidence: Evidence,
  kind: RateKind,
  level: Level,
  id: number,
  domainHash: number,
  into: Estimate,
): void {
  readEvidence(evidence, level, id, domainHash, seen);
  const above = into.events / into.exposure;
  into.events = PRIOR_EVENTS + (kind === 'click' ? seen.clicks : seen.conversions);
  into.exposure = PRIOR_EVENTS / above + seen.impressions;
}

/** The estimate's mean. */
export function meanRate(estimate: Estimate): number {
  return estimate.events / estimate.exposure;
}

/**
 * A draw from the estimate's gamma distribution (Wilson and Hilferty's cube of a normal), for Thompson sampling.
 * @param hash the source of chance: the same hash gives the same draw, so an auction stays reproducible
 */
export function drawRate(estimate: Estimate, hash: number): number {
  const shape = estimate.events;
  const cube = 1 - 1 / (9 * shape) + normalOf(hash) / (3 * Math.sqrt(shape));
  return cube <= 0 ? 0 : meanRate(estimate) * cube * cube * cube;
}

/** A standard normal value from the four bytes of a hash: the sum of four uniforms, scaled. Within ±3.5. */
function normalOf(hash: number): number {
  const sum = (hash & 0xff) + ((hash >>> 8) & 0xff) + ((hash >>> 16) & 0xff) + (hash >>> 24);
  return ((sum + 2) / 256 - 2) * Math.sqrt(3);
}
