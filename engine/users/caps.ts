import type { FrequencyCap, LineItem } from '../../core/campaign.ts';
import { addCount, type CapKey, type CapTable, capKey, LIFETIME_SECONDS, readCount } from './captable.ts';

const scopes = ['campaign', 'line_item', 'creative'] as const;
const periods = ['minute', 'hour', 'day', 'lifetime'] as const;
/** A window starts with the user's first impression and lasts this long; no clock or zone decides when it turns. */
const PERIOD_SECONDS = [60, 3600, 86_400, LIFETIME_SECONDS] as const;
const LIFETIME = 3;

/** The caps of one line item, ready for the bid path: kind (scope and period) and limit in turn. */
export interface ReadyCaps {
  /** Caps on the campaign and the line item. */
  readonly line: Int32Array;
  /** Caps on each creative. */
  readonly creative: Int32Array;
}

/** @returns null when the line item has no caps */
export function compileCaps(item: LineItem): ReadyCaps | null {
  if (item.frequencyCaps.length === 0) return null;
  const flat = (caps: readonly FrequencyCap[]): Int32Array =>
    Int32Array.from(caps.flatMap((cap) => [kindOf(cap), cap.impressions]));
  return {
    line: flat(item.frequencyCaps.filter((cap) => cap.scope !== 'creative')),
    creative: flat(item.frequencyCaps.filter((cap) => cap.scope === 'creative')),
  };
}

/**
 * Whether the user has seen enough of a line item or its campaign. About 50 ns a cap.
 * @param before the same user by the salt before, whose impressions count too; null without one
 * @param pending impressions of the line item that this very request has already bid on; of the campaign, likewise
 */
export function isLineCapped(
  table: CapTable,
  caps: ReadyCaps,
  user: Uint32Array,
  before: Uint32Array | null,
  item: { readonly id: number; readonly campaignId: number },
  pending: { readonly line: number; readonly campaign: number },
  nowSeconds: number,
): boolean {
  const { line } = caps;
  for (let i = 0; i < line.length; i += 2) {
    const kind = line[i]!;
    const ofCampaign = kind < 4;
    const seen = seenBy(table, user, before, kind, ofCampaign ? item.campaignId : item.id, nowSeconds);
    if (seen + (ofCampaign ? pending.campaign : pending.line) >= line[i + 1]!) return true;
  }
  return false;
}

/** The same for one creative. */
export function isCreativeCapped(
  table: CapTable,
  caps: ReadyCaps,
  user: Uint32Array,
  before: Uint32Array | null,
  creativeId: number,
  pending: number,
  nowSeconds: number,
): boolean {
  const { creative } = caps;
  for (let i = 0; i < creative.length; i += 2) {
    if (seenBy(table, user, before, creative[i]!, creativeId, nowSeconds) + pending >= creative[i + 1]!) return true;
  }
  return false;
}

function seenBy(
  table: CapTable,
  user: Uint32Array,
  before: Uint32Array | null,
  kind: number,
  id: number,
  nowSeconds: number,
): number {
  capKey(user[0]!, user[1]!, kind, id, key);
  const count = readCount(table, key, nowSeconds);
  if (before === null) return count;
  capKey(before[0]!, before[1]!, kind, id, key);
  return count + readCount(table, key, nowSeconds);
}
const key: CapKey = { a: 0, b: 0 };

/** Which counters an impression moves: those that some line item's cap will ask for. Held by the counting thread. */
export interface CapPlan {
  set(item: LineItem): void;
  delete(lineItemId: number): void;
  /** Counts one impression of a user wherever a cap asks for it. @returns counters given up for it */
  count(table: CapTable, user: Uint32Array, shown: ShownAd, atSeconds: number): number;
}

export interface ShownAd {
  readonly campaignId: number;
  readonly lineItemId: number;
  readonly creativeId: number;
}

export function createCapPlan(): CapPlan {
  const items = new Map<number, LineItem>();
  // A line item's campaign caps concern the impressions of all line items of the campaign.
  const campaignKinds = new Map<number, Map<number, number>>();

  const shift = (item: LineItem, by: 1 | -1): void => {
    for (const cap of item.frequencyCaps) {
      if (cap.scope !== 'campaign') continue;
      const kinds = campaignKinds.get(item.campaignId) ?? new Map<number, number>();
      const users = (kinds.get(kindOf(cap)) ?? 0) + by;
      if (users > 0) kinds.set(kindOf(cap), users);
      else kinds.delete(kindOf(cap));
      if (kinds.size > 0) campaignKinds.set(item.campaignId, kinds);
      else campaignKinds.delete(item.campaignId);
    }
  };
  const remove = (id: number): void => {
    const before = items.get(id);
    if (before !== undefined) shift(before, -1);
    items.delete(id);
  };
  return {
    set(item) {
      remove(item.id);
      if (item.frequencyCaps.length === 0) return;
      items.set(item.id, item);
      shift(item, 1);
    },
    delete: remove,
    count(table, user, shown, atSeconds) {
      let lost = 0;
      for (const kind of campaignKinds.get(shown.campaignId)?.keys() ?? []) {
        lost += countOne(table, user, kind, shown.campaignId, atSeconds);
      }
      const seen = new Set<number>();
      for (const cap of items.get(shown.lineItemId)?.frequencyCaps ?? []) {
        const kind = kindOf(cap);
        if (cap.scope === 'campaign' || seen.has(kind)) continue;
        seen.add(kind);
        lost += countOne(table, user, kind, cap.scope === 'creative' ? shown.creativeId : shown.lineItemId, atSeconds);
      }
      return lost;
    },
  };
}

function countOne(table: CapTable, user: Uint32Array, kind: number, id: number, atSeconds: number): number {
  const period = kind & 3;
  capKey(user[0]!, user[1]!, kind, id, key);
  return addCount(table, key, atSeconds, atSeconds + PERIOD_SECONDS[period]!, period === LIFETIME);
}

/** Scope in the upper bits, period in the lower two. */
function kindOf(cap: FrequencyCap): number {
  return scopes.indexOf(cap.scope) * 4 + periods.indexOf(cap.per);
}
