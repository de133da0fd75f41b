import type { Clock } from '../core/clock.ts';
import { CodedError } from '../core/errors.ts';
import type { Random } from '../core/random.ts';
import type { Lane } from './lane.ts';
import { createLane } from './lane.ts';
import type { CourierOptions } from './market/courier.ts';
import { defaultCourier } from './market/courier.ts';
import type { Truth } from './market/ledger.ts';
import type { MarketOptions } from './market/market.ts';
import { defaultMarket } from './market/market.ts';
import { errorsOf } from './send/counters.ts';
import { createLatencies } from './send/latencies.ts';
import { takeCounts } from './send/recorder.ts';
import { createSchedule } from './send/schedule.ts';
import type { TrafficMix } from './traffic/generator.ts';
import { createRequestGenerator, defaultMix } from './traffic/generator.ts';
import { createGeneratedSource } from './traffic/source.ts';

/** Simulated exchange traffic that runs until it is stopped. */
export interface TrafficConfig {
  /** The bid endpoint. */
  readonly url: string;
  /** Requests per second. Default 50. */
  readonly rps?: number;
  /** When an exchange stops listening, ms. Default 200. */
  readonly tmaxMs?: number;
  /** Default 16. */
  readonly connections?: number;
  readonly mix?: Partial<TrafficMix>;
  readonly market?: Partial<MarketOptions>;
  readonly courier?: Partial<CourierOptions>;
  /** File for the ledger of truth; default null, totals in memory only. */
  readonly ledgerPath?: string | null;
  /** How often `onStatus` is called, ms. Default 1000. */
  readonly statusMs?: number;
}

export interface TrafficDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly onStatus?: (status: TrafficStatus) => void;
  /** Told of every won auction at once, whatever becomes of its notices: what the exchange will charge. */
  readonly onWin?: (campaign: string, priceNanos: number) => void;
}

/** Rates and percentiles are of the last status interval, everything else counts from the start. */
export interface TrafficStatus {
  readonly rps: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly requests: number;
  readonly bids: number;
  readonly wins: number;
  readonly errors: number;
  readonly dropped: number;
  /** Acknowledged billing notices. */
  readonly spendNanos: bigint;
  readonly impressions: number;
  readonly clicks: number;
  readonly pendingNotices: number;
}

export interface Traffic {
  status(): TrafficStatus;
  /** What was sent so far, per campaign id. */
  truth(): Truth;
  /**
   * Stops sending requests and waits for the answers in flight. With `deliver`, pending notices are delivered, each at its time;
   * otherwise they are forgotten, and as they are not in the ledger it stays true.
   */
  stop(options?: { readonly deliver?: boolean; readonly timeoutMs?: number }): Promise<Truth>;
}

const CORPUS = 20_000;
/** A year: "until stopped". */
const FOREVER_MS = 365 * 86_400_000;

/** @throws CodedError `traffic_bad_url` */
export function startTraffic(config: TrafficConfig, deps: TrafficDeps): Traffic {
  if (!URL.canParse(config.url)) {
    throw new CodedError(
      'traffic_bad_url',
      `"${config.url}" is no URL.`,
      'Give the bid endpoint as http://HOST:PORT/PATH.',
    );
  }
  const { clock } = deps;
  const lane = createDemoLane(config, deps);
  const windows = createWindow(lane, clock);
  const running = lane.warm().then(() => lane.run(clock.monotonicMs()));
  const timer = setInterval(() => {
    const status = windows.next();
    deps.onStatus?.(status);
  }, config.statusMs ?? 1000);
  let ended: Promise<Truth> | null = null;
  const end = async (deliver: boolean, timeoutMs: number): Promise<Truth> => {
    lane.stop();
    clearInterval(timer);
    await running;
    if (deliver) await lane.finish(timeoutMs);
    const truth = lane.truth;
    windows.next();
    windows.destroy();
    lane.close();
    return truth;
  };
  return {
    status: () => windows.last(),
    truth: () => lane.truth,
    stop: (options = {}) => {
      ended ??= end(options.deliver ?? false, options.timeoutMs ?? 30_000);
      return ended;
    },
  };
}

function createDemoLane(config: TrafficConfig, deps: TrafficDeps): Lane {
  const { clock, random } = deps;
  const tmaxMs = config.tmaxMs ?? 200;
  const rps = config.rps ?? 50;
  const market = { ...defaultMarket, ...config.market };
  const mix = { ...defaultMix, tmaxMs, auctionType: market.auction === 'first' ? 1 : 2, ...config.mix } as const;
  const connections = config.connections ?? 16;
  const stages = [{ fromRps: rps, toRps: rps, durationMs: FOREVER_MS }];
  const target = { url: new URL(config.url), headers: [], gzip: false };
  return createLane(
    {
      url: config.url,
      insecure: false,
      connections: Math.min(4, connections),
      maxConnections: connections,
      prepare: 0,
      timeoutMs: 5 * tmaxMs,
      sender: { maxLateMs: 1000, lateMs: 10, tmaxMs, maxWaiting: 10_000, pace: 'timer', warmupMs: 0 },
      closed: null,
      noticeHosts: [],
      market,
      courier: { ...defaultCourier, ...config.courier },
      ledgerPath: config.ledgerPath ?? null,
      selfCheck: false,
    },
    {
      clock,
      random,
      schedule: createSchedule(stages, 'poisson', 0, 1, random),
      source: createGeneratedSource(createRequestGenerator(mix, random), CORPUS, target, random),
      ...(deps.onWin === undefined ? {} : { onWin: deps.onWin }),
    },
  );
}

/** Looks at a lane once per interval: percentiles are of the last interval only. */
function createWindow(lane: Lane, clock: Clock) {
  const latencies = createLatencies();
  let lastMs = clock.monotonicMs();
  let lastSent = 0;
  let last = look(0, 0, 0);
  function look(rps: number, p50Ms: number, p99Ms: number): TrafficStatus {
    const { account, market } = lane;
    const { counters } = account;
    const sums = { spendNanos: 0n, impressions: 0, clicks: 0 };
    for (const campaign of lane.truth.values()) {
      sums.spendNanos += campaign.spendNanos;
      sums.impressions += campaign.counts.impression.acknowledged;
      sums.clicks += campaign.counts.click.acknowledged;
    }
    return {
      rps,
      p50Ms,
      p99Ms,
      requests: counters.sent,
      bids: market.bids,
      wins: market.wins,
      errors: errorsOf(counters),
      dropped: counters.dropped,
      ...sums,
      pendingNotices: lane.pendingNotices,
    };
  }
  return {
    last: () => last,
    next(): TrafficStatus {
      const nowMs = clock.monotonicMs();
      const seconds = Math.max(0.001, (nowMs - lastMs) / 1000);
      latencies.reset();
      latencies.addCounts(takeCounts(lane.account.latencies));
      takeCounts(lane.account.lateness);
      last = look(
        (lane.account.counters.sent - lastSent) / seconds,
        latencies.percentileMs(50),
        latencies.percentileMs(99),
      );
      lastMs = nowMs;
      lastSent = lane.account.counters.sent;
      return last;
    },
    destroy: latencies.destroy,
  };
}
