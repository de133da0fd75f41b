import type { Goal } from '../../core/campaign.ts';
import type { Nanos } from '../../core/money.ts';

/**
 * The most that one impression can ever be worth to a line item before pacing, whatever was learned: line items are
 * searched in this order, and a search stops once nothing dearer can come. No value may exceed it.
 */
export function highestNanos(goal: Goal): Nanos {
  return goal.type === 'cpm' ? goal.bidCpmMicros : goal.maxCpmMicros;
}
