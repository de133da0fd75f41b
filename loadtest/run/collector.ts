import type { CourierCounters } from '../market/courier.ts';
import type { MarketCounters } from '../market/market.ts';
import { noAuctions } from '../market/market.ts';
import type { SelfCheckName } from '../selfcheck/stamp.ts';
import { selfCheckNames } from '../selfcheck/stamp.ts';
import type { SendCounters } from '../send/counters.ts';
import { addCounters, errorsOf, newCounters } from '../send/counters.ts';
import type { Latencies } from '../send/latencies.ts';
import { createLatencies } from '../send/latencies.ts';
import type { Stage } from '../send/schedule.ts';
import { rateAt } from '../send/schedule.ts';
import type { LaneReport } from './lanetask.ts';
import type { SeriesPoint } from './result.ts';

/** Puts the lanes' reports together: totals, and a time series. */
export interface Collector {
  add(report: LaneReport): void;
  totals(): {
    readonly counters: SendCounters;
    readonly market: MarketCounters;
    readonly courier: CourierCounters;
    readonly staleConnections: number;
    readonly pendingNotices: number;
    readonly openConnections: number;
  };
  readonly latencies: Latencies;
  readonly lateness: Latencies;
  readonly selfCheck: Readonly<Record<SelfCheckName, Latencies>>;
  /** Steps that every lane has reported, oldest first. */
  series(): readonly SeriesPoint[];
  /** The histograms of the steps, for the HDR log. */
  readonly histograms: readonly { readonly atMs: number; readonly maxMs: number; readonly base64: string }[];
  readonly maxBusy: number;
  /** Reports steps that are still waiting for a lane that has ended, then frees memory. */
  finish(): void;
  destroy(): void;
}

interface Step {
  readonly reports: LaneReport[];
}

export function createCollector(lanes: number, intervalMs: number, stages: readonly Stage[]): Collector {
  const steps = new Map<number, Step>();
  const latest = new Map<number, LaneReport>();
  const series: SeriesPoint[] = [];
  const histograms: { atMs: number; maxMs: number; base64: string }[] = [];
  const latencies = createLatencies();
  const lateness = createLatencies();
  const stepLatencies = createLatencies();
  const stepLateness = createLatencies();
  const selfCheck = {
    startLate: createLatencies(),
    answerLate: createLatencies(),
    added: createLatencies(),
    worstOf100: createLatencies(),
    without: createLatencies(),
  };
  let previous = sumOf([]);
  let nextStep = 0;
  let maxBusy = 0;

  const close = (number: number, { reports }: Step): void => {
    stepLatencies.reset();
    stepLateness.reset();
    for (const report of reports) {
      latest.set(report.lane, report);
      stepLatencies.addCounts(report.latencies);
      stepLateness.addCounts(report.lateness);
      for (const name of selfCheckNames) selfCheck[name].addCounts(report.selfCheck[name]);
    }
    latencies.add(stepLatencies);
    lateness.add(stepLateness);
    const sum = sumOf([...latest.values()]);
    const busy = Math.max(0, ...reports.map((report) => report.busy));
    maxBusy = Math.max(maxBusy, busy);
    const rate = (now: number, before: number): number => ((now - before) * 1000) / intervalMs;
    const [now, before] = [sum.counters, previous.counters];
    series.push({
      atMs: number * intervalMs,
      plannedRps: rateAt(stages, (number + 0.5) * intervalMs),
      sentRps: rate(now.sent, before.sent),
      answeredRps: rate(now.answered, before.answered),
      p50Ms: stepLatencies.percentileMs(50),
      p90Ms: stepLatencies.percentileMs(90),
      p99Ms: stepLatencies.percentileMs(99),
      p999Ms: stepLatencies.percentileMs(99.9),
      maxMs: stepLatencies.maxMs,
      errors: errorsOf(now) - errorsOf(before),
      timeouts: (now.faults.timeout ?? 0) - (before.faults.timeout ?? 0),
      dropped: now.dropped - before.dropped,
      bids: now.bids - before.bids,
      wins: sum.market.wins - previous.market.wins,
      lateP99Ms: stepLateness.percentileMs(99),
      busy,
      connections: sum.openConnections,
    });
    if (stepLatencies.count > 0) {
      const base64 = stepLatencies.encode();
      histograms.push({ atMs: number * intervalMs, maxMs: stepLatencies.maxMs, base64 });
    }
    previous = sum;
  };
  const closeReady = (force: boolean): void => {
    for (let step = steps.get(nextStep); step !== undefined; step = steps.get(nextStep)) {
      if (step.reports.length < lanes && !force) return;
      close(nextStep, step);
      steps.delete(nextStep);
      nextStep += 1;
    }
  };
  return {
    latencies,
    lateness,
    selfCheck,
    histograms,
    add(report) {
      const step = steps.get(report.step) ?? { reports: [] };
      steps.set(report.step, step);
      step.reports.push(report);
      closeReady(false);
    },
    totals: () => previous,
    series: () => series,
    get maxBusy() {
      return maxBusy;
    },
    finish: () => closeReady(true),
    destroy() {
      for (const each of [latencies, lateness, stepLatencies, stepLateness, ...Object.values(selfCheck)])
        each.destroy();
    },
  };
}

function sumOf(reports: readonly LaneReport[]) {
  const counters = newCounters();
  const market: Record<string, number | bigint> = {};
  const courier: Record<string, number> = {};
  let [staleConnections, pendingNotices, openConnections] = [0, 0, 0];
  for (const report of reports) {
    addCounters(counters, report.counters);
    for (const [name, value] of Object.entries(report.market as unknown as Record<string, number | bigint>)) {
      const sum = market[name];
      market[name] = typeof value === 'bigint' ? ((sum as bigint) ?? 0n) + value : ((sum as number) ?? 0) + value;
    }
    for (const [name, value] of Object.entries(report.courier)) courier[name] = (courier[name] ?? 0) + value;
    staleConnections += report.staleConnections;
    pendingNotices += report.pendingNotices;
    openConnections += report.openConnections;
  }
  return {
    counters,
    market: { ...noAuctions, ...market } as MarketCounters,
    courier: { ...noCourier, ...courier },
    staleConnections,
    pendingNotices,
    openConnections,
  };
}

const noCourier: CourierCounters = { delivered: 0, refused: 0, givenUp: 0, retries: 0, duplicates: 0, shed: 0 };
