import { billOf } from '../../core/billing.ts';
import { eventId, type LoggedEvent, loggedEventSchema } from '../../core/event.ts';
import type { LogRecord } from '../../core/eventlog.ts';
import { type BidToken, readToken, type TokenKey } from '../../core/token.ts';
import type { EventRow, RowStatus } from '../store/rows.ts';
import { type Touches, touchOf, type WindowsOf } from './attribution.ts';
import type { Claims } from './claims.ts';
import { fingerprint } from './fingerprint.ts';

/** Why a record was not accepted; for accepted ones, what was unusual about the price. */
export const eventReasons = {
  undecodable: 'The record is not an event as the contract defines it.',
  past_horizon: 'It reached the log so long after its bid that a duplicate could not be recognised.',
  no_token: 'Only a conversion may come without a token.',
  malformed_token: 'The token cannot be read.',
  forged: 'The token was not signed by one of our keys.',
  from_future: 'It happened before its bid.',
  expired: 'It happened after the token had expired.',
  test_bid: 'The bid was a test: answered, never counted.',
  unattributed: 'A conversion of nobody who saw or clicked one of the advertiser’s ads in time.',
  wrong_advertiser: 'A conversion of another advertiser than the click’s.',
  duplicate: 'The same event was received before.',
  over_cap: 'Accepted; the price was above what was bid, so the bid was billed.',
  price_missing: 'Accepted; the notice brought no price, so the bid was billed.',
} as const;
export type EventReason = keyof typeof eventReasons;

/** What is known of a bid from its earlier events. */
export interface Evidence {
  /** Its impression was counted, or its billing notice, which exchanges send when the ad is rendered. */
  shown(): boolean;
}

/** Judges the traffic an event came from. The answer depends on the event and what was judged before. */
export interface TrafficScorer {
  /** @returns a reason (a stable code) when the event must not count, or null */
  judge(event: LoggedEvent, token: BidToken, evidence: Evidence): string | null;
  /** A duplicate: it counts nothing whatever it is, but where it came from tells of its bid. */
  repeated(event: LoggedEvent, token: BidToken): void;
}

/** How events are judged. Part of the data's meaning: a replay with the same values gives the same answer. */
export interface DecideConfig {
  readonly tokenKeys: readonly TokenKey[];
  /** An event later than this after its bid is `expired`, milliseconds. */
  readonly tokenLifetimeMs: number;
  /** The same for conversions of clicks. */
  readonly conversionLifetimeMs: number;
  /** A record appended later than this after its bid is quarantined. */
  readonly horizonMs: number;
  readonly scorer: TrafficScorer | null;
  readonly windowsOf: WindowsOf;
}

/** How far before its bid an event may seem to be, for clocks that differ. */
const MAX_SKEW_MS = 300_000;
const LATE_MS = 3_600_000;
/** The highest time ClickHouse's DateTime holds. */
const MAX_TIME_MS = 4_294_967_295_000;

/**
 * What becomes of one record of the `events` topic. A pure function of the claims (which it extends) and the record.
 * Every record gives exactly one row.
 */
export function decideEvent(
  claims: Claims,
  record: LogRecord,
  partition: number,
  config: DecideConfig,
  touches: Touches = [],
): EventRow {
  const nowMs = claims.advance(record.appendedMs);
  const event = decode(record.value);
  if (event === null) return undecodable(record, partition);
  const row = undecided(record, partition, event);
  if (event.token === '') {
    return event.type === 'conversion' ? attribute(claims, row, event, touches, config) : refuse(row, 'no_token');
  }
  const token = readToken(event.token, config.tokenKeys);
  if (token === 'malformed') return refuse(row, 'malformed_token');
  if (token === 'forged') return refuse(row, 'forged');
  const booked: EventRow = {
    ...row,
    token,
    timeMs: Math.min(token.bidAtMs, MAX_TIME_MS),
    late: event.atMs - token.bidAtMs > LATE_MS,
  };
  const refusal = refusalOf(event, token, config);
  if (refusal !== null) return refuse(booked, refusal);
  if (event.type !== 'conversion' && nowMs - token.bidAtMs > config.horizonMs) {
    return { ...booked, status: 'quarantined', reason: 'past_horizon', raw: rawText(record.value) };
  }
  return judge(claims, booked, event, token, config);
}

