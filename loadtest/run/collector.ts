import type { CourierCounters } from '../market/courier.ts';
import type { MarketCounters } from '../market/market.ts';
import { noAuctions } from '../market/market.ts';
import type { Tally } from '../selfcheck/excess.ts';
import { addToTally } from '../selfcheck/excess.ts';
import type { SelfCheckName } from '../selfcheck/stamp.ts';
import { selfCheckNames } from '../selfcheck/stamp.ts';
import type { SendCounters } from '../send/counters.ts';
import { addCounters, errorsOf, newCounters } from '../send/counters.ts';
import type { Latencies } from '../send/latencies.ts';
import { createLatencies } from '../send/latencies.ts';
import type { LatencyCounts } from '../send/recorder.ts';
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
    /** The longest that a lane was ready to run and had no core, ms; null where that is not told. */
    readonly waitedMs: number | null;
  };
  readonly latencies: Latencies;
  readonly lateness: Latencies;
  readonly selfCheck: Readonly<Record<SelfCheckName, Latencies>>;
  /** The values of `selfCheck.undisturbed`. */
  undisturbed(): Tally;
  /** Steps that every lane has reported, oldest first. */
  series(): readonly SeriesPoint[];
  /** The histograms of the steps, for the HDR log. Encoding them takes a while: ask when nothing is sent any more. */
  histograms(): readonly StepHistogram[];
  readonly maxBusy: number;
  /** Reports steps that are still waiting for a lane that has ended, then frees memory. */
  finish(): void;
  destroy(): void;
}

export interface StepHistogram {
  readonly atMs: number;
  readonly maxMs: number;
  /** As HDR tools read it. */
  readonly base64: string;
}

interface Step {
  readonly reports: LaneReport[];
}

export function createCollector(lanes: number, intervalMs: number, stages: readonly Stage[]): Collector {
  const steps = new Map<number, Step>();
  const latest = new Map<number, LaneReport>();
  const series: SeriesPoint[] = [];
  const recorded: { readonly atMs: number; readonly counts: readonly LatencyCounts[] }[] = [];
  const latencies = createLatencies();
  const lateness = createLatencies();
  const stepLatencies = createLatencies();
  const stepLateness = createLatencies();
  const selfCheck = {
    startLate: createLatencies(),
    answerLate: createLatencies(),
    added: createLatencies(),
    undisturbed: createLatencies(),
    without: createLatencies(),
  };
  const undisturbed = new Map<number, number>();
  let previous = sumOf([]);
  let nextStep = 0;
  let maxBusy = 0;

  const close = (number: number, { reports }: Step): void => {
    // The warm-up is not counted, but handled like everything else, so that this code is warm, too, when it ends.
    for (const counts of reports.flatMap((report) => report.rehearsed)) stepLatencies.addCounts(counts);
    stepLatencies.reset();
    stepLateness.reset();
    for (const report of reports) {
      latest.set(report.lane, report);
      for (const sum of [stepLatencies, latencies]) sum.addCounts(report.latencies);
      for (const sum of [stepLateness, lateness]) sum.addCounts(report.lateness);
      for (const name of selfCheckNames) selfCheck[name].addCounts(report.selfCheck[name]);
      addToTally(undisturbed, report.selfCheck.undisturbed);
    }
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
    recorded.push({ atMs: number * intervalMs, counts: reports.map((report) => report.latencies) });
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
    histograms() {
      return recorded.flatMap(({ atMs, counts }) => {
        stepLatencies.reset();
        for (const each of counts) stepLatencies.addCounts(each);
        if (stepLatencies.count === 0) return [];
        return [{ atMs, maxMs: stepLatencies.maxMs, base64: stepLatencies.encode() }];
      });
    },
    add(report) {
      const step = steps.get(report.step) ?? { reports: [] };
      steps.set(report.step, step);
      step.reports.push(report);
      closeReady(false);
    },
    totals: () => previous,
    undisturbed: () => [...undisturbed],
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
  let waitedMs: number | null = null;
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
    if (report.waitedMs !== null) waitedMs = Math.max(waitedMs ?? 0, report.waitedMs);
  }
  return {
    counters,
    market: { ...noAuctions, ...market } as MarketCounters,
    courier: { ...noCourier, ...courier },
    staleConnections,
    pendingNotices,
    openConnections,
    waitedMs,
  };
}

const noCourier: CourierCounters = { delivered: 0, refused: 0, givenUp: 0, retries: 0, duplicates: 0, shed: 0 };
