import type { Line } from '../catalog/line.ts';

/** Rates assumed before anything is learned. */
const PRIOR_CLICK_RATE = 0.001;
const PRIOR_CONVERSION_RATE = 0.00002;

/**
 * What one impression is worth to a line item, nanos, before pacing: its bid for CPM, the target times the expected
 * rate for CPC and CPA, never above their highest CPM.
 */
export function valueNanos(line: Line): number {
  const goal = line.item.goal;
  if (goal.type === 'cpm') return goal.bidCpmMicros;
  const rate = goal.type === 'cpc' ? PRIOR_CLICK_RATE : PRIOR_CONVERSION_RATE;
  return Math.min(goal.maxCpmMicros, Math.max(1, Math.round(goal.targetMicros * 1000 * rate)));
}
