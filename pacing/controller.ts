import type { CellAmounts } from './allocation.ts';
import { AUCTIONS, sumOf } from './cohorts.ts';
import { assume, bidShare, multiplierFor, openBids, outstanding, PRIOR_BILLS, rateAt } from './evidence.ts';
import { expected } from './forecast.ts';
import type { LevelState, PlanTrack } from './levelstate.ts';
import { plannedShare, targetRate } from './plan.ts';
import type { WeekProfile } from './weekprofile.ts';

/** Below this a bid hardly ever wins: auctions are left out instead. */
const MIN_MULTIPLIER = 0.001;
const MAX_MULTIPLIER = 1;
/** The most ln(multiplier) moves in one step. */
const MAX_STEP = 0.2;
/** Auctions that must have been seen before prices are guessed: many, or after a while some. */
const MANY_AUCTIONS = 100;
const MIN_AUCTIONS = 20;
const PATIENCE_MS = 600_000;
const MIN_BIDS_SEEN = 5;
/** Cold start: at multiplier 1 an auction costs this share of the bid on average, and a bill that share. */
const PRIOR_COST = 0.4;
const PRIOR_PRICE = 0.5;
/** Flatter than the usual response: the first guess errs on the low side, where waiting is cheap and nothing is burnt. */
const COLD_SLOPE = 1.3;
/** Weight in bills of a multiplier that was known before a restart. */
const RESTORED_BILLS = 30;
/**
 * Spend may be ahead of the plan by this share of the budget, and by this many bills, before credit stops: less while
 * the market is unknown. Being a little ahead is not corrected by stopping: the rest is spread over what is left.
 */
const SLACK_LEARNING = 0.02;
const SLACK_KNOWN = 0.05;
const SLACK_BILLS = 4;
/** Bills after which the response of the market counts as known. */
export const KNOWN_BILLS = PRIOR_BILLS + 8;
/** The plan ends before its period by this many settling times, at most by this share of what is left. */
const SETTLING_TIMES = 0.5;
const MAX_EARLY_SHARE = 0.03;

export interface ControlInput {
  readonly nowMs: number;
  /** Cohorts that ended before this are complete. */
  readonly completeMs: number;
  readonly profile: WeekProfile;
  readonly cohortMs: number;
  readonly roundMs: number;
  /** By when nearly all feedback of an auction has arrived. */
  readonly settleMs: number;
  readonly amountsOf: (cell: string) => CellAmounts;
  /** What is not proven free stays reserved for good. */
  readonly strict: boolean;
}

/** What is presumed may be less than what was spent: so many standard deviations of that are left unspent. */
const PRESUMED_SIGMAS = 1;

/** What is presumed spent, and as much more as chance may have made of it, nanos. */
export function presumedAtMost(state: LevelState, presumedNanos: number): number {
  return presumedNanos + PRESUMED_SIGMAS * Math.sqrt(presumedNanos * state.evidence.priceNanos);
}

/** One step of a level's controller: decides its multiplier and pass probability from plan, forecast and evidence. */
export function control(state: LevelState, input: ControlInput): void {
  const { evidence } = state;
  const pendingNanos = outstanding(evidence);
  state.rate = Number.POSITIVE_INFINITY;
  state.roomNanos = Number.POSITIVE_INFINITY;
  for (const track of state.tracks) judge(state, track, input, pendingNanos);
  if (!state.started && !start(state, input.nowMs)) return;
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
  const amounts = input.amountsOf(cell.name);
  const { budgetNanos: budget, confirmedNanos: confirmed, presumedNanos: presumed } = amounts;
  // The store knows only what was told: of what bids spend, this share.
  const told = confirmed <= 0 ? 1 : confirmed / (confirmed + presumed);
  const spent = confirmed + presumedAtMost(state, presumed);
  const reserved = amounts.reservedNanos - presumed;
  const pending = Math.min(pendingNanos / told, reserved);
  const locked = input.strict ? Math.max(0, reserved - openBids(state.evidence)) : 0;
  const restMs = Math.max(cohortMs, cell.toMs - nowMs);
  const earlyMs = Math.min(SETTLING_TIMES * input.settleMs, MAX_EARLY_SHARE * (cell.toMs - cell.fromMs), restMs / 2);
  const endMs = nowMs + restMs - earlyMs;
  const restAuctions = expected(profile, state.traffic, nowMs, nowMs, endMs);
  const nextAuctions = expected(profile, state.traffic, nowMs, nowMs, nowMs + cohortMs);
  state.restAuctions = restAuctions;
  const restNanos = budget - spent - pending - locked;
  const auctionsPerMs = nextAuctions / cohortMs;
  const rate =
    restAuctions <= 0 && state.level.plan !== 'asap'
      ? Number.POSITIVE_INFINITY
      : targetRate({
          plan: state.level.plan,
          restNanos,
          restAuctions,
          restMs: endMs - nowMs,
          auctionsPerMs,
          belief: profile.belief,
        });
  state.rate = Math.min(state.rate, Math.max(0, rate * told));
  const share = state.evidence.weight >= KNOWN_BILLS ? SLACK_KNOWN : SLACK_LEARNING;
  const slack = share * budget + SLACK_BILLS * priceOf(state);
  const ahead = planned(state, track, nowMs, restAuctions, nextAuctions * 2, profile.belief);
  if (state.level.plan !== 'asap') state.roomNanos = Math.min(state.roomNanos, ahead + slack - spent - pending);
}

