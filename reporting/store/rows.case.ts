import type { BidToken } from '../../core/token.ts';
import type { BidStatsRow, EventRow } from './rows.ts';

const AT_MS = Date.UTC(2026, 2, 29, 0, 0, 0);

interface EventRowParts extends Partial<EventRow> {
  readonly bidAtMs?: number;
  readonly campaignId?: number;
  readonly country?: string;
  readonly user?: number;
}

/** An accepted bill of a bid, with what a test cares about. */
export function eventRow(parts: EventRowParts): EventRow {
  const { bidAtMs = AT_MS, campaignId = 2, country = 'DEU', user = 0, ...rest } = parts;
  const token: BidToken = {
    bidId: '0000000a0000000000000001',
    bidAtMs,
    capNanos: 1000,
    advertiserId: 1,
    campaignId,
    lineItemId: 3,
    creativeId: 4,
    billingEvent: 'bill',
    test: false,
    user: user === 0 ? '' : user.toString(16).padStart(16, '0'),
    exchange: 'demo',
    dealId: '',
    domain: "o'hara.example",
    country,
    region: 'BE',
    os: 'ios',
    deviceType: 4,
    mtype: 1,
    w: 300,
    h: 250,
  };
  return {
    partition: 0,
    offset: 0,
    appendedMs: bidAtMs + 1000,
    atMs: bidAtMs + 900,
    timeMs: bidAtMs,
    type: 'bill',
    status: 'accepted',
    reason: '',
    late: false,
    claimed: false,
    eventId: '0'.repeat(24),
    token,
    advertiserId: 0,
    priceNanos: 0,
    billing: false,
    billedNanos: 0,
    lossCode: 0,
    minToWinNanos: 0,
    ip: '192.0.2.0',
    ua: 'Mozilla/5.0 "quoted" \\ \n',
    detail: '',
    orderId: '',
    attribution: '',
    valueMicros: 0,
    currency: '',
    raw: '',
    ...rest,
  };
}

/** A row of bid counters, with what a test cares about. */
export function bidStatsRow(parts: Partial<BidStatsRow>): BidStatsRow {
  const fromMs = parts.fromMs ?? AT_MS;
  return {
    partition: 0,
    offset: 0,
    appendedMs: fromMs + 1000,
    fromMs,
    toMs: fromMs + 1000,
    status: 'accepted',
    node: '0000000a',
    sequence: 1,
    kind: 'request',
    advertiserId: 0,
    campaignId: 0,
    lineItemId: 0,
    reason: '',
    requests: 0,
    answered: 0,
    errors: 0,
    matched: 0,
    bids: 0,
    bidNanos: 0,
    valueNanos: 0,
    noBids: 0,
    p50Us: 0,
    p99Us: 0,
    p999Us: 0,
    maxUs: 0,
    raw: '',
    ...parts,
  };
}
