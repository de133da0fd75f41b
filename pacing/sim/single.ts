import { advertiserSchema, campaignSchema, lineItemSchema } from '../../core/campaign.ts';
import type { CampaignChange } from '../../core/topics.ts';
import { valueOfRate } from './hindsight.ts';
import type { Market } from './market.ts';
import type { SimLine } from './simnode.ts';

export const SINGLE_LINE = 100;

/** One campaign with one line item and one daily budget: what most scenarios look at. */
export function singleCampaign(
  budgetNanos: number,
  market: Market,
  budget: 'daily' | 'lifetime' = 'daily',
  timeZone = 'UTC',
): { changes: CampaignChange[]; lines: SimLine[] } {
  const micros = Math.max(1, Math.floor(budgetNanos / 1000));
  const worth = valueOfRate(market);
  let dearest = 1;
  for (const rate of market.rate) dearest = Math.max(dearest, rate * worth);
  return {
    changes: [
      { kind: 'advertiser', entity: advertiserSchema.parse({ id: 1, name: 'Advertiser', timeZone }) },
      {
        kind: 'campaign',
        entity: campaignSchema.parse({
          id: 10,
          advertiserId: 1,
          name: 'Campaign',
          budget: budget === 'daily' ? { dailyMicros: micros } : { lifetimeMicros: micros },
          flight: { startMs: market.startMs, endMs: market.endMs },
        }),
      },
      {
        kind: 'line_item',
        entity: lineItemSchema.parse({
          id: SINGLE_LINE,
          campaignId: 10,
          name: 'Line item',
          goal: {
            type: 'cpc',
            targetMicros: Math.max(1, Math.floor(worth / 1000)),
            maxCpmMicros: Math.min(1_000_000_000_000, Math.ceil(dearest)),
          },
        }),
      },
    ],
    lines: [
      {
        lineItemId: SINGLE_LINE,
        campaignId: 10,
        advertiserId: 1,
        value: (all, index) => Math.min(dearest, worth * all.rate[index]!),
      },
    ],
  };
}