/** A conversion of a user without a click id: it belongs to what the user clicked, or else saw, or to nobody. */
function attribute(
  claims: Claims,
  row: EventRow,
  event: LoggedEvent,
  touches: Touches,
  config: DecideConfig,
): EventRow {
  const touch = touchOf(event, touches, config.windowsOf);
  if (touch === null) return refuse(row, 'unattributed');
  const { token } = touch;
  const id = fingerprint(eventId(event, token.bidId));
  const booked: EventRow = {
    ...row,
    token,
    eventId: id,
    timeMs: Math.min(token.bidAtMs, MAX_TIME_MS),
    late: event.atMs - token.bidAtMs > LATE_MS,
  };
  if (!claims.takeConversion(id, row.appendedMs)) return { ...booked, status: 'duplicate', reason: 'duplicate' };
  return { ...booked, status: 'accepted', claimed: true, attribution: touch.click ? 'click' : 'view' };
}

function judge(claims: Claims, row: EventRow, event: LoggedEvent, token: BidToken, config: DecideConfig): EventRow {
  const id = fingerprint(eventId(event, token.bidId));
  const fresh =
    event.type === 'conversion' ? claims.takeConversion(id, row.appendedMs) : claims.take(id, token.bidAtMs);
  if (!fresh) {
    config.scorer?.repeated(event, token);
    return { ...row, eventId: id, status: 'duplicate', reason: 'duplicate' };
  }
  const held = { ...row, eventId: id, claimed: true };
  const traffic = config.scorer?.judge(event, token, evidenceOf(claims, token)) ?? null;
  if (traffic !== null) return refuse(held, traffic);
  const bill = billOf(token, event);
  return {
    ...held,
    status: 'accepted',
    reason: bill.note,
    billing: bill.billing,
    billedNanos: bill.nanos,
    attribution: event.type === 'conversion' ? 'click' : '',
  };
}

function evidenceOf(claims: Claims, token: BidToken): Evidence {
  const has = (type: 'bill' | 'impression'): boolean =>
    claims.has(fingerprint(eventId({ type, detail: '', conversion: null }, token.bidId)), token.bidAtMs);
  return { shown: () => has('impression') || has('bill') };
}

function refusalOf(event: LoggedEvent, token: BidToken, config: DecideConfig): EventReason | null {
  const ageMs = event.atMs - token.bidAtMs;
  if (ageMs < -MAX_SKEW_MS) return 'from_future';
  if (ageMs > (event.type === 'conversion' ? config.conversionLifetimeMs : config.tokenLifetimeMs)) return 'expired';
  if (token.test) return 'test_bid';
  if (event.type === 'conversion' && ageMs > config.windowsOf(token.lineItemId).clickMs) return 'unattributed';
  const advertiser = event.conversion?.advertiserId ?? 0;
  return advertiser !== 0 && advertiser !== token.advertiserId ? 'wrong_advertiser' : null;
}

function refuse(row: EventRow, reason: string): EventRow {
  return { ...row, status: 'invalid', reason };
}

function decode(value: Buffer | null): LoggedEvent | null {
  if (value === null) return null;
  try {
    const parsed = loggedEventSchema.safeParse(JSON.parse(value.toString('utf8')));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

function undecided(record: LogRecord, partition: number, event: LoggedEvent): EventRow {
  return {
    partition,
    offset: record.offset,
    appendedMs: record.appendedMs,
    atMs: event.atMs,
    timeMs: Math.min(event.atMs, MAX_TIME_MS),
    type: event.type,
    status: 'invalid' satisfies RowStatus,
    reason: '',
    late: false,
    claimed: false,
    eventId: '',
    token: null,
    advertiserId: event.conversion?.advertiserId ?? 0,
    priceNanos: event.priceNanos ?? 0,
    billing: false,
    billedNanos: 0,
    lossCode: event.lossCode ?? 0,
    minToWinNanos: event.minToWinNanos ?? 0,
    ip: event.ip,
    ua: event.ua,
    detail: event.detail,
    orderId: event.conversion?.orderId ?? '',
    attribution: '',
    valueMicros: event.conversion?.valueMicros ?? 0,
    currency: event.conversion?.currency ?? '',
    raw: '',
  };
}

function undecodable(record: LogRecord, partition: number): EventRow {
  const nothing = loggedEventSchema.parse({ v: 1, type: 'loss', token: '', atMs: Math.trunc(record.appendedMs) });
  return {
    ...undecided(record, partition, nothing),
    type: '',
    status: 'quarantined',
    reason: 'undecodable',
    raw: rawText(record.value),
  };
}

/** The record as text; what is not UTF-8 as base64 with a prefix. */
function rawText(value: Buffer | null): string {
  if (value === null) return '';
  const text = value.toString('utf8');
  return Buffer.from(text, 'utf8').equals(value) ? text : `base64:${value.toString('base64')}`;
}
