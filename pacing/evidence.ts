import {
  AUCTIONS,
  BID_NANOS,
  BIDS,
  BILLS,
  type Cohorts,
  type CohortTable,
  createCohorts,
  dropFirst,
  LOG_MULTIPLIER,
  NONE,
  nextCohort,
  OPEN,
  SPEND_NANOS,
  START,
  sumOf,
} from './cohorts.ts';
import { createRows, NOWHERE } from './rows.ts';

/**
 * What is known about the response of spend to the multiplier: spend per open auction ≈ (spend / open) × multiplier^e,
 * where both sums are weighted and normalised to a multiplier of 1.
 */
export interface Evidence extends EvidenceNumbers {
  /** Those too young to judge. */
  readonly pending: Cohorts;
}

interface EvidenceNumbers {
  normalSpend: number;
  open: number;
  /** Bills behind it, faded with age: how much is known. */
  weight: number;
  /** Average price of a bill, nanos; 0 until known. */
  priceNanos: number;
  /** Average bid if the multiplier were 1, nanos, over about the last thousand bids; 0 until known. */
  bidNanos: number;
  bids: number;
  /** Bills of the last few dozen against those the curve foretold: where they part, the market has changed. */
  recentBills: number;
  recentExpected: number;
}

const HALF_LIFE_BILLS = 120;
const HALF_LIFE_MS = 8 * 3_600_000;
/** A change of the market shows in this many bills, at this many standard deviations, and is then learned this fast. */
const RECENT_BILLS = 30;
const SURPRISE_SIGMAS = 2.5;
const SURPRISE_FROM_BILLS = 30;
const FORGET = 0.7;
/**
 * Spend grows with about this power of the bid: 1.7 over four real and synthetic logs. A little more is assumed, so that
 * the multiplier corrects a little less than a surprise asks for: chosen on tuning markets out of 1.4 to 3.5.
 */
const SLOPE = 2.2;
/** Weight of what a level starts from, in bills. */
export const PRIOR_BILLS = 4;

const evidenceOf = createRows<keyof EvidenceNumbers>([
  'normalSpend',
  'open',
  'weight',
  'priceNanos',
  'bidNanos',
  'bids',
  'recentBills',
  'recentExpected',
]);

export function createEvidence(table: CohortTable): Evidence {
  return evidenceOf({ values: NOWHERE, at: 0, pending: createCohorts(table) });
}

const BIDS_REMEMBERED = 1000;

/** Learns what is bid at multiplier 1 from bids made at another. */
export function noteBids(evidence: Evidence, bids: number, bidNanos: number, multiplier: number): void {
  if (bids <= 0) return;
  evidence.bids = Math.min(BIDS_REMEMBERED, evidence.bids + bids);
  evidence.bidNanos += Math.min(1, bids / evidence.bids) * (bidNanos / bids / multiplier - evidence.bidNanos);
}

/** Starts the response curve from an assumption: at `multiplier` it spends `rate` per auction. */
export function assume(evidence: Evidence, multiplier: number, rate: number, priceNanos: number, bills: number): void {
  evidence.normalSpend = (bills * priceNanos) / multiplier ** SLOPE;
  evidence.open = (bills * priceNanos) / Math.max(rate, 1e-9);
  evidence.weight = bills;
}

/** Takes cohorts that ended before `matureMs` into the response curve. */
export function fold(evidence: Evidence, matureMs: number, cohortMs: number): void {
  const { pending } = evidence;
  const { values } = pending.table;
  while (pending.first !== NONE && values[pending.first + START]! + cohortMs <= matureMs) {
    learn(evidence, pending.first, cohortMs);
    dropFirst(pending);
  }
}

function learn(evidence: Evidence, row: number, cohortMs: number): void {
  const { values } = evidence.pending.table;
  const open = values[row + OPEN]!;
  if (open <= 0) return;
  const auctions = values[row + AUCTIONS]!;
  const bills = values[row + BILLS]!;
  const spendNanos = values[row + SPEND_NANOS]!;
  const logM = auctions > 0 ? values[row + LOG_MULTIPLIER]! / auctions : 0;
  const usual = 2 ** (-bills / HALF_LIFE_BILLS - cohortMs / HALF_LIFE_MS);
  const keep = isSurprise(evidence, open, bills, Math.exp(logM)) ? Math.min(usual, FORGET) : usual;
  evidence.normalSpend = evidence.normalSpend * keep + spendNanos * Math.exp(-SLOPE * logM);
  evidence.open = evidence.open * keep + open;
  evidence.weight = evidence.weight * keep + bills;
  if (bills > 0) {
    const share = Math.min(1, bills / (Math.min(evidence.weight, HALF_LIFE_BILLS) + 1));
    const price = spendNanos / bills;
    evidence.priceNanos += (evidence.priceNanos === 0 ? 1 : share) * (price - evidence.priceNanos);
  }
}

/** Whether the last bills are so far from what was foretold that what was learned before should count for less. */
function isSurprise(evidence: Evidence, open: number, bills: number, multiplier: number): boolean {
  if (evidence.weight < SURPRISE_FROM_BILLS || evidence.priceNanos <= 0) return false;
  const foretold = (open * rateAt(evidence, multiplier)) / evidence.priceNanos;
  const keep = 2 ** (-Math.max(foretold, bills) / RECENT_BILLS);
  evidence.recentBills = evidence.recentBills * keep + bills;
  evidence.recentExpected = evidence.recentExpected * keep + foretold;
  const gap = Math.abs(evidence.recentBills - evidence.recentExpected);
  return gap > SURPRISE_SIGMAS * Math.sqrt(Math.max(1, evidence.recentExpected));
}

/** Spend per open auction expected at a multiplier, nanos. */
export function rateAt(evidence: Evidence, multiplier: number): number {
  return evidence.open <= 0 ? 0 : (evidence.normalSpend / evidence.open) * multiplier ** SLOPE;
}

/** The multiplier at which a rate would be spent. */
export function multiplierFor(evidence: Evidence, rate: number): number {
  const at1 = rateAt(evidence, 1);
  return at1 <= 0 ? Number.POSITIVE_INFINITY : (rate / at1) ** (1 / SLOPE);
}

/** What was bid in auctions whose feedback is not complete, nanos: reservations beyond it will hardly hear of a notice. */
export function openBids(evidence: Evidence): number {
  return sumOf(evidence.pending, BID_NANOS);
}

/** The share of open auctions that got a bid lately: the others went to own line items that bid more, or had higher floors. */
export function bidShare({ pending }: Evidence): number {
  const open = sumOf(pending, OPEN);
  return open <= 0 ? 1 : Math.min(1, Math.max(LEAST_BID_SHARE, sumOf(pending, BIDS) / open));
}
const LEAST_BID_SHARE = 0.01;

/** Spend still to come from auctions whose feedback is not complete. */
export function outstanding(evidence: Evidence): number {
  const { pending } = evidence;
  const { values } = pending.table;
  let expectedNanos = 0;
  let seen = 0;
  for (let row = pending.first; row !== NONE; row = nextCohort(pending, row)) {
    const auctions = values[row + AUCTIONS]!;
    if (auctions <= 0) continue;
    expectedNanos += values[row + OPEN]! * rateAt(evidence, Math.exp(values[row + LOG_MULTIPLIER]! / auctions));
    seen += values[row + SPEND_NANOS]!;
  }
  return Math.max(0, expectedNanos - seen);
}
