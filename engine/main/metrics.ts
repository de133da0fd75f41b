import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { noBidReasonList } from '../../core/reasons.ts';
import type { ThreadCounts } from '../stats/counters.ts';
import { HISTOGRAM_BUCKETS, upperUs } from '../stats/histogram.ts';

export interface BidderMetrics {
  add(thread: number, counts: ThreadCounts, loopLagMs: number): void;
}

/** What the gauges read when the page is asked for. */
export interface Observed {
  readonly ready: () => boolean;
  readonly lines: () => number;
  readonly appendWaiting: () => number;
  readonly ringBytes: (thread: number) => number;
  readonly ringRefused: () => number;
  readonly threads: number;
  readonly ledger: () => Readonly<Record<string, number | bigint>>;
}

/** Registers the bidder's metrics. Names start with `evenkeel_bid_`. */
export function createBidderMetrics(registry: Registry, observed: Observed): BidderMetrics {
  const registers = [registry];
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name: `evenkeel_bid_${name}`, help, labelNames, registers });
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name: `evenkeel_bid_${name}`,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  const requests = counter('requests_total', 'Bid requests.', ['thread']);
  const answered = counter('answered_total', 'Bid requests that got a bid.');
  const bids = counter('bids_total', 'Bids made; a request can get several.');
  const errors = counter('errors_total', 'Bid requests answered 4xx or 5xx.');
  const noBids = counter('no_bids_total', 'Bid requests without a bid, by reason.', ['reason']);
  const codes = counter('codes_total', 'Refusals, notices and beacons by code.', ['code']);
  const lag = new Gauge({
    name: 'evenkeel_bid_loop_lag_ms',
    help: 'Event loop lag.',
    labelNames: ['thread'],
    registers,
  });
  const latency = new Histogram({
    name: 'evenkeel_bid_latency_seconds',
    help: 'Time from the whole request to its answer, inside the server.',
    buckets: [0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1],
    registers,
  });
  gauge('ready', '1 when bidding is possible.', () => (observed.ready() ? 1 : 0));
  gauge('line_items', 'Line items that can bid.', observed.lines);
  gauge('append_waiting', 'Events waiting to be appended.', observed.appendWaiting);
  gauge('ring_refused', 'Records refused because a ring was full, since the start.', observed.ringRefused);
  new Gauge({
    name: 'evenkeel_bid_ring_bytes',
    help: 'Bytes in the ring of a thread.',
    labelNames: ['thread'],
    registers,
    collect() {
      for (let thread = 0; thread < observed.threads; thread++) this.set({ thread }, observed.ringBytes(thread));
    },
  });
  new Gauge({
    name: 'evenkeel_bid_ledger',
    help: 'Counters of the budget ledger.',
    labelNames: ['name'],
    registers,
    collect() {
      for (const [name, value] of Object.entries(observed.ledger())) this.set({ name }, Number(value));
    },
  });
  return {
    add(thread, counts, loopLagMs) {
      requests.inc({ thread }, counts.requests);
      answered.inc(counts.answered);
      bids.inc(counts.bids);
      errors.inc(counts.errors);
      lag.set({ thread }, loopLagMs);
      counts.noBids.forEach((count, i) => {
        if (count > 0) noBids.inc({ reason: noBidReasonList[i]! }, count);
      });
      for (const [code, count] of counts.codes) codes.inc({ code }, count);
      for (let bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        const count = counts.latency[bucket]!;
        for (let i = 0; i < count; i++) latency.observe(upperUs(bucket) / 1_000_000);
      }
    },
  };
}
