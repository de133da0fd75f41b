import { assume, multiplierFor, outstanding, PRIOR_BILLS, rateAt } from './evidence.ts';
import { expected, type WeekProfile } from './forecast.ts';
import type { LevelState, PlanTrack } from './levelstate.ts';
import { plannedShare, targetRate } from './plan.ts';

/** Below this a bid hardly ever wins: auctions are left out instead. */
export const MIN_MULTIPLIER = 0.01;
export const MAX_MULTIPLIER = 1;
/** The most ln(multiplier) moves in one step. */
const MAX_STEP = 0.2;
/** Auctions that must have been seen before prices are guessed. */
const MIN_AUCTIONS = 20;
/** Cold start: at multiplier 1 an auction costs this share of the bid on average, and a bill that share. */
const PRIOR_COST = 0.3;
const PRIOR_PRICE = 0.5;
/** Weight in bills of a multiplier that was known before a restart. */
const RESTORED_BILLS = 30;
/** Spend may be ahead of the plan by this share of the budget, and by this many bills, before credit stops. */
const SLACK_SHARE = 0.02;
const SLACK_BILLS = 4;
/** The plan ends before its period by this many settling times, at most by this share of what is left. */
const SETTLING_TIMES = 1.5;
const MAX_EARLY_SHARE = 0.03;

export interface ControlInput {
  readonly nowMs: number;
  readonly profile: WeekProfile;
  readonly cohortMs: number;
  /** By when nearly all feedback of an auction has arrived. */
  readonly settleMs: number;
  /** Confirmed spend of a cell, nanos. */
  readonly confirmedOf: (cell: string) => number;
  readonly reservedOf: (cell: string) => number;
}

/** One step of a level's controller: decides its multiplier and pass probability from plan, forecast and evidence. */
export function control(state: LevelState, input: ControlInput): void {
  const { evidence } = state;
  const pendingNanos = outstanding(evidence);
  state.rate = Number.POSITIVE_INFINITY;
  state.braked = false;
  for (const track of state.tracks) judge(state, track, input, pendingNanos);
  if (!state.started && !start(state)) return;
  if (state.rate === Number.POSITIVE_INFINITY) {
    state.multiplier = MAX_MULTIPLIER;
    state.pass = 1;
    return;
  }
  if (state.rate <= 0) return;
  const wanted = clamp(multiplierFor(evidence, state.rate), MIN_MULTIPLIER, MAX_MULTIPLIER);
  const step = clamp(Math.log(wanted / state.multiplier), -MAX_STEP, MAX_STEP);
  state.multiplier = clamp(state.multiplier * Math.exp(step), MIN_MULTIPLIER, MAX_MULTIPLIER);
  const atFloor = state.multiplier <= MIN_MULTIPLIER * 1.001;
  const floorRate = rateAt(evidence, MIN_MULTIPLIER);
  state.pass = atFloor && floorRate > state.rate ? Math.max(0.001, state.rate / floorRate) : 1;
}

function judge(state: LevelState, track: PlanTrack, input: ControlInput, pendingNanos: number): void {
  const { nowMs, profile, cohortMs } = input;
  const { cell } = track;
  const budget = Number(cell.budgetNanos);
  const confirmed = input.confirmedOf(cell.name);
  const reserved = input.reservedOf(cell.name);
  const pending = Math.min(pendingNanos, reserved);
  const restMs = Math.max(cohortMs, cell.toMs - nowMs);
  const earlyMs = Math.min(SETTLING_TIMES * input.settleMs, MAX_EARLY_SHARE * (cell.toMs - cell.fromMs), restMs / 2);
  const endMs = nowMs + restMs - earlyMs;
  const restAuctions = expected(profile, state.traffic, nowMs, nowMs, endMs);
  const nextAuctions = expected(profile, state.traffic, nowMs, nowMs, nowMs + cohortMs);
  state.restAuctions = restAuctions;
  const restNanos = budget - confirmed - pending;
  const auctionsPerMs = nextAuctions / cohortMs;
  const rate =
    restAuctions <= 0 && state.level.plan !== 'asap'
      ? Number.POSITIVE_INFINITY
      : targetRate({ plan: state.level.plan, restNanos, restAuctions, restMs: endMs - nowMs, auctionsPerMs });
  state.rate = Math.min(state.rate, Math.max(0, rate));
  const slack = SLACK_SHARE * budget + SLACK_BILLS * priceOf(state);
  const ahead = planned(state, track, nowMs, restAuctions, nextAuctions * 2);
  if (state.level.plan !== 'asap' && confirmed + pending > ahead + slack) state.braked = true;
}

/** What the plan wants spent once `lead` more auctions have come, nanos. */
export function planned(
  state: LevelState,
  track: PlanTrack,
  nowMs: number,
  restAuctions: number,
  lead: number,
): number {
  const { cell, baseNanos, startMs, seen } = track;
  const all = seen + restAuctions;
  const timeShare = (nowMs - startMs) / Math.max(1, cell.toMs - startMs);
  const trafficShare = all <= 0 ? timeShare : (seen + lead) / all;
  const rest = Math.max(0, Number(cell.budgetNanos) - baseNanos);
  return baseNanos + rest * plannedShare(state.level.plan, trafficShare, timeShare);
}

/** Average price of a bill, guessed from the bid until known. */
export function priceOf(state: LevelState): number {
  return state.evidence.priceNanos > 0 ? state.evidence.priceNanos : state.maxBidNanos * PRIOR_PRICE;
}

/** Cold start: the first multiplier comes from a guess of prices, as soon as there is traffic to divide by. */
function start(state: LevelState): boolean {
  const { evidence, traffic } = state;
  if (traffic.seenLong < MIN_AUCTIONS && pendingAuctions(state) < MIN_AUCTIONS) return false;
  if (state.rate === Number.POSITIVE_INFINITY && state.level.plan !== 'asap') return false;
  state.started = true;
  const bid = bidAt1(state);
  const price = PRIOR_PRICE * bid.nanos;
  if (state.restored && Number.isFinite(state.rate)) {
    assume(evidence, state.multiplier, Math.max(state.rate, 1e-6), price * state.multiplier, RESTORED_BILLS);
    return true;
  }
  assume(evidence, 1, PRIOR_COST * bid.nanos * bid.share, price, PRIOR_BILLS);
  if (Number.isFinite(state.rate))
    state.multiplier = clamp(multiplierFor(evidence, state.rate), MIN_MULTIPLIER, MAX_MULTIPLIER);
  return true;
}

function pendingAuctions(state: LevelState): number {
  return state.evidence.pending.reduce((sum, cohort) => sum + cohort.auctions, 0);
}

/** The average bid if the multiplier were 1, and the share of eligible auctions that get a bid. */
function bidAt1(state: LevelState): { nanos: number; share: number } {
  let nanos = 0;
  let bids = 0;
  let open = 0;
  for (const cohort of state.evidence.pending) {
    if (cohort.bids === 0) continue;
    nanos += cohort.bidNanos / Math.exp(cohort.logMultiplier / Math.max(1, cohort.auctions));
    bids += cohort.bids;
    open += cohort.open;
  }
  if (bids === 0) return { nanos: state.maxBidNanos, share: 1 };
  return { nanos: nanos / bids, share: open > 0 ? Math.min(1, bids / open) : 1 };
}

function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}
