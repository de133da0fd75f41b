import type { Random } from './random.ts';

/**
 * Entities of the model (advertiser, campaign, line item, creative) have integer ids in [1, 2^31). They fit a varint in
 * a token, a UInt32 column and an index slot; on the wire (`cid`, `crid`) they are decimal strings.
 */
export const MAX_ENTITY_ID = 2 ** 31 - 1;

/** Bytes of a bid id: 4 of the node incarnation, 4 of the thread and second, 4 of a counter. */
export const BID_ID_BYTES = 12;
export const BID_ID_WORDS = 3;

/**
 * The identity of one run of one bidder process. Every start draws a new one: what an earlier run left reserved is
 * reclaimed by expiry, never taken over, so a restarted process can not count on what it no longer knows.
 * Unsigned 32-bit, never 0.
 */
export function newNodeIncarnation(random: Random): number {
  return random.nextUint32() || 1;
}

/** The node incarnation as it is written in messages and labels: eight hex digits. */
export function nodeName(incarnation: number): string {
  return incarnation.toString(16).padStart(8, '0');
}
