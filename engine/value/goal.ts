import type { Goal } from '../../core/campaign.ts';
import type { Nanos } from '../../core/money.ts';
import type { Evidence } from './evidence.ts';
import { drawRate, type Estimate, estimateRate, meanRate, type RateKind } from './rates.ts';

/** Impressions after which a creative is no longer new. */
const NEW_AD_IMPRESSIONS = 1000;
/** How much more a new ad bids at first. The boost shrinks evenly to nothing over its first thousand impressions. */
const NEW_AD_BOOST = 0.5;

const estimate: Estimate = { events: 0, exposure: 1, impressions: 0 };

/** What is bid for, as far as it decides the value of an impression. */
export interface Offer {
  readonly goal: Goal;
  readonly exploration: boolean;
  readonly lineItemId: number;
}

/**
 * What one impression is worth to a line item, before pacing and shading: its bid for CPM; for CPC and CPA the target
 * times the rate that this creative is expected to have on this domain, never above the goal's highest CPM.
 * @returns at least 1
 */
export function valueNanos(evidence: Evidence, offer: Offer, creativeId: number, domainHash: number): Nanos {
  const { goal } = offer;
  if (goal.type === 'cpm') return goal.bidCpmMicros;
  const kind: RateKind = goal.type === 'cpc' ? 'click' : 'conversion';
  estimateRate(evidence, kind, offer.lineItemId, creativeId, domainHash, estimate);
  const boost = offer.exploration ? newAdBoost(estimate.impressions) : 1;
  const nanos = Math.round(goal.targetMicros * 1000 * meanRate(estimate) * boost);
  return Math.max(1, Math.min(goal.maxCpmMicros, nanos));
}

/** 1.5 for an ad never shown, 1 from a thousand impressions on. */
export function newAdBoost(impressions: number): number {
  return 1 + NEW_AD_BOOST * Math.max(0, 1 - impressions / NEW_AD_IMPRESSIONS);
}

/**
 * How much a creative of a line item deserves this impression: a draw from what is known of its rate, so that an
 * unknown creative is tried often and a known one as often as it is likely to be the best (Thompson sampling). Without
 * exploration the hash alone decides: creatives take even turns.
 * @param hash of auction, impression and creative
 */
export function creativeMerit(evidence: Evidence, offer: Offer, creativeId: number, hash: number): number {
  if (!offer.exploration) return hash >>> 0;
  const kind: RateKind = offer.goal.type === 'cpa' ? 'conversion' : 'click';
  estimateRate(evidence, kind, offer.lineItemId, creativeId, 0, estimate);
  return drawRate(estimate, hash);
}
