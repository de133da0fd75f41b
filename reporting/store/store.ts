import type { Reports } from '../../core/report.ts';
import type { SpendSource } from '../../core/spend.ts';
import type { StoreHealth } from '../../core/storehealth.ts';
import type { BidToken } from '../../core/token.ts';
import type { Expired, Expiry } from './retention.ts';
import type { BidStatsRow, EventRow } from './rows.ts';

/**
 * Rows that become visible together or not at all: consecutive records of one log partition, or of several when one
 * process ingests all of them. The same rows with the same token are the same block, however often they are inserted.
 */
export interface Block<Row> {
  readonly rows: readonly Row[];
  /** Names the block for ever: topic and the ranges of offsets it covers. */
  readonly token: string;
}

export type StoreTable = 'events' | 'bid_stats';

/** An id that an earlier event holds. */
export interface Claim {
  /** 24 hex digits. */
  readonly eventId: string;
  /** When its bid was made. */
  readonly timeMs: number;
  readonly appendedMs: number;
}

/** An accepted click or impression, for attribution. */
export interface Touch {
  readonly click: boolean;
  readonly atMs: number;
  /** What its token said, as far as the store keeps it. */
  readonly token: BidToken;
}

export interface Audit {
  readonly rows: number;
  /** Rows of accepted events; each has an event id of its own. */
  readonly accepted: number;
  readonly billedNanos: bigint;
  /** What is wrong, in words; empty when nothing is. */
  readonly faults: readonly string[];
}

/** A table of events in the making. */
export interface Rebuild {
  /** The store with the new table for events. Its `insertEvents` fills it. */
  readonly store: Store;
  /** Copies rows as they are: from ≤ offset < to. @returns how many */
  copy(partition: number, from: number, to: number): Promise<number>;
  /** The first kept offset appended at or after a time; null when there is none. */
  offsetAt(partition: number, appendedMs: number): Promise<number | null>;
  /** Puts the new table in the place of the live one, in one step. The old one stays beside it until the next rebuild. */
  swap(): Promise<void>;
}

/** Where decided events are kept and reports are answered from. Implemented over ClickHouse. */
export interface Store extends SpendSource, Reports {
  /** Resolves when the block is there; rejects with `store_unavailable` when that is not known: insert it again. */
  insertEvents(block: Block<EventRow>): Promise<void>;
  insertBidStats(block: Block<BidStatsRow>): Promise<void>;
  /** The offset after the last one kept, per log partition; partitions without rows are absent. */
  positions(table: StoreTable): Promise<ReadonlyMap<number, number>>;
  /**
   * Ids held by events of one log partition, in chunks: of conversions appended, or of other events whose bid was made,
   * at `sinceMs` or later.
   */
  claims(
    partition: number,
    kind: 'conversions' | 'others',
    sinceMs: number,
    onChunk: (claims: readonly Claim[]) => void,
  ): Promise<void>;
  /** When the newest kept record of a partition was appended; null when it has none. */
  newestMs(table: StoreTable, partition: number): Promise<number | null>;
  /** The latest accepted clicks and impressions of users (16 hex digits each) whose bids were made since, at most 50 of each user and advertiser. */
  touches(users: readonly string[], sinceMs: number): Promise<readonly Touch[]>;
  /**
   * Takes users (16 hex digits each) out of the events, with the addresses, browsers and raw records beside
   * them; also out of the table that a replay has left. Counts and money stay.
   * @returns rows that named one of them
   */
  forget(users: readonly string[]): Promise<number>;
  /**
   * Sums up one day of the log that is over, for reports over long times, or joins the people of a week whose days are
   * summed up; also removes sums that do not count any more.
   * Any number of processes may call it at any time.
   * @param restMs how long a day is left alone after it was begun or changed; ten minutes unless told
   * @returns the day (`2026-11-22`) or what was joined (`7 days from 2026-11-16`), or null when there was none to do
   */
  rollUp(restMs?: number): Promise<string | null>;
  /** Takes away what is too old; see `Expiry`. What exactly-once counting and budgets stand on stays. */
  retain(expiry: Expiry): Promise<Expired>;
  /** The highest sequence kept of each node that was seen since. */
  bidStatsSequences(sinceMs: number): Promise<ReadonlyMap<string, number>>;
  /** Checks the data against itself: nothing missing, nothing twice, every aggregate equal to its rows. */
  audit(): Promise<Audit>;
  /** Starts a table beside the live one, to be filled and put in its place. A half-filled one is thrown away. */
  rebuild(): Promise<Rebuild>;
  /** How it is doing. Rejects with `store_unavailable` when it does not answer. */
  health(): Promise<StoreHealth>;
  /** Rejects with `store_unavailable` when it does not answer. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
