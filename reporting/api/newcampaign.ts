import type { CampaignChange } from '../../core/topics.ts';
import type { Entities, EntityKind } from './directory.ts';
import { invalidField } from './problem.ts';
import { changeOf } from './resources.ts';

/** The bid of the line item that a campaign without any gets: a CPM of 2.00. */
const DEFAULT_GOAL = { type: 'cpm', bidCpmMicros: 2_000_000 };
const MAX_CHILDREN = 100;

type Make = <K extends EntityKind>(kind: K, fields: Record<string, unknown>, prefix: string) => Entities[K];

/**
 * A campaign with what is nested in its body: `lineItems`, each with `creatives`. One without line items gets one that
 * bids everywhere, so that the simple case stays simple.
 * @returns the campaign's change first, then those of what is below it
 * @throws Problem invalid_field, naming the nested field
 */
export function createCampaignTree(body: Record<string, unknown>, make: Make): readonly CampaignChange[] {
  const { lineItems, ...fields } = body;
  const campaign = make('campaign', fields, '');
  const changes: CampaignChange[] = [changeOf('campaign', campaign)];
  const nested =
    lineItems === undefined ? [{ name: campaign.name, goal: DEFAULT_GOAL }] : children(lineItems, 'lineItems');
  for (const [i, item] of nested.entries()) {
    const prefix = `lineItems.${i}.`;
    const { creatives = [], ...lineItemFields } = item as Record<string, unknown>;
    const lineItem = make('line_item', { ...lineItemFields, campaignId: campaign.id }, prefix);
    changes.push(changeOf('line_item', lineItem));
    for (const [j, creative] of children(creatives, `${prefix}creatives`).entries()) {
      const made = make('creative', { ...creative, lineItemId: lineItem.id }, `${prefix}creatives.${j}.`);
      changes.push(changeOf('creative', made));
    }
  }
  return changes;
}

function children(value: unknown, field: string): readonly Record<string, unknown>[] {
  if (!Array.isArray(value) || value.length > MAX_CHILDREN)
    throw invalidField(field, `must be a list of at most ${MAX_CHILDREN}`);
  for (const [i, item] of value.entries()) {
    if (typeof item !== 'object' || item === null || Array.isArray(item))
      throw invalidField(`${field}.${i}`, 'must be an object');
  }
  return value;
}
