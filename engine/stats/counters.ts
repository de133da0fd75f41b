import { type NoBidReason, noBidReasonList } from '../../core/reasons.ts';
import type { TrafficSample } from '../../core/topics.ts';
import type { Tally } from '../auction/auction.ts';
import { createHistogram, type Histogram, recordUs } from './histogram.ts';
import { type LineCounts, SlotCounts } from './linecounts.ts';
import { createStageTimes, type StageTimes } from './stages.ts';
import { createTrafficSampler, type TrafficSampler } from './traffic.ts';

const reasonIndex = Object.fromEntries(noBidReasonList.map((reason, i) => [reason, i])) as Record<NoBidReason, number>;

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
  /** Where the time of a few requests went: by exchange, a histogram of each of `stages`. */
  readonly stages: Map<string, readonly Histogram[]>;
  readonly lines: LineCounts;
  readonly traffic: TrafficSample;
}

/** Counters of one bid thread. */
export interface Counters extends Tally {
  readonly traffic: Omit<TrafficSampler, 'take'>;
  readonly stages: Omit<StageTimes, 'take'>;
  answered(exchange: string, latencyUs: number): void;
  noBid(exchange: string, reason: NoBidReason, latencyUs: number): void;
  /** A bid request answered 4xx or 5xx. @param exchange a known one; others are counted together */
  error(exchange: string, code: string): void;
  /** A request that was answered could not be drawn. */
  drawFailed(): void;
  notice(type: string, outcome: string): void;
  durable(us: number): void;
  /** What was counted since the last call. */
  take(): ThreadCounts;
}

/** The name under which requests for exchanges we do not know are counted. */
export const UNKNOWN_EXCHANGE = 'unknown';

function emptyCounts(): Omit<ThreadCounts, 'lines' | 'stages' | 'traffic'> {
  return { exchanges: new Map(), codes: new Map(), notices: new Map(), durable: createHistogram() };
}

/** Requests that a thread draws between two reports, for estimates of traffic. */
const MAX_SAMPLED = 8;

export function createCounters(): Counters {
  const traffic = createTrafficSampler(MAX_SAMPLED);
  const stages = createStageTimes();
  let counts = emptyCounts();
  /** The exchange that was asked for last, most often the next one, too. */
  let lastName = '';
  let last: ExchangeCounts | null = null;
  const lines = new SlotCounts();
  let weight = 1;

  function exchangeOf(name: string): ExchangeCounts {
    if (last !== null && lastName === name) return last;
    let found = counts.exchanges.get(name);
    if (found === undefined) {
      const noBids = new Int32Array(noBidReasonList.length);
      found = { answered: 0, errors: 0, noBids, latency: createHistogram() };
      counts.exchanges.set(name, found);
    }
    lastName = name;
    last = found;
    return found;
  }

  return {
    traffic,
    stages,
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
    drawFailed() {
      counts.codes.set('draw_failed', (counts.codes.get('draw_failed') ?? 0) + 1);
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
      if (weight > 0) lines.table.matched(lines.rowOf(line), weight);
    },
    refused(line, reason) {
      if (weight > 0) lines.table.refused(lines.rowOf(line), reasonIndex[reason], weight);
    },
    bid(line, nanos, valueNanos) {
      lines.table.bid(lines.rowOf(line), nanos, valueNanos);
    },
    take() {
      const taken = { ...counts, stages: stages.take(), lines: lines.take(), traffic: traffic.take() };
      counts = emptyCounts();
      last = null;
      return taken;
    },
  };
}

function increment(counts: Int32Array, at: number): void {
  counts[at] = counts[at]! + 1;
}
