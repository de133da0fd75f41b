import { join } from 'node:path';
import type { EventLoopUtilization } from 'node:perf_hooks';
import { performance } from 'node:perf_hooks';
import { systemClock } from '../../core/clock.ts';
import { seededRandom } from '../../core/random.ts';
import type { Lane } from '../lane.ts';
import { createLane } from '../lane.ts';
import type { CourierCounters } from '../market/courier.ts';
import type { Truth } from '../market/ledger.ts';
import type { MarketCounters } from '../market/market.ts';
import { coreTimes } from '../selfcheck/corewatch.ts';
import type { SelfCheckCounts } from '../selfcheck/stamp.ts';
import type { SendCounters } from '../send/counters.ts';
import type { LatencyCounts } from '../send/recorder.ts';
import { takeCounts } from '../send/recorder.ts';
import { createSchedule } from '../send/schedule.ts';
import { createRequestGenerator } from '../traffic/generator.ts';
import { readRequests } from '../traffic/requestfile.ts';
import type { ShotSource } from '../traffic/source.ts';
import { createGeneratedSource, createReplaySource } from '../traffic/source.ts';
import type { LoadtestOptions } from './options.ts';
import { LATE_MS, MAX_WAITING } from './options.ts';

/** One lane's part of a load test, as it is sent to its thread. */
export interface LaneTask {
  readonly options: LoadtestOptions;
  readonly lane: number;
  readonly lanes: number;
}

/** What a lane says about one step of time. Counts are from the beginning, latencies of the step alone. */
export interface LaneReport {
  readonly lane: number;
  /** Number of the step, from 0. */
  readonly step: number;
  readonly counters: SendCounters;
  readonly market: MarketCounters;
  readonly courier: CourierCounters;
  readonly latencies: LatencyCounts;
  readonly lateness: LatencyCounts;
  readonly selfCheck: SelfCheckCounts;
  /** The same of the warm-up: not counted anywhere. */
  readonly rehearsed: readonly LatencyCounts[];
  /** Share of the step in which the lane's event loop was busy. */
  readonly busy: number;
  /** How long the lane's thread was ready to run and had no core, from the beginning, ms; null where that is not told. */
  readonly waitedMs: number | null;
  readonly openConnections: number;
  readonly staleConnections: number;
  readonly pendingNotices: number;
}

/** From the lane to who started it, and back. */
export type LaneMessage =
  | { readonly type: 'ready' }
  | { readonly type: 'report'; readonly report: LaneReport }
  | { readonly type: 'sent' }
  /** The last message: everything before it has been received. */
  | { readonly type: 'done' };
export type LaneCommand = { readonly type: 'start'; readonly atMs: number } | { readonly type: 'stop' };

export interface LaneLink {
  send(message: LaneMessage): void;
  onCommand(handler: (command: LaneCommand) => void): void;
}

/** Runs a lane: connects, says it is ready, sends from the commanded time on, drains, and returns its ledger's sums. */
export async function runLane(task: LaneTask, link: LaneLink): Promise<Truth> {
  const lane = buildLane(task);
  try {
    const start = new Promise<number | null>((resolve) => {
      link.onCommand((command) => {
        if (command.type === 'start') resolve(command.atMs);
        else {
          lane.stop();
          resolve(null);
        }
      });
    });
    await lane.warm();
    link.send({ type: 'ready' });
    const atMs = await start;
    if (atMs !== null) await sendAndReport(task, lane, link, atMs);
    return lane.truth;
  } finally {
    lane.close();
  }
}

async function sendAndReport(task: LaneTask, lane: Lane, link: LaneLink, atMs: number): Promise<void> {
  const { intervalMs, drainMs } = task.options;
  // The start is a wall-clock time, because every thread's monotonic clock begins somewhere else.
  const originMs = systemClock.monotonicMs() + (atMs - systemClock.nowMs());
  const reporter = createReporter(task.lane, lane);
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, originMs - systemClock.monotonicMs() - 2)));
  let step = 0;
  const report = (): void => link.send({ type: 'report', report: reporter(step++) });
  const timer = setInterval(
    () => {
      // Steps are cut by the clock: a late timer makes a longer step, never a shifted one.
      const due = Math.floor((systemClock.monotonicMs() - originMs) / intervalMs);
      while (step < due) report();
    },
    Math.min(50, intervalMs / 4),
  );
  await lane.run(originMs);
  link.send({ type: 'sent' });
  await lane.finish(drainMs);
  clearInterval(timer);
  report();
}

function buildLane({ options, lane, lanes }: LaneTask): Lane {
  const random = seededRandom(options.seed * 1000 + lane);
  const each = (total: number): number => Math.max(1, Math.ceil(total / lanes));
  const { ledgerDir, closedUsers, stages, market } = options;
  const durationMs = stages.reduce((sum, stage) => sum + stage.durationMs, 0);
  return createLane(
    {
      url: options.url,
      insecure: options.insecure,
      connections: each(options.connections),
      maxConnections: each(options.maxConnections),
      prepare: options.corpus,
      timeoutMs: options.timeoutMs,
      sender: {
        maxLateMs: options.maxLateMs,
        lateMs: LATE_MS,
        tmaxMs: options.tmaxMs,
        maxWaiting: MAX_WAITING,
        pace: options.pace,
        warmupMs: options.warmupMs,
      },
      closed: closedUsers === 0 ? null : { users: each(closedUsers), durationMs },
      noticeHosts: options.noticeHosts,
      // Every lane meets the same people.
      market: market === null ? null : { ...market, clickPauseMs: market.clickPauseMs * lanes },
      courier: options.courier,
      selfCheck: options.selfCheck,
      ledgerPath: ledgerDir === null ? null : join(ledgerDir, `ledger-${lane}.jsonl`),
    },
    {
      clock: systemClock,
      random,
      schedule: createSchedule(stages, options.arrivals, lane, lanes, random),
      source: buildSource(options, lane),
    },
  );
}

function buildSource(options: LoadtestOptions, lane: number): ShotSource {
  const random = seededRandom(options.seed * 1000 + 500 + lane);
  const headers = options.gzip ? ['Accept-Encoding: gzip', ...options.headers] : options.headers;
  const target = { url: new URL(options.url), headers, gzip: options.gzip };
  if (options.requestsPath === '') {
    return createGeneratedSource(createRequestGenerator(options.mix, random), options.corpus, target, random);
  }
  return createReplaySource(readRequests(options.requestsPath).requests, target, random);
}

function createReporter(number: number, lane: Lane): (step: number) => LaneReport {
  let before: EventLoopUtilization = performance.eventLoopUtilization();
  const waitedBeforeMs = coreTimes()?.waitedMs ?? 0;
  return (step) => {
    const now = performance.eventLoopUtilization();
    const busy = performance.eventLoopUtilization(now, before).utilization;
    before = now;
    const times = coreTimes();
    const report: LaneReport = {
      lane: number,
      step,
      counters: structuredClone(lane.account.counters),
      market: { ...lane.market },
      courier: { ...lane.courier },
      latencies: takeCounts(lane.account.latencies),
      lateness: takeCounts(lane.account.lateness),
      selfCheck: lane.selfCheck.take(1),
      rehearsed: [
        takeCounts(lane.warmup.latencies),
        takeCounts(lane.warmup.lateness),
        ...Object.values(lane.selfCheck.take(0)),
      ],
      busy,
      waitedMs: times === null ? null : times.waitedMs - waitedBeforeMs,
      openConnections: lane.openConnections,
      staleConnections: lane.staleConnections,
      pendingNotices: lane.pendingNotices,
    };
    return report;
  };
}
