import type { LineItem } from '../../core/campaign.ts';
import type { LoggedEvent } from '../../core/event.ts';
import type { BidToken } from '../../core/token.ts';
import { readUserHex } from '../privacy/userhash.ts';
import { createCapPlan } from './caps.ts';
import { type CapTable, createCapTable } from './captable.ts';
import { bidIdWords, createRecentIds } from './recentids.ts';

export interface CapStoreOptions {
  /** Buckets of 128 bytes and 7 counters, a power of two. Default 131,072: 16 MiB, 917,504 counters. */
  readonly buckets?: number;
  /** Bids whose repeated impression beacon is recognised, at least. Default 200,000. */
  readonly recentBids?: number;
}

export interface CapStats {
  /** Impressions counted, impressions recognised as repeated, live counters given up for room. */
  readonly counted: number;
  readonly repeated: number;
  readonly givenUp: number;
}

/**
 * The counts behind frequency caps, held by the thread that follows the `events` topic. All nodes follow the whole
 * topic, so every node counts all impressions of a user.
 */
export interface CapStore {
  /** Hand it to the bid threads. */
  readonly table: CapTable;
  setLineItem(item: LineItem): void;
  deleteLineItem(id: number): void;
  /** Counts an impression event whose token was verified; anything else, test bids and unknown users are passed over. */
  observe(event: Pick<LoggedEvent, 'type' | 'atMs'>, token: BidToken): void;
  stats(): CapStats;
}

export function createCapStore(options: CapStoreOptions = {}): CapStore {
  const table = createCapTable(options.buckets ?? 131_072);
  const plan = createCapPlan();
  const recent = createRecentIds(options.recentBids ?? 200_000);
  const user = new Uint32Array(2);
  const words = new Int32Array(2);
  const stats = { counted: 0, repeated: 0, givenUp: 0 };

  return {
    table,
    setLineItem: (item) => plan.set(item),
    deleteLineItem: (id) => plan.delete(id),
    observe(event, token) {
      if (event.type !== 'impression' || token.test || !readUserHex(token.user, user)) return;
      bidIdWords(token.bidId, words);
      if (!recent.add(words[0]!, words[1]!)) {
        stats.repeated++;
        return;
      }
      stats.counted++;
      stats.givenUp += plan.count(table, user, token, Math.floor(event.atMs / 1000));
    },
    stats: () => ({ ...stats }),
  };
}
