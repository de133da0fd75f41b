import { type NoBidReason, noBidReasonList } from '../../core/reasons.ts';
import type { Tally } from '../auction/auction.ts';
import type { Line } from '../catalog/line.ts';
import { createHistogram, type Histogram, recordUs } from './histogram.ts';

const reasonIndex = Object.fromEntries(noBidReasonList.map((reason, i) => [reason, i])) as Record<NoBidReason, number>;

export interface LineCounts {
  readonly lineItemId: number;
  readonly campaignId: number;
  matched: number;
  bids: number;
  bidNanos: number;
  /** What those bids were worth before shading. */
  valueNanos: number;
  /** By index of `noBidReasonList`. */
  readonly reasons: Int32Array<ArrayBuffer>;
}

/** Bid requests of one exchange. */
export interface ExchangeCounts {
  answered: number;
  errors: number;
  /** Requests without a bid, by index of `noBidReasonList`. */
  readonly noBids: Int32Array<ArrayBuffer>;
  readonly latency: Histogram;
}

/** What one bid thread counted since it last reported. Plain data: it crosses to the main thread. */
export interface ThreadCounts {
  readonly exchanges: Map<string, ExchangeCounts>;
  /** Refusals of bid requests by code: `bad_gzip`, `unknown_exchange`, … */
  readonly codes: Map<string, number>;
  /** Notices and beacons by `type outcome`. */
  readonly notices: Map<string, number>;
  /** How long events took to be durable. */
  readonly durable: Histogram;
  readonly lines: LineCounts[];
}

/** Counters of one bid thread. */
export interface Counters extends Tally {
  answered(exchange: string, latencyUs: number): void;
  noBid(exchange: string, reason: NoBidReason, latencyUs: number): void;
  /** A bid request answered 4xx or 5xx. @param exchange a known one; others are counted together */
  error(exchange: string, code: string): void;
  notice(type: string, outcome: string): void;
  durable(us: number): void;
  /** What was counted since the last call. */
  take(): ThreadCounts;
}

/** The name under which requests for exchanges we do not know are counted. */
export const UNKNOWN_EXCHANGE = 'unknown';

function emptyCounts(): ThreadCounts {
  return { exchanges: new Map(), codes: new Map(), notices: new Map(), durable: createHistogram(), lines: [] };
}

export function createCounters(): Counters {
  let counts = emptyCounts();
  const bySlot: (LineCounts | undefined)[] = [];
  let slots: number[] = [];
  let weight = 1;

  function exchangeOf(name: string): ExchangeCounts {
    let found = counts.exchanges.get(name);
    if (found === undefined) {
      const noBids = new Int32Array(noBidReasonList.length);
      found = { answered: 0, errors: 0, noBids, latency: createHistogram() };
      counts.exchanges.set(name, found);
    }
    return found;
  }

  function lineOf(line: Line): LineCounts {
    const { slot } = line;
    // Without holes, whatever slot comes first: an array with holes is a hash table.
    while (bySlot.length <= slot) bySlot.push(undefined);
    let found = bySlot[slot];
    if (found === undefined || found.lineItemId !== line.item.id) {
      const reasons = new Int32Array(noBidReasonList.length);
      const { id: lineItemId } = line.item;
      found = { lineItemId, campaignId: line.campaign.id, matched: 0, bids: 0, bidNanos: 0, valueNanos: 0, reasons };
      bySlot[slot] = found;
      slots.push(slot);
      counts.lines.push(found);
    }
    return found;
  }

  return {
    answered(exchange, latencyUs) {
      const found = exchangeOf(exchange);
      found.answered++;
      recordUs(found.latency, latencyUs);
    },
    noBid(exchange, reason, latencyUs) {
      const found = exchangeOf(exchange);
      increment(found.noBids, reasonIndex[reason]);
      recordUs(found.latency, latencyUs);
    },
    error(exchange, code) {
      exchangeOf(exchange).errors++;
      counts.codes.set(code, (counts.codes.get(code) ?? 0) + 1);
    },
    notice(type, outcome) {
      const key = `${type} ${outcome}`;
      counts.notices.set(key, (counts.notices.get(key) ?? 0) + 1);
    },
    durable(us) {
      recordUs(counts.durable, us);
    },
    weigh(impressions) {
      weight = impressions;
    },
    matched(line) {
      if (weight > 0) lineOf(line).matched += weight;
    },
    refused(line, reason) {
      if (weight === 0) return;
      const { reasons } = lineOf(line);
      const at = reasonIndex[reason];
      reasons[at] = reasons[at]! + weight;
    },
    bid(line, nanos, valueNanos) {
      const found = lineOf(line);
      found.bids++;
      found.bidNanos += nanos;
      found.valueNanos += valueNanos;
    },
    take() {
      const taken = counts;
      counts = emptyCounts();
      for (const slot of slots) bySlot[slot] = undefined;
      slots = [];
      return taken;
    },
  };
}

function increment(counts: Int32Array, at: number): void {
  counts[at] = counts[at]! + 1;
}
