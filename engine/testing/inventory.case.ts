import type { z } from 'zod';
import { advertiserSchema, campaignSchema, creativeSchema, lineItemSchema } from '../../core/campaign.ts';
import type { EventLog } from '../../core/eventlog.ts';
import { type CampaignChange, campaignChangeKey, campaignChangeSchema, type PacingMessage } from '../../core/topics.ts';

type Partial<T extends z.ZodType> = Omit<z.input<T>, 'name'> & { name?: string };

/** Changes from short descriptions: names and everything with a default may be left out. */
export const change = {
  advertiser: (entity: Partial<typeof advertiserSchema>): CampaignChange => ({
    kind: 'advertiser',
    entity: advertiserSchema.parse({ name: 'Advertiser', ...entity }),
  }),
  campaign: (entity: Partial<typeof campaignSchema>): CampaignChange => ({
    kind: 'campaign',
    entity: campaignSchema.parse({ name: 'Campaign', ...entity }),
  }),
  lineItem: (entity: Partial<typeof lineItemSchema>): CampaignChange => ({
    kind: 'line_item',
    entity: lineItemSchema.parse({ name: 'Line item', ...entity }),
  }),
  creative: (entity: Partial<typeof creativeSchema>): CampaignChange => ({
    kind: 'creative',
    entity: creativeSchema.parse({ name: 'Creative', ...entity }),
  }),
  stop: (scope: string, on = true): CampaignChange =>
    campaignChangeSchema.parse({ kind: 'switch', entity: { scope, on, reason: 'test' } }),
};

/** A banner creative of ours. */
export function bannerCreative(id: number, lineItemId: number, w: number, h: number, domain = 'shop.example') {
  return change.creative({
    id,
    lineItemId,
    format: 'banner',
    banner: { w, h, imageUrl: `https://cdn.example/${id}.png` },
    landingUrl: `https://${domain}/landing?c=${id}`,
    adomain: [domain],
  });
}

/** One advertiser, one campaign, one line item, one 300x250 banner. */
export function smallInventory(bidCpmMicros = 2_000_000): CampaignChange[] {
  return [
    change.advertiser({ id: 1 }),
    change.campaign({ id: 10, advertiserId: 1 }),
    change.lineItem({ id: 100, campaignId: 10, goal: { type: 'cpm', bidCpmMicros } }),
    bannerCreative(1000, 100, 300, 250),
  ];
}

export async function publish(log: EventLog, changes: readonly CampaignChange[]): Promise<void> {
  await log.append(
    'campaigns',
    changes.map((entry) => ({ key: campaignChangeKey(entry), value: Buffer.from(JSON.stringify(entry)) })),
  );
}

let sequence = 0;

/** Grants credit in a cell of its own to each line item of a node. */
export async function grant(
  log: EventLog,
  node: string,
  lineItemIds: readonly number[],
  nanos: bigint,
  pace: { multiplierPpm?: number; passPpm?: number } = {},
): Promise<void> {
  const message: PacingMessage = {
    v: 1,
    owner: 'campaign:10',
    epoch: 1,
    sequence: ++sequence,
    issuedMs: 0,
    grants: lineItemIds.map((id) => ({
      cell: `line_item:${id}:lifetime`,
      node,
      grantedNanos: nanos.toString(),
      fromMs: 0,
      untilMs: 4_000_000_000_000,
    })),
    lineItems: lineItemIds.map((lineItemId) => ({
      lineItemId,
      multiplierPpm: pace.multiplierPpm ?? 1_000_000,
      passPpm: pace.passPpm ?? 1_000_000,
      cells: [`line_item:${lineItemId}:lifetime`],
    })),
  };
  await log.append('pacing', [{ key: message.owner, value: Buffer.from(JSON.stringify(message)) }]);
}
