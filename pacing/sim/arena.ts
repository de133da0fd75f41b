import type { Random } from '../../core/random.ts';
import type { Baseline, BaselineContext, Method } from './baselines.ts';
import { createLater } from './feedback.ts';
import { hindsightPicks, hindsightValue, valueOfRate } from './hindsight.ts';
import { deliverWin, type LineResult, newResult } from './lineresult.ts';
import { type Market, minutesOf, perMarket, shapeAt } from './market.ts';
import { SINGLE_LINE, singleCampaign } from './single.ts';
import { type Happening, runWorld, type WorldOptions } from './world.ts';

/** One cell of the grid: everything but the method. */
export interface Trial {
  readonly market: Market;
  readonly budgetNanos: number;
  /** What it is changed to in flight: scores are against this. */
  readonly finalBudgetNanos?: number;
  readonly delayMs: number;
  readonly noticeLoss: number;
  readonly firstPrice: boolean;
  readonly seed: number;
  readonly noticeRepeat?: number;
  /** How far the store is behind the log. */
  readonly storeLagMs?: number;
  readonly budget?: 'daily' | 'lifetime';
  readonly timeZone?: string;
  readonly nodes?: number;
  readonly happenings?: readonly Happening[];
  /** Notices of auctions in [from, to) arrive only at the end of it: the log or the store was down. */
  readonly silence?: readonly [number, number];
}

export interface Score {
  readonly method: string;
  readonly budgetNanos: number;
  readonly deliveredNanos: number;
  /** The worst of several campaigns, where there are several. */
  readonly overMax?: number;
  /** Delivered above the budget, share of the budget; what the exchange charged counts, heard of or not. */
  readonly over: number;
  readonly billedOver: number;
  readonly utilisation: number;
  readonly value: number;
  /** Value ÷ what hindsight buys with the budget. */
  readonly valueShare: number;
  /** Value ÷ what hindsight buys with what was delivered, where that is more than the budget: nobody gains by spending more. */
  readonly valueForMoney: number;
  readonly clicks: number;
  readonly wins: number;
  readonly costPerClick: number;
  readonly ks: number;
  readonly rmse: number;
  readonly effort: number;
  readonly cpuMsPerRound: number;
  readonly byMinute: Float64Array;
}

/** The pacer in one cell, message for message. */
export function playPacer(trial: Trial, mode: WorldOptions['mode'], random: Random, roundMs: number): Score {
  const { market, budgetNanos } = trial;
  const { changes, lines } = singleCampaign(budgetNanos, market, trial.budget, trial.timeZone);
  const result = runWorld({
    market,
    changes,
    lines,
    nodes: trial.nodes ?? 1,
    mode,
    firstPrice: trial.firstPrice,
    delayMs: trial.delayMs,
    noticeLoss: trial.noticeLoss,
    noticeRepeat: trial.noticeRepeat ?? 0,
    storeLagMs: trial.storeLagMs ?? 0,
    random,
    pacer: {
      storeLagMs: Math.max(60_000, 2 * (trial.storeLagMs ?? 0)),
      roundMs,
      leaseMs: 4 * roundMs,
      nodeTimeoutMs: 3 * roundMs,
      resolveAfterMs: mode === 'strict' ? Number.POSITIVE_INFINITY : Math.max(30_000, 5 * trial.delayMs),
    },
    happenings: trial.happenings ?? [],
  });
  const line = result.lines.get(SINGLE_LINE)!;
  return scoreOf(
    mode === 'strict' ? 'evenkeel strict' : 'evenkeel',
    trial,
    line,
    result.effort,
    result.cpuMs / result.rounds,
  );
}

/** A published method in the same cell: stops when it has heard of as much spend as the budget. */
export function playBaseline(trial: Trial, method: Method, settings: readonly number[], random: Random): Score {
  const { market } = trial;
  const context: BaselineContext = {
    budgetNanos: trial.budgetNanos,
    startMs: market.startMs,
    endMs: market.endMs,
    trafficShare: forecastShare(market),
    random,
  };
  const baseline = method.create(context, settings);
  const line = newResult(market);
  const cpu = run(trial, baseline, line, random);
  return scoreOf(method.name, trial, line, cpu.effort, cpu.msPerRound);
}

