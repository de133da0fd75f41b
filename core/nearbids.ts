/** Bids of our own line items that are apart by no more than this share of the dearer one count as equal. */
export const NEAR = 0.05;

/**
 * What our own line items are ranked by in an auction: the bid, less up to `NEAR` of it by lot. Who bids almost the same
 * shares the impressions; by the bid alone, the highest would get all of them, and small campaigns would be served in turns.
 * @param nanos the bid
 * @param lot between 0 (lucky) and 1, of this line item in this auction
 */
export function rankOf(nanos: number, lot: number): number {
  return nanos * (1 - NEAR * lot);
}
