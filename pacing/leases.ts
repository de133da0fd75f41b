import type { Allocation, CellAmounts, ShareAmounts } from './allocation.ts';
import { KNOWN_BILLS, presumedAtMost } from './controller.ts';
import { bidShare, openBids, rateAt } from './evidence.ts';
import type { LevelState } from './levelstate.ts';
import type { OpenCell } from './tree.ts';

export interface LeaseOptions {
  readonly roundMs: number;
  /** How long a lease lasts without renewal: this long bidders go on when the pacer is gone. */
  readonly leaseMs: number;
  /** A lease is renewed when this much of its time has gone. */
  readonly renewMs: number;
}

/** A bidder that reported lately, and its part of recent bids, 0 to 1. */
export interface LiveNode {
  readonly node: string;
  readonly share: number;
}

/** A lease covers this many rounds of the present flow of reservations. */
const ROUNDS_AHEAD = 4;
const MIN_BIDS = 4;
/** With less left than this many bids for each bidder, one bidder gets it all. */
const ALONE_BIDS = 8;
/** While the response of the market is unknown, bids for so much of the rest may be out at once. */
const LEARNING_SHARE = 0.02;
/**
 * Bids are counted by what they probably cost, not less than this share of them: where feedback is late and bids are dear
 * for the budget, full counting leaves too few to learn from. Chosen on tuning markets out of 1, 0.1 and 0.04.
 */
const LEAST_COST_SHARE = 0.04;
/** The most that is handed out at once otherwise, share of the rest. */
const STEP_SHARE = 0.01;

/** How much may be reserved on top of what is out already, nanos, over all bidders. 0 stops new bids. */
function growth(state: LevelState, amounts: CellAmounts, options: Pick<LeaseOptions, 'roundMs'>): number {
  if (!state.active || state.roomNanos < 0 || state.spent) return 0;
  const presumed = amounts.presumedNanos;
  const reserved = amounts.reservedNanos - presumed;
  const rest = amounts.budgetNanos - amounts.confirmedNanos - presumedAtMost(state, presumed);
  // What may have been spent beyond what is presumed is not handed out.
  if (presumed > 0 && rest <= reserved) return 0;
  // The dearest bid must fit, and a few average ones.
  const least = Math.max(state.maxBidNanos * state.multiplier, MIN_BIDS * usualBid(state));
  const flow = 2 * state.flow * ROUNDS_AHEAD * options.roundMs;
  const known = state.evidence.weight >= KNOWN_BILLS || state.level.plan === 'asap';
  const most = presumed > 0 ? rest - reserved : Number.POSITIVE_INFINITY;
  const cost = costShare(state);
  // Not more than may be spent before the plan says stop: the flow of a market that is not understood yet says little.
  if (known)
    return Math.min(most, Math.max(least, Math.min(Math.max(flow, STEP_SHARE * rest), state.roomNanos / cost)));
  // Bids whose notice was lost must not hold up learning: in strict mode they stay reserved for good.
  const open = Math.min(reserved, openBids(state.evidence));
  return Math.max(0, Math.min(most, Math.max(least, flow), Math.max(least, (LEARNING_SHARE * rest) / cost) - open));
}

/**
 * Renews the leases of one cell. A lease is left alone while it is young and mostly undrawn, so that a round touches
 * few cells. @returns whether a grant changed
 */
export function lease(
  allocation: Allocation,
  state: LevelState,
  cell: OpenCell,
  nodes: readonly LiveNode[],
  nowMs: number,
  options: LeaseOptions,
): boolean {
  const amounts = allocation.amounts(cell.name);
  const more = growth(state, amounts, options);
  const left = amounts.budgetNanos - amounts.confirmedNanos - amounts.presumedNanos;
  // So little is left that pieces of it would be too small to bid with: one bidder gets it all.
  const alone = nodes.length > 1 && left < nodes.length * ALONE_BIDS * usualBid(state);
  const keeper = alone ? busiest(nodes) : null;
  const untilMs = Math.min(nowMs + options.leaseMs, cell.toMs);
  const { fits } = amounts;
  let changed = false;
  for (const { node, share } of nodes) {
    const part = keeper === null ? share : keeper === node ? 1 : 0;
    const last = allocation.share(cell.name, node);
    const extra = more <= 0 || part === 0 ? 0 : Math.ceil(Math.max(more * part, state.maxBidNanos));
    // What is out fits the budget (so that there is room for what is used) and is what it should be: nothing to work out.
    if (fits && !isDue(last, extra, nowMs, untilMs, options)) continue;
    const used = allocation.used(cell.name, node);
    const room = allocation.room(cell.name, node);
    const wish = used + BigInt(extra);
    const want = wish < room ? wish : room;
    if (!isDue(last, Number(want - used), nowMs, untilMs, options)) continue;
    allocation.grant(cell.name, node, want, Math.max(cell.fromMs, nowMs - 60_000), untilMs);
    changed = true;
  }
  return changed;
}

/** What a nano reserved costs on average, as far as is known or assumed: most bids lose. */
function costShare(state: LevelState): number {
  const { evidence, multiplier } = state;
  const bid = usualBid(state) * bidShare(evidence);
  return bid <= 0 ? 1 : Math.min(1, Math.max(LEAST_COST_SHARE, rateAt(evidence, multiplier) / bid));
}

/** The average bid at the present multiplier, nanos. */
function usualBid(state: LevelState): number {
  const { bidNanos } = state.evidence;
  return state.multiplier * (bidNanos > 0 ? bidNanos : state.maxBidNanos);
}

/** @param extra nanos wanted on top of what is used */
function isDue(
  last: ShareAmounts | undefined,
  extra: number,
  nowMs: number,
  untilMs: number,
  options: LeaseOptions,
): boolean {
  if (last === undefined) return extra > 0;
  const open = last.grantedNanos - last.usedNanos;
  if (extra <= 0) return open > extra && last.untilMs > nowMs;
  // Half drawn, half of its time gone, or far too large since the plan slowed down.
  if (open < Math.floor(extra / 2)) return true;
  if (open > extra * 3) return true;
  return untilMs - last.untilMs > options.renewMs && untilMs > last.untilMs;
}

function busiest(nodes: readonly LiveNode[]): string | null {
  let best: LiveNode | null = null;
  for (const node of nodes)
    if (best === null || node.share > best.share || (node.share === best.share && node.node < best.node)) best = node;
  return best?.node ?? null;
}