function run(
  trial: Trial,
  baseline: Baseline,
  line: LineResult,
  random: Random,
): { effort: number; msPerRound: number } {
  const { market } = trial;
  const worth = valueOfRate(market);
  const later = createLater<{ readonly nanos: number | null; readonly layer: number }>(market.startMs);
  const { silence } = trial;
  let heard = 0;
  let nextMs = market.startMs;
  let rounds = 0;
  let timed = 0;
  let effort = 0;
  let last = baseline.bid(worth);
  let spentNs = 0n;
  const hear = (nowMs: number): void => {
    for (let notice = later.next(nowMs); notice !== undefined; notice = later.next(nowMs)) {
      heard += notice.nanos ?? 0;
      baseline.heard(notice.nanos, notice.layer);
    }
  };
  const tick = (nowMs: number): void => {
    hear(nowMs);
    // Asking for the time costs more than most methods do: one round in a few tells as much.
    if (rounds++ % TIMED_EVERY === 0) {
      const started = process.hrtime.bigint();
      baseline.tick(nowMs);
      spentNs += process.hrtime.bigint() - started;
      timed++;
    } else baseline.tick(nowMs);
    const now = Math.max(1e-9, baseline.bid(worth));
    if (last > 0) effort += Math.abs(Math.log(now / last));
    last = now;
  };
  for (let i = 0; i < market.atMs.length; i++) {
    const atMs = market.atMs[i]!;
    for (; nextMs <= atMs; nextMs += 60_000) tick(nextMs);
    hear(atMs);
    if (heard >= trial.budgetNanos) continue;
    const bid = Math.floor(baseline.bid(worth * market.rate[i]!));
    if (bid <= 0) continue;
    const won = bid > market.priceNanos[i]!;
    const nanos = won ? (trial.firstPrice ? bid : market.priceNanos[i]!) : null;
    if (won) deliverWin(line, market, i, nanos!);
    if (random.next() < trial.noticeLoss) continue;
    const usual = atMs + trial.delayMs * (0.3 - 0.7 * Math.log(1 - random.next()));
    const due = silence !== undefined && usual >= silence[0] && usual < silence[1] ? silence[1] : usual;
    later.add(due, { nanos, layer: baseline.lastLayer });
    if (nanos !== null) line.billedNanos += nanos;
  }
  return { effort, msPerRound: Number(spentNs) / 1e6 / Math.max(1, timed) };
}
const TIMED_EVERY = 16;

/** The share of the period's traffic a forecaster expects to have come by an instant. */
const forecastShare = perMarket((market): ((atMs: number) => number) => {
  const minutes = minutesOf(market);
  const sums = new Float64Array(minutes + 1);
  for (let i = 0; i < minutes; i++) sums[i + 1] = sums[i]! + shapeAt(market.knownShape, market.startMs + i * 60_000);
  const total = sums[minutes]!;
  return (atMs) => {
    const at = Math.max(0, Math.min(minutes, (atMs - market.startMs) / 60_000));
    const low = Math.floor(at);
    const high = Math.min(minutes, low + 1);
    return (sums[low]! + (at - low) * (sums[high]! - sums[low]!)) / total;
  };
});

/** How far the forecast itself is from the traffic that came: Kolmogorov–Smirnov distance. */
export const forecastKs = perMarket((market) => {
  const share = forecastShare(market);
  let worst = 0;
  const step = market.atMs.length > 2000 ? 20 : 1;
  for (let i = 0; i < market.atMs.length; i += step)
    worst = Math.max(worst, Math.abs(share(market.atMs[i]!) - i / market.atMs.length));
  return worst;
});

/** Share of the traffic that had come by the end of each minute. */
const trafficCame = perMarket((market) => {
  const shares = new Float64Array(minutesOf(market));
  let seen = 0;
  for (let minute = 0; minute < shares.length; minute++) {
    const until = market.startMs + (minute + 1) * 60_000;
    while (seen < market.atMs.length && market.atMs[seen]! < until) seen++;
    shares[minute] = seen / market.atMs.length;
  }
  return shares;
});

/** What a line item's day comes to. */
export function scoreOf(method: string, trial: Trial, line: LineResult, effort: number, cpuMsPerRound: number): Score {
  const { market } = trial;
  // An advertiser's budget is in micros: what a fraction of one would add is not there to spend.
  const budget = Math.max(1, Math.floor((trial.finalBudgetNanos ?? trial.budgetNanos) / 1000)) * 1000;
  const shape = smoothness(line.byMinute, market);
  // The advertiser's invoice stops at the budget, in every mode.
  const billed = Math.min(line.billedNanos, budget);
  return {
    method,
    budgetNanos: budget,
    deliveredNanos: line.deliveredNanos,
    over: Math.max(0, line.deliveredNanos / budget - 1),
    billedOver: Math.max(0, billed / budget - 1),
    utilisation: Math.min(1, line.deliveredNanos / budget),
    value: line.value,
    valueShare: line.value / hindsightValue(market, budget, trial.firstPrice),
    valueForMoney: line.value / hindsightValue(market, Math.max(budget, line.deliveredNanos), trial.firstPrice),
    clicks: line.clicks,
    wins: line.wins,
    costPerClick: line.clicks === 0 ? 0 : line.deliveredNanos / line.clicks,
    ...shape,
    effort,
    cpuMsPerRound,
    byMinute: line.byMinute,
  };
}

/** How far even hindsight's spend is from the traffic: of few wins, when they come is chance. */
export function hindsightKs({ market, budgetNanos, firstPrice }: Trial): number {
  const line = newResult(market);
  for (const at of hindsightPicks(market, budgetNanos, firstPrice))
    deliverWin(line, market, at, market.priceNanos[at]!);
  return smoothness(line.byMinute, market).ks;
}

/** Distance of the spend curve from the curve of the traffic that came: the largest, and the root of the mean square. */
function smoothness(byMinute: Float64Array, market: Market): { ks: number; rmse: number } {
  const total = byMinute.reduce((sum, one) => sum + one, 0);
  if (total === 0) return { ks: 1, rmse: 1 };
  const came = trafficCame(market);
  let spend = 0;
  let ks = 0;
  let squares = 0;
  for (let minute = 0; minute < byMinute.length; minute++) {
    spend += byMinute[minute]!;
    const gap = Math.abs(spend / total - came[minute]!);
    ks = Math.max(ks, gap);
    squares += gap * gap;
  }
  return { ks, rmse: Math.sqrt(squares / byMinute.length) };
}
