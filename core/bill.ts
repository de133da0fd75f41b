import { z } from 'zod';
import { type PacingStatus, pacingStatusSchema } from './pacingstatus.ts';

const nanosText = z.string().regex(/^\d{1,19}$/);

/** A level's standing with what of its period is billed. */
export const billedStatusSchema = pacingStatusSchema.extend({
  /** `actualNanos` less `overDeliveredNanos`: never above the budget. Null where the level has no budget of its own. */
  billedNanos: nanosText.nullable(),
  /** Delivered in the period above the budget of the level or of a level below it: not billed to the advertiser. */
  overDeliveredNanos: nanosText,
});
export type BilledStatus = z.infer<typeof billedStatusSchema>;

/**
 * Splits what was delivered into what is billed and what is not. What a line item delivered above its budget is not
 * billed by its campaign either, nor what a campaign delivered above by its account.
 */
export function billed(statuses: readonly PacingStatus[]): BilledStatus[] {
  const overs = oversOf(statuses);
  return statuses.map((status) => {
    const over = overs.get(status) ?? 0n;
    const billedNanos = status.budgetNanos === null ? null : (BigInt(status.actualNanos) - over).toString();
    return { ...status, billedNanos, overDeliveredNanos: over.toString() };
  });
}

/** What was delivered above by those that did, and by the levels above them. */
function oversOf(statuses: readonly PacingStatus[]): ReadonlyMap<PacingStatus, bigint> {
  const overs = new Map<PacingStatus, bigint>();
  // Late bills are rare: mostly there is nothing to do.
  if (statuses.every(({ overNanos }) => overNanos === '0')) return overs;
  const byKey = new Map(statuses.map((status) => [`${status.level}:${status.id}`, status]));
  const ofChildren = new Map<PacingStatus, bigint>();
  for (const level of ['line_item', 'campaign', 'account'] as const) {
    for (const status of statuses) {
      if (status.level !== level) continue;
      const [own, below, actual] = [BigInt(status.overNanos), ofChildren.get(status) ?? 0n, BigInt(status.actualNanos)];
      const most = own > below ? own : below;
      const over = most < actual ? most : actual;
      overs.set(status, over);
      const parent = parentOf(status, byKey);
      // What was delivered above in a longer period is no part of a day.
      if (parent !== undefined && status.fromMs >= parent.fromMs)
        ofChildren.set(parent, (ofChildren.get(parent) ?? 0n) + over);
    }
  }
  return overs;
}

/** The next level above with a budget. */
function parentOf(status: PacingStatus, byKey: ReadonlyMap<string, PacingStatus>): PacingStatus | undefined {
  if (status.level === 'account') return undefined;
  const campaign = status.level === 'line_item' ? byKey.get(`campaign:${status.campaignId}`) : undefined;
  return campaign ?? byKey.get(`account:${status.advertiserId}`);
}