/** What the plan wants spent once `lead` more auctions have come, nanos. */
export function planned(
  state: LevelState,
  track: PlanTrack,
  nowMs: number,
  restAuctions: number,
  lead: number,
  belief: number,
): number {
  const { cell, baseNanos, startMs, seen } = track;
  const all = seen + restAuctions;
  const timeShare = (nowMs - startMs) / Math.max(1, cell.toMs - startMs);
  const trafficShare = all <= 0 ? timeShare : belief * ((seen + lead) / all) + (1 - belief) * timeShare;
  const rest = Math.max(0, Number(cell.budgetNanos) - baseNanos);
  return baseNanos + rest * plannedShare(state.level.plan, trafficShare, timeShare);
}

/** Average price of a bill, guessed from bids until known. */
function priceOf(state: LevelState): number {
  const { priceNanos, bidNanos } = state.evidence;
  if (priceNanos > 0) return priceNanos;
  return PRIOR_PRICE * state.multiplier * (bidNanos > 0 ? bidNanos : state.maxBidNanos);
}

/** Cold start: the first multiplier comes from a guess of prices, as soon as there is traffic to divide by. */
function start(state: LevelState, nowMs: number): boolean {
  const { evidence, traffic } = state;
  const watchedMs = nowMs - Math.min(...state.tracks.map((track) => track.startMs));
  const seen = Math.max(traffic.seenLong, pendingAuctions(state));
  if (seen < (watchedMs < PATIENCE_MS ? MANY_AUCTIONS : MIN_AUCTIONS)) return false;
  if (state.rate === Number.POSITIVE_INFINITY && state.level.plan !== 'asap') return false;
  const bid = bidAt1(state);
  if (bid === null) return false;
  state.started = true;
  if (state.restored && Number.isFinite(state.rate)) {
    const price = PRIOR_PRICE * bid.nanos * state.multiplier;
    assume(evidence, state.multiplier, Math.max(state.rate, 1e-6), price, RESTORED_BILLS);
    return true;
  }
  if (Number.isFinite(state.rate)) {
    const guess = (state.rate / (PRIOR_COST * bid.nanos * bid.share)) ** (1 / COLD_SLOPE);
    state.multiplier = clamp(guess, MIN_MULTIPLIER, MAX_MULTIPLIER);
  }
  const rate = PRIOR_COST * bid.nanos * bid.share * state.multiplier ** COLD_SLOPE;
  assume(evidence, state.multiplier, rate, PRIOR_PRICE * bid.nanos * state.multiplier, PRIOR_BILLS);
  return true;
}

function pendingAuctions(state: LevelState): number {
  return sumOf(state.evidence.pending, AUCTIONS);
}

/**
 * The average bid if the multiplier were 1, and the share of open auctions that get a bid; null until known. Where
 * floors keep the low first bids out there is nothing to learn from: then the highest bid allowed stands for it.
 */
function bidAt1(state: LevelState): { nanos: number; share: number } | null {
  if (state.evidence.bids < MIN_BIDS_SEEN) {
    return pendingAuctions(state) < MANY_AUCTIONS ? null : { nanos: state.maxBidNanos, share: 1 };
  }
  return { nanos: state.evidence.bidNanos, share: bidShare(state.evidence) };
}

function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}
