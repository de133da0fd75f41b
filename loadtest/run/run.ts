import { lookup } from 'node:dns/promises';
import { mkdirSync } from 'node:fs';
import os from 'node:os';
import process from 'node:process';
import type { Clock } from '../../core/clock.ts';
import { CodedError, codeOf, messageOf } from '../../core/errors.ts';
import type { AuditResult } from '../audit.ts';
import { auditReport } from '../audit.ts';
import { checkGates } from '../gate/gate.ts';
import type { Truth } from '../market/ledger.ts';
import { mergeTruth } from '../market/ledger.ts';
import { plannedMs } from '../send/schedule.ts';
import { scopedDomains } from '../traffic/generator.ts';
import type { Collector, StepHistogram } from './collector.ts';
import { createCollector } from './collector.ts';
import { judgeSender } from './health.ts';
import type { Lanes } from './lanes.ts';
import { startLanes } from './lanes.ts';
import type { LoadtestOptions } from './options.ts';
import type { LoadtestResult, SeriesPoint } from './result.ts';
import { spectrumOf, summaryOf, truthRows } from './summary.ts';

export interface LoadtestDeps {
  readonly clock: Clock;
  /** Stops the run early; the result is of what was measured. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  /** What the run is doing: `connecting`, `sending`, `draining`, `auditing`. */
  readonly onPhase?: (phase: string) => void;
  /** Given the step histograms before they are forgotten. */
  readonly onHistograms?: (histograms: readonly StepHistogram[], startedMs: number) => void;
  /** Version of the product, for the report. */
  readonly version?: string;
}

/** What is shown while a run goes on. */
export interface Progress {
  readonly elapsedMs: number;
  readonly plannedMs: number;
  /** This step belongs to the warm-up: nothing is counted yet. */
  readonly warmingUp: boolean;
  readonly point: SeriesPoint;
  readonly sent: number;
  readonly wins: number;
}

/** Time between "everyone is connected" and the first request, ms. */
const LEAD_MS = 50;

/**
 * Runs a load test to its end, or until `signal` is aborted.
 * @throws CodedError `loadtest_not_built`, `loadtest_bad_requests`, `loadtest_host_unknown`; trouble with the server is a
 *   result, not an error
 */
export async function runLoadtest(options: LoadtestOptions, deps: LoadtestDeps): Promise<LoadtestResult> {
  const { clock } = deps;
  if (options.ledgerDir !== null) mkdirSync(options.ledgerDir, { recursive: true });
  const lanesCount = Math.max(1, options.threads);
  const collector = createCollector(lanesCount, options.intervalMs, options.stages);
  const totalMs = plannedMs(options.stages);
  let startedMs = 0;
  let lastAnswerMs = 0;
  let stillSending = lanesCount;
  deps.onPhase?.('connecting');
  await checkHost(options.url);
  const tasks = Array.from({ length: lanesCount }, (_, lane) => ({ options, lane, lanes: lanesCount }));
  const lanes = startLanes(tasks, options.threads > 0, (message) => {
    if (message.type === 'sent') {
      stillSending -= 1;
      lastAnswerMs = clock.nowMs();
      if (stillSending === 0) deps.onPhase?.('draining');
    }
    if (message.type !== 'report') return;
    const before = collector.series().length;
    collector.add(message.report);
    if (collector.series().length > before) showProgress(deps, collector, totalMs, options);
  });
  const stop = stopOn(deps.signal, lanes);
  await lanes.ready;
  startedMs = clock.nowMs() + LEAD_MS;
  const cpuBefore = process.cpuUsage();
  const startMonotonic = clock.monotonicMs();
  if (deps.signal?.aborted !== true) {
    deps.onPhase?.('sending');
    lanes.command({ type: 'start', atMs: startedMs });
  }
  const ended = await lanes.ended;
  stop();
  collector.finish();
  const cpu = process.cpuUsage(cpuBefore);
  const cpuCores = (cpu.user + cpu.system) / 1000 / Math.max(1, clock.monotonicMs() - startMonotonic);
  const truth: Truth = new Map();
  const problems: string[] = [];
  for (const lane of ended) {
    if (lane.status === 'fulfilled') mergeTruth(truth, lane.value);
    else problems.push(`A sender failed: ${messageOf(lane.reason)}`);
  }
  const audit = await runAudit(options, deps, truth, startedMs);
  deps.onHistograms?.(collector.histograms(), startedMs);
  const durationMs = Math.max(0, (lastAnswerMs || clock.nowMs()) - startedMs);
  const result = buildResult(options, deps, { collector, truth, audit, problems, startedMs, durationMs, cpuCores });
  collector.destroy();
  return result;
}

