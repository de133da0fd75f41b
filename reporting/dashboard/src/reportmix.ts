import { dimensionLabels, metricLabels } from './labels.ts';

/** Bidders count these for each line item and second; they know no other dimensions than `bidDimensions`. */
const bidMetrics = [
  'requests',
  'matched',
  'bids',
  'bidNanos',
  'valueNanos',
  'noBids',
  'lineItemNoBids',
  'averageBidCpm',
];
/** Made of both: bids, and the events that follow them. */
const mixedMetrics = ['winRate', 'shadingSavedNanos'];
const bidDimensions = ['advertiser', 'campaign', 'lineItem', 'hourOfDay', 'dayOfWeek', 'noBidReason'];

/** Why a measure can not be broken down by a dimension; '' when it can. The store refuses what this refuses. */
export function mixFault(metric: string, dimension: string): string {
  const [measure, by] = [metricLabels[metric] ?? metric, dimensionLabels[dimension] ?? dimension];
  const isBid = bidMetrics.includes(metric);
  if ((isBid || mixedMetrics.includes(metric)) && !bidDimensions.includes(dimension))
    return `${measure} is not known by ${by}: bids are counted for each line item, not for each ${by.toLowerCase()}.`;
  if (dimension === 'noBidReason' && !isBid)
    return `${measure} is not known by ${by}: it follows a bid, and the reason is of what was not bid on.`;
  return '';
}

/** The first of some names that does not go with another, as the reason; '' when all do. */
export function firstFault(names: readonly string[], faultOf: (name: string) => string): string {
  for (const name of names) {
    const fault = faultOf(name);
    if (fault !== '') return fault;
  }
  return '';
}
