import { z } from 'zod';
import { MAX_EVENT_NANOS } from './money.ts';
import { MAX_TOKEN_CHARS } from './token.ts';

/** What can happen to a bid. `video` is a playback milestone named by `detail`. */
export const eventTypes = ['win', 'bill', 'loss', 'impression', 'click', 'conversion', 'video'] as const;
export type EventType = (typeof eventTypes)[number];

/**
 * One notice or beacon as it was received: a value of the `events` topic. The signed token says what the bid was; the
 * rest is what the caller claimed. Ingest decides whether it counts, from this and nothing else, so that a replay of
 * the log gives the same answer.
 */
export const loggedEventSchema = z.strictObject({
  v: z.literal(1),
  type: z.enum(eventTypes),
  /** '' only for a conversion without a click id. */
  token: z.string().max(MAX_TOKEN_CHARS),
  /** When we received it, milliseconds since the epoch. */
  atMs: z.int().min(0),
  /** Clearing price of one impression; null when the notice brought none or it could not be read. */
  priceNanos: z.int().min(0).max(MAX_EVENT_NANOS).nullable().default(null),
  /** `${AUCTION_LOSS}`, OpenRTB loss reason code. */
  lossCode: z.int().min(0).max(100_000).nullable().default(null),
  /** `${AUCTION_MIN_TO_WIN}` as the nanos of one impression. */
  minToWinNanos: z.int().min(0).max(MAX_EVENT_NANOS).nullable().default(null),
  /** The caller's address; truncated (IPv4 /24, IPv6 /48) when privacy asks for it; '' when unknown. */
  ip: z.string().max(64).default(''),
  ua: z.string().max(512).default(''),
  /** Video: start, firstQuartile, midpoint, thirdQuartile, complete. Conversion: its type. */
  detail: z.string().max(64).default(''),
  conversion: z
    .strictObject({
      advertiserId: z.int().min(0),
      /** The same user hash as in tokens, for attribution without a click id; '' when unknown. */
      user: z.string().max(16),
      orderId: z.string().max(128),
      valueMicros: z.int().min(0),
      currency: z.string().max(3),
    })
    .nullable()
    .default(null),
});
export type LoggedEvent = z.infer<typeof loggedEventSchema>;

/**
 * The deterministic identity of an event: the same beacon received again, anywhere, has the same id.
 * A conversion is one order of one advertiser; without an order id, one per click and conversion type.
 */
export function eventId(event: Pick<LoggedEvent, 'type' | 'detail' | 'conversion'>, bidId: string): string {
  const order = event.conversion?.orderId ?? '';
  if (event.type === 'conversion' && order !== '') return `conversion:${event.conversion?.advertiserId}:${order}`;
  return event.detail === '' ? `${bidId}:${event.type}` : `${bidId}:${event.type}:${event.detail}`;
}

/**
 * The key under which an event is appended: events that can be duplicates of each other share it, and so a partition.
 * The bid id, except for conversions with an order id, where another click of the same order is the same event.
 */
export function eventKey(event: Pick<LoggedEvent, 'type' | 'detail' | 'conversion'>, bidId: string): string {
  return event.type === 'conversion' && event.conversion !== null && event.conversion.orderId !== ''
    ? `${event.conversion.advertiserId}:${event.conversion.orderId}`
    : bidId;
}