/** An unknown name would make every request wait for the name server until it is given up: nothing of that is the bidder's. */
async function checkHost(url: string): Promise<void> {
  const { hostname } = new URL(url);
  try {
    await lookup(hostname.replace(/^\[|\]$/g, ''));
  } catch (error) {
    throw new CodedError(
      'loadtest_host_unknown',
      `The name ${hostname} is not known here (${codeOf(error)}).`,
      'Check --url and the name server.',
    );
  }
}

function selfCheckOf({ selfCheck, undisturbed }: Collector): LoadtestResult['selfCheck'] {
  return {
    tally: undisturbed(),
    startLate: summaryOf(selfCheck.startLate),
    answerLate: summaryOf(selfCheck.answerLate),
    added: summaryOf(selfCheck.added),
    undisturbed: summaryOf(selfCheck.undisturbed),
    without: summaryOf(selfCheck.without),
  };
}

function stopOn(signal: AbortSignal | undefined, lanes: Lanes): () => void {
  const onAbort = (): void => lanes.command({ type: 'stop' });
  if (signal?.aborted === true) onAbort();
  signal?.addEventListener('abort', onAbort);
  return () => signal?.removeEventListener('abort', onAbort);
}

function showProgress(deps: LoadtestDeps, collector: Collector, totalMs: number, options: LoadtestOptions): void {
  const point = collector.series().at(-1)!;
  const { counters, market } = collector.totals();
  deps.onProgress?.({
    elapsedMs: point.atMs + options.intervalMs,
    plannedMs: totalMs,
    warmingUp: point.atMs + options.intervalMs <= options.warmupMs,
    point,
    sent: counters.sent,
    wins: market.wins,
  });
}

async function runAudit(
  options: LoadtestOptions,
  deps: LoadtestDeps,
  truth: Truth,
  startedMs: number,
): Promise<AuditResult | null> {
  if (options.audit === null) return null;
  deps.onPhase?.('auditing');
  const { scope } = options.mix;
  const scoped = scope !== '' && options.requestsPath === '';
  return auditReport(
    {
      ...options.audit,
      fromMs: scoped ? startedMs - 60_000 : startedMs,
      toMs: deps.clock.nowMs() + (scoped ? 60_000 : 0),
      domains: scoped ? scopedDomains(scope) : [],
    },
    truth,
    deps.clock,
    deps.signal,
  );
}

/** Neither warm-up nor the wait for the last notices. */
function isMeasured(point: SeriesPoint, options: LoadtestOptions): boolean {
  if (point.atMs + options.intervalMs <= options.warmupMs) return false;
  return point.plannedRps + point.sentRps + point.answeredRps > 0;
}

interface Found {
  readonly collector: Collector;
  readonly truth: Truth;
  readonly audit: AuditResult | null;
  readonly problems: readonly string[];
  readonly startedMs: number;
  readonly durationMs: number;
  readonly cpuCores: number;
}

function buildResult(options: LoadtestOptions, deps: LoadtestDeps, found: Found): LoadtestResult {
  const { collector, truth, audit, problems, durationMs } = found;
  const { counters, market, courier, staleConnections } = collector.totals();
  const measuredMs = Math.max(1, durationMs - options.warmupMs);
  const { clearedNanos, ...marketCounts } = market;
  const gates = checkGates(options.gates, {
    counters,
    market,
    latencies: collector.latencies,
    measuredMs,
    lostEvents: audit === null || audit.problem !== '' ? null : audit.lostEvents,
    unacknowledged: options.market === null ? null : courier.givenUp + collector.totals().pendingNotices,
  });
  const passed = problems.length === 0 && gates.every((gate) => gate.passed) && (audit?.passed ?? true);
  return {
    v: 1,
    startedAt: new Date(found.startedMs).toISOString(),
    startedMs: found.startedMs,
    durationMs,
    measuredMs,
    interrupted: deps.signal?.aborted === true,
    loop: options.closedUsers > 0 ? 'closed' : 'open',
    // The key opens the API: it does not belong in a file that is passed around.
    options: { ...options, audit: options.audit === null ? null : { ...options.audit, apiKey: '' } },
    latency: summaryOf(collector.latencies),
    spectrum: spectrumOf(collector.latencies),
    histogram: collector.latencies.encode(),
    counters,
    market: marketCounts,
    clearedNanos: String(clearedNanos),
    notices: courier,
    staleConnections,
    series: collector.series().filter((point) => isMeasured(point, options)),
    truth: truthRows(truth),
    sender: judgeSender(options, collector, found.cpuCores, durationMs),
    selfCheck: options.selfCheck ? selfCheckOf(collector) : null,
    gates,
    audit,
    problems,
    environment: {
      node: process.version,
      platform: `${process.platform} ${process.arch} ${os.release()}`,
      cpuModel: os.cpus()[0]?.model ?? 'unknown',
      cpus: os.availableParallelism(),
      memoryBytes: os.totalmem(),
      version: deps.version ?? '',
    },
    passed,
  };
}
