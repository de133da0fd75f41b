import type { Advertiser, Campaign, LineItem } from '../../core/campaign.ts';
import type { ReadyCreative } from '../creative/compile.ts';
import type { TermPair } from '../match/termindex.ts';
import type { ReadyCaps } from '../users/caps.ts';
import type { Offer } from '../value/goal.ts';

/** A line item as the auction sees it: everything it needs in one place. */
export interface Line {
  readonly slot: number;
  /** Ids of what follows: those objects come in many shapes, which makes a property of theirs dear. */
  readonly lineItemId: number;
  readonly campaignId: number;
  readonly advertiserId: number;
  readonly item: LineItem;
  readonly campaign: Campaign;
  readonly advertiser: Advertiser;
  /** Start and end of bidding: the narrower of the flights. */
  readonly startMs: number;
  readonly endMs: number;
  readonly creatives: readonly ReadyCreative[];
  readonly terms: readonly TermPair[];
  /** Allowed hours as 24 bits per ISO weekday (1–7), null when all are. */
  readonly hours: Int32Array | null;
  /** Circles it is narrowed to, see `compileCircles`; empty for anywhere. */
  readonly circles: Float64Array;
  /** Deals it asks for; empty for the open auction. */
  readonly deals: readonly string[];
  /** Frequency caps, null when there are none. */
  readonly caps: ReadyCaps | null;
  /** What its value is reckoned from. */
  readonly offer: Offer;
}

/** Compiles day-parting into 24 bits per ISO weekday. */
export function allowedHours(item: LineItem): Int32Array | null {
  const dayparting = item.targeting.dayparting;
  if (dayparting === null) return null;
  const hours = new Int32Array(8);
  for (const slot of dayparting.slots) {
    for (const day of slot.days) {
      for (let hour = slot.fromHour; hour < slot.toHour; hour++) hours[day] = hours[day]! | (1 << hour);
    }
  }
  const everyHour = (1 << 24) - 1;
  return hours.every((allowed, day) => day === 0 || allowed === everyHour) ? null : hours;
}
