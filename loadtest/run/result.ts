import type { AuditResult } from '../audit.ts';
import type { GateResult } from '../gate/gate.ts';
import type { CourierCounters } from '../market/courier.ts';
import type { NoticeKind } from '../market/ledger.ts';
import type { MarketCounters } from '../market/market.ts';
import type { Tally } from '../selfcheck/excess.ts';
import type { SelfCheckName } from '../selfcheck/stamp.ts';
import type { SendCounters } from '../send/counters.ts';
import type { LoadtestOptions } from './options.ts';

/** Percentiles in ms. */
export interface LatencySummary {
  readonly count: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p75Ms: number;
  readonly p90Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly p9999Ms: number;
  readonly maxMs: number;
}

/** One step of the time series. */
export interface SeriesPoint {
  /** Start of the step from the beginning of the run, ms. */
  readonly atMs: number;
  readonly plannedRps: number;
  readonly sentRps: number;
  readonly answeredRps: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  readonly errors: number;
  readonly timeouts: number;
  readonly dropped: number;
  readonly bids: number;
  readonly wins: number;
  /** The sender's own lateness, 99th percentile. */
  readonly lateP99Ms: number;
  /** The busiest sender's share of time at work. */
  readonly busy: number;
  readonly connections: number;
}

/** What this program cost and how well it kept its times: whether the result is about the server at all. */
export interface SenderHealth {
  readonly lateness: LatencySummary;
  readonly maxBusy: number;
  /** Share of the time in which a sender thread was ready to run and had no core; null where that is not told. */
  readonly waitedShare: number | null;
  /** CPU of this process, in cores. */
  readonly cpuCores: number;
  readonly rssBytes: number;
  /** Why the sender and not the server was the limit; empty when it was not. */
  readonly warnings: readonly string[];
}

export interface TruthRow {
  readonly campaign: string;
  readonly bids: number;
  readonly counts: Readonly<
    Record<NoticeKind, { acknowledged: number; refused: number; uncertain: number; bot: number }>
  >;
  /** Exact decimal text of nanos. */
  readonly spendNanos: string;
  readonly uncertainSpendNanos: string;
}

export interface Environment {
  readonly node: string;
  readonly platform: string;
  readonly cpuModel: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly version: string;
}

/** Everything a load test found out: the JSON report. */
export interface LoadtestResult {
  readonly v: 1;
  readonly startedAt: string;
  readonly startedMs: number;
  /** From the first intended start to the last answer, ms. */
  readonly durationMs: number;
  /** Without warm-up, ms. */
  readonly measuredMs: number;
  readonly interrupted: boolean;
  /** `closed` results hide what a slow server does to an exchange. */
  readonly loop: 'open' | 'closed';
  readonly options: LoadtestOptions;
  readonly latency: LatencySummary;
  /** Percentile → ms on the HDR scale, for the spectrum. */
  readonly spectrum: readonly (readonly [percentile: number, ms: number])[];
  /** The merged histogram (µs), compressed base64 as HDR tools read it. */
  readonly histogram: string;
  readonly counters: SendCounters;
  readonly market: Omit<MarketCounters, 'clearedNanos'>;
  readonly clearedNanos: string;
  readonly notices: CourierCounters;
  readonly staleConnections: number;
  readonly series: readonly SeriesPoint[];
  readonly truth: readonly TruthRow[];
  readonly sender: SenderHealth;
  /** What the sender added to latencies, and the values of `undisturbed`; only in a self-check. */
  readonly selfCheck: (Readonly<Record<SelfCheckName, LatencySummary>> & { readonly tally: Tally }) | null;
  readonly gates: readonly GateResult[];
  readonly audit: AuditResult | null;
  /** Threads that failed, and other things that make the result incomplete. */
  readonly problems: readonly string[];
  readonly environment: Environment;
  /** Every gate passed, the audit too, and nothing went wrong with the test itself. */
  readonly passed: boolean;
}
