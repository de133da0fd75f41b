import type { BidToken } from '../../core/token.ts';

/** What became of a received record. Their counts add up to what was received. */
export const rowStatuses = ['accepted', 'duplicate', 'invalid', 'quarantined'] as const;
export type RowStatus = (typeof rowStatuses)[number];

/** Where a row stands in the log. A row's position is what ingest resumes from. */
export interface Position {
  readonly partition: number;
  readonly offset: number;
  readonly appendedMs: number;
}

/** One record of the `events` topic, decided. */
export interface EventRow extends Position {
  readonly atMs: number;
  /** The time it is booked to: of the bid, or of the event when no bid is known. */
  readonly timeMs: number;
  readonly type: string;
  readonly status: RowStatus;
  readonly reason: string;
  readonly late: boolean;
  /** It holds its event id: the same id again is a duplicate. */
  readonly claimed: boolean;
  /** 24 hex digits of a hash of the event id. */
  readonly eventId: string;
  readonly token: BidToken | null;
  /** Who a conversion without a token belongs to; 0 otherwise. */
  readonly advertiserId: number;
  readonly priceNanos: number;
  /** It is the event its bid is billed by, and accepted. */
  readonly billing: boolean;
  readonly billedNanos: number;
  readonly lossCode: number;
  readonly minToWinNanos: number;
  readonly ip: string;
  readonly ua: string;
  readonly detail: string;
  readonly orderId: string;
  /** click, view or '' . */
  readonly attribution: string;
  readonly valueMicros: number;
  readonly currency: string;
  /** The record as it was, kept for quarantined ones. */
  readonly raw: string;
}

export const eventColumns = [
  'partition',
  'offset',
  'block_day',
  'appended_ms',
  'at_ms',
  'time_ms',
  'type',
  'status',
  'reason',
  'late',
  'claimed',
  'event_id',
  'bid_id',
  'node',
  'advertiser_id',
  'campaign_id',
  'line_item_id',
  'creative_id',
  'exchange',
  'deal',
  'domain',
  'country',
  'region',
  'os',
  'device_type',
  'mtype',
  'w',
  'h',
  'user',
  'price_nanos',
  'billing',
  'billed_nanos',
  'loss_code',
  'min_to_win_nanos',
  'ip',
  'ua',
  'detail',
  'order_id',
  'attribution',
  'value_micros',
  'currency',
  'raw',
] as const;

type Cell = string | number;

/** A row as the values of `eventColumns`. @param day the block's `block_day` */
export function eventValues(row: EventRow, day: string): Cell[] {
  return [
    row.partition,
    row.offset,
    day,
    Math.trunc(row.appendedMs),
    row.atMs,
    row.timeMs,
    row.type,
    row.status,
    row.reason,
    row.late ? 1 : 0,
    row.claimed ? 1 : 0,
    row.eventId,
    ...tokenValues(row.token, row.advertiserId),
    row.priceNanos,
    row.billing ? 1 : 0,
    row.billedNanos,
    row.lossCode,
    row.minToWinNanos,
    row.ip,
    row.ua,
    row.detail,
    row.orderId,
    row.attribution,
    row.valueMicros,
    row.currency,
    row.raw,
  ];
}

const noToken = ['', '', 0, 0, 0, 0, '', '', '', '', '', '', 0, 0, 0, 0, '0'] as const;

function tokenValues(token: BidToken | null, advertiserId: number): readonly Cell[] {
  if (token === null) return advertiserId === 0 ? noToken : ['', '', advertiserId, ...noToken.slice(3)];
  return [
    token.bidId,
    token.bidId.slice(0, 8),
    token.advertiserId,
    token.campaignId,
    token.lineItemId,
    token.creativeId,
    token.exchange,
    token.dealId,
    token.domain,
    token.country,
    token.region,
    token.os,
    token.deviceType,
    token.mtype,
    token.w,
    token.h,
    token.user === '' ? '0' : BigInt(`0x${token.user}`).toString(),
  ];
}

/** One row of a `bidstats` record. `kind`: request, no_bid, line_item, reason; or '' for a record that does not count. */
export interface BidStatsRow extends Position {
  readonly fromMs: number;
  readonly toMs: number;
  readonly status: RowStatus;
  readonly node: string;
  readonly sequence: number;
  readonly kind: '' | 'request' | 'no_bid' | 'line_item' | 'reason';
  readonly advertiserId: number;
  readonly campaignId: number;
  readonly lineItemId: number;
  readonly reason: string;
  readonly requests: number;
  readonly answered: number;
  readonly errors: number;
  readonly matched: number;
  readonly bids: number;
  readonly bidNanos: number;
  readonly valueNanos: number;
  readonly noBids: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly maxUs: number;
  readonly raw: string;
}

export const bidStatsColumns = [
  'partition',
  'offset',
  'block_day',
  'appended_ms',
  'from_ms',
  'to_ms',
  'status',
  'node',
  'sequence',
  'kind',
  'advertiser_id',
  'campaign_id',
  'line_item_id',
  'reason',
  'requests',
  'answered',
  'errors',
  'matched',
  'bids',
  'bid_nanos',
  'value_nanos',
  'no_bids',
  'p50_us',
  'p99_us',
  'p999_us',
  'max_us',
  'raw',
] as const;

/** A row as the values of `bidStatsColumns`. */
export function bidStatsValues(row: BidStatsRow, day: string): Cell[] {
  return [
    row.partition,
    row.offset,
    day,
    Math.trunc(row.appendedMs),
    row.fromMs,
    row.toMs,
    row.status,
    row.node,
    row.sequence,
    row.kind,
    row.advertiserId,
    row.campaignId,
    row.lineItemId,
    row.reason,
    row.requests,
    row.answered,
    row.errors,
    row.matched,
    row.bids,
    row.bidNanos,
    row.valueNanos,
    row.noBids,
    row.p50Us,
    row.p99Us,
    row.p999Us,
    row.maxUs,
    row.raw,
  ];
}
