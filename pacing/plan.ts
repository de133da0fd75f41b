import type { PacingPlan } from '../core/campaign.ts';

/** How strongly a front-loaded plan leans forward: the rest of the budget falls as the rest of the traffic to this power. */
const FRONT_POWER = 1.5;

/**
 * The share of a budget that should be spent once a share of the traffic (`even`, `front_loaded`) or of the time
 * (`even_time`) has passed. Both shares in [0, 1].
 */
export function plannedShare(plan: PacingPlan, trafficShare: number, timeShare: number): number {
  const traffic = Math.min(1, Math.max(0, trafficShare));
  if (plan === 'even') return traffic;
  if (plan === 'even_time') return Math.min(1, Math.max(0, timeShare));
  if (plan === 'front_loaded') return 1 - (1 - traffic) ** FRONT_POWER;
  return 1;
}

export interface RateInput {
  readonly plan: PacingPlan;
  /** What is left to spend, nanos. */
  readonly restNanos: number;
  /** Eligible auctions left until the plan ends. */
  readonly restAuctions: number;
  readonly restMs: number;
  /** Eligible auctions per millisecond about now. */
  readonly auctionsPerMs: number;
  /** How far the forecast of the day's shape is believed, 0 to 1; what is not believed is spread by the clock. */
  readonly belief: number;
}

/** Nanos to spend per eligible auction from now on. Infinite: as fast as can be. */
export function targetRate(input: RateInput): number {
  const { plan, restNanos, restAuctions, restMs, auctionsPerMs, belief } = input;
  if (plan === 'asap') return Number.POSITIVE_INFINITY;
  if (restNanos <= 0) return 0;
  const byTime = auctionsPerMs <= 0 || restMs <= 0 ? 0 : restNanos / restMs / auctionsPerMs;
  if (plan === 'even_time') return byTime;
  if (restAuctions <= 0) return 0;
  const byTraffic = restNanos / restAuctions;
  return (belief * byTraffic + (1 - belief) * byTime) * (plan === 'front_loaded' ? FRONT_POWER : 1);
}
