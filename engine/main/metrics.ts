import { Counter, Gauge, type Metric, type Registry } from 'prom-client';
import { noBidReasonList } from '../../core/reasons.ts';
import type { ThreadCounts } from '../stats/counters.ts';
import { addHistogram, createHistogram, HISTOGRAM_BUCKETS, type Histogram, upperUs } from '../stats/histogram.ts';
import { stages } from '../stats/stages.ts';
import type { CapStats } from '../users/capstore.ts';

export interface BidderMetrics {
  add(thread: number, counts: ThreadCounts): void;
  appendFailed(): void;
}

/** What gauges read when the page is asked for. */
export interface Observed {
  readonly ready: () => boolean;
  readonly lines: () => number;
  readonly switches: () => number;
  readonly ringRefused: (thread: number) => number;
  readonly threads: number;
  readonly cells: () => { readonly live: number; readonly dry: number };
  readonly caps: () => CapStats;
  /** Accounts that were billed too fast. */
  readonly limited: () => number;
}

/** Registers the bidder's metrics, as they are listed in docs/operating/metrics. */
export function createBidderMetrics(registry: Registry, observed: Observed): BidderMetrics {
  const registers = [registry];
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name: `evenkeel_${name}`, help, labelNames, registers });
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name: `evenkeel_${name}`,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  const requests = counter('bid_requests_total', 'Bid requests by how they ended.', ['exchange', 'outcome']);
  const noBids = counter('no_bids_total', 'Requests without a bid, by reason.', ['exchange', 'reason']);
  const threads = counter('thread_requests_total', 'Bid requests by bid thread.', ['thread']);
  const notices = counter('notices_total', 'Notices and beacons by what became of them.', ['type', 'outcome']);
  const errors = counter('bid_errors_total', 'Bid requests refused, by code.', ['code']);
  const failures = counter('append_failures_total', 'Writes to the event log that failed.');
  const dropped = counter('ring_dropped_total', 'Records shed because a ring was full.', ['ring']);
  const latency = histogram(registry, 'evenkeel_bid_duration_seconds', 'Time from request to answer.', ['exchange']);
  const stageTimes = histogram(registry, 'evenkeel_bid_stage_seconds', 'Time of a stage of a request.', [
    'exchange',
    'stage',
  ]);
  const durable = histogram(registry, 'evenkeel_durable_seconds', 'Time until an event is on disk.', []);
  gauge('line_items', 'Line items the bidder can bid with now.', observed.lines);
  gauge('ready', '1 while /healthz/ready answers 200.', () => (observed.ready() ? 1 : 0));
  gauge('spend_limited_accounts', 'Accounts that may not bid because they were billed too fast.', observed.limited);
  gauge('kill_switches', 'Kill switches that are on.', observed.switches);
  new Gauge({
    name: 'evenkeel_credit_cells',
    help: 'Budget cells of this bidder.',
    labelNames: ['state'],
    registers,
    collect() {
      const { live, dry } = observed.cells();
      this.set({ state: 'live' }, live);
      this.set({ state: 'dry' }, dry);
    },
  });
  /** A counter that is kept elsewhere and read when the page is asked for. */
  const mirrored = (name: string, help: string, label: string, read: () => Readonly<Record<string, number>>) =>
    new Counter({
      name: `evenkeel_${name}`,
      help,
      labelNames: label === '' ? [] : [label],
      registers,
      collect() {
        this.reset();
        for (const [value, total] of Object.entries(read())) this.inc(label === '' ? {} : { [label]: value }, total);
      },
    });
  mirrored('cap_impressions_total', 'Impressions looked at for frequency caps.', 'outcome', () => {
    const { counted, repeated } = observed.caps();
    return { counted, repeated };
  });
  mirrored('cap_counters_given_up_total', 'Live frequency counters given up for room.', '', () => ({
    all: observed.caps().givenUp,
  }));
  const refusedBefore: number[] = [];
  return {
    add(thread, counts) {
      let total = 0;
      for (const [exchange, found] of counts.exchanges) {
        let without = 0;
        found.noBids.forEach((count, i) => {
          if (count === 0) return;
          without += count;
          noBids.inc({ exchange, reason: noBidReasonList[i]! }, count);
        });
        requests.inc({ exchange, outcome: 'bid' }, found.answered);
        requests.inc({ exchange, outcome: 'no_bid' }, without);
        requests.inc({ exchange, outcome: 'error' }, found.errors);
        latency.add(exchange, found.latency);
        total += found.answered + without + found.errors;
      }
      threads.inc({ thread }, total);
      for (const [code, count] of counts.codes) errors.inc({ code }, count);
      for (const [key, count] of counts.notices) {
        const [type = '', outcome = ''] = key.split(' ');
        notices.inc({ type, outcome }, count);
      }
      for (const [exchange, histograms] of counts.stages)
        histograms.forEach((counted, at) => void stageTimes.add(`${exchange} ${stages[at]!}`, counted));
      durable.add('', counts.durable);
      const refused = observed.ringRefused(thread);
      dropped.inc({ ring: thread }, refused - (refusedBefore[thread] ?? 0));
      refusedBefore[thread] = refused;
    },
    appendFailed: () => failures.inc(),
  };
}

const boundsUs = [50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 250_000, 1_000_000];

/** A Prometheus histogram over counts that are merged in bulk, which prom-client's own can not take. */
function histogram(registry: Registry, name: string, help: string, labelNames: readonly string[]) {
  const byLabel = new Map<string, { readonly counts: Histogram; sumUs: number }>();
  const metric = {
    name,
    help,
    type: 'histogram',
    aggregator: 'sum',
    labelNames,
    collect: () => {},
    reset: () => byLabel.clear(),
    get: async () => ({ name, help, type: 'histogram', aggregator: 'sum', values: [...byLabel].flatMap(valuesOf) }),
  };
  registry.registerMetric(metric as unknown as Metric<string>);

  function valuesOf([value, { counts, sumUs }]: [string, { readonly counts: Histogram; sumUs: number }]) {
    const parts = value.split(' ');
    const labels: Record<string, string | number> = Object.fromEntries(
      labelNames.map((label, at) => [label, parts[at]!]),
    );
    const values = [];
    let seen = 0;
    let bucket = 0;
    for (const bound of boundsUs) {
      for (; bucket < HISTOGRAM_BUCKETS && upperUs(bucket) <= bound; bucket++) seen += counts[bucket]!;
      values.push({ labels: { ...labels, le: bound / 1_000_000 }, value: seen, metricName: `${name}_bucket` });
    }
    for (; bucket < HISTOGRAM_BUCKETS; bucket++) seen += counts[bucket]!;
    values.push({ labels: { ...labels, le: '+Inf' }, value: seen, metricName: `${name}_bucket` });
    values.push({ labels, value: sumUs / 1_000_000, metricName: `${name}_sum` });
    values.push({ labels, value: seen, metricName: `${name}_count` });
    return values;
  }

  return {
    /** @param value the labels' values, with spaces between */
    add(value: string, counts: Histogram): void {
      let known = byLabel.get(value);
      if (known === undefined) {
        known = { counts: createHistogram(), sumUs: 0 };
        byLabel.set(value, known);
      }
      addHistogram(known.counts, counts);
      for (let bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) known.sumUs += counts[bucket]! * upperUs(bucket);
    },
  };
}
