import type { LoggedEvent } from './event.ts';
import type { Nanos } from './money.ts';
import type { BidToken } from './token.ts';

/** What an event costs. `note` says where the price did not come from the notice as it was. */
export interface Bill {
  /** It is the event this bid is billed by. */
  readonly billing: boolean;
  readonly nanos: Nanos;
  readonly note: '' | 'over_cap' | 'price_missing';
}

const notBilled: Bill = { billing: false, nanos: 0, note: '' };

/**
 * What an accepted event of a bid costs: the clearing price, never more than the cap it was bid with. A billing event
 * without a readable price is billed at the cap, because the exchange will bill something and budgets must hold.
 * Test bids cost nothing. Ledgers and ingest share this, so that credit and spend agree.
 */
export function billOf(
  token: Pick<BidToken, 'billingEvent' | 'capNanos' | 'test'>,
  event: Pick<LoggedEvent, 'type' | 'priceNanos'>,
): Bill {
  if (token.test || event.type !== token.billingEvent) return notBilled;
  if (event.priceNanos === null) return { billing: true, nanos: token.capNanos, note: 'price_missing' };
  if (event.priceNanos > token.capNanos) return { billing: true, nanos: token.capNanos, note: 'over_cap' };
  return { billing: true, nanos: event.priceNanos, note: '' };
}
