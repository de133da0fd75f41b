/** Accepted, billed spend of one line item through one node, for bids made in one bucket of time. */
export interface SpendRow {
  readonly advertiserId: number;
  readonly campaignId: number;
  readonly lineItemId: number;
  /** Node incarnation, eight hex digits. */
  readonly node: string;
  /** Start of the bucket the bid was made in, milliseconds since the epoch. */
  readonly bucketMs: number;
  readonly billedNanos: bigint;
  readonly bills: number;
  readonly wins: number;
  readonly impressions: number;
  readonly clicks: number;
  readonly conversions: number;
}

/** Where the pacer learns what was really spent. Implemented over ClickHouse, and over the log for when it is down. */
export interface SpendSource {
  /**
   * @param bucketMs size of the buckets, a multiple of 10,000
   * @returns rows for bids made in [fromMs, toMs), both multiples of `bucketMs`; rejects when the source is down
   */
  spend(fromMs: number, toMs: number, bucketMs: number): Promise<readonly SpendRow[]>;
}
