import { localDay } from '../core/budgetday.ts';
import type { SpendRow } from '../core/spend.ts';
import type { BidStats, PacingMessage } from '../core/topics.ts';
import { GONE } from './allocation.ts';
import {
  AUCTIONS,
  BID_NANOS,
  BIDS,
  BILLS,
  cohortAt,
  findCohort,
  LOG_MULTIPLIER,
  NONE,
  nextCohort,
  OPEN,
  SPEND_NANOS,
  START,
} from './cohorts.ts';
import { noteBids } from './evidence.ts';
import type { LevelState } from './levelstate.ts';
import { ownerOf, type PacerState, rebuild } from './pacerstate.ts';

/** Takes in what a bidder reports: who it is, what it has drawn, what traffic came and what was bid. */
export function takeStats(pacer: PacerState, stats: BidStats): void {
  const { options, nodes, allocation } = pacer;
  const node = nodes.get(stats.node) ?? { seenMs: 0, final: false, flow: 0 };
  nodes.set(stats.node, node);
  node.seenMs = Math.max(node.seenMs, Math.min(stats.toMs, pacer.lastRoundMs + options.nodeTimeoutMs));
  node.final ||= stats.final;
  pacer.heardFromMs = Math.min(pacer.heardFromMs, stats.fromMs);
  if (pacer.storeDown) inferCohorts(pacer, stats);
  for (const use of stats.cells) {
    if (BigInt(use.confirmedNanos) <= allocation.confirmed(use.cell, stats.node)) continue;
    pacer.confirmedMs = Math.max(pacer.confirmedMs, stats.toMs);
    // Its budget may be spent now, though no traffic came.
    const state = levelOfCell(pacer, use.cell);
    if (state !== undefined) state.touched = true;
  }
  allocation.report(stats.node, stats.toMs, stats.cells);
  let bidNanos = 0;
  for (const one of stats.lineItems) bidNanos += one.bidNanos;
  for (const { startMs, share } of cohortsOf(stats, options.cohortMs)) takePart(pacer, stats, startMs, share);
  const spanMs = Math.max(1, stats.toMs - stats.fromMs);
  const keep = 2 ** (-spanMs / NODE_FLOW_HALF_LIFE_MS);
  node.flow = node.flow * keep + (bidNanos / spanMs) * (1 - keep);
}
const NODE_FLOW_HALF_LIFE_MS = 30_000;

/** `campaign:7` of `campaign:7:2026-11-24`. */
function levelOfCell(pacer: PacerState, cell: string): LevelState | undefined {
  return pacer.levels.get(cell.slice(0, cell.lastIndexOf(':')));
}

/** The cohorts a report reaches into, and which share of it belongs to each. */
function cohortsOf(stats: BidStats, cohortMs: number): { startMs: number; share: number }[] {
  const fromMs = Math.max(stats.fromMs, stats.toMs - MAX_COHORTS_OF_REPORT * cohortMs);
  const spanMs = stats.toMs - fromMs;
  const first = Math.floor(fromMs / cohortMs) * cohortMs;
  if (spanMs <= 0 || stats.toMs <= first + cohortMs) return [{ startMs: first, share: 1 }];
  const parts: { startMs: number; share: number }[] = [];
  for (let startMs = first; startMs < stats.toMs; startMs += cohortMs) {
    const insideMs = Math.min(stats.toMs, startMs + cohortMs) - Math.max(fromMs, startMs);
    parts.push({ startMs, share: insideMs / spanMs });
  }
  return parts;
}
const MAX_COHORTS_OF_REPORT = 8;

function takePart(pacer: PacerState, stats: BidStats, startMs: number, share: number): void {
  const { open } = pacer;
  let counts = open.get(startMs);
  if (counts === undefined && startMs + pacer.options.cohortMs > pacer.closedToMs) {
    counts = { requests: 0, matched: new Map() };
    open.set(startMs, counts);
  }
  if (counts !== undefined) counts.requests += share * stats.requests;
  for (const one of stats.lineItems) {
    counts?.matched.set(one.lineItemId, (counts.matched.get(one.lineItemId) ?? 0) + share * one.matched);
    takeLine(pacer, one, startMs, share);
  }
}

function takeLine(pacer: PacerState, one: BidStats['lineItems'][number], startMs: number, share: number): void {
  const line = pacer.lines.get(one.lineItemId);
  if (line === undefined) return;
  // Nothing told yet: nothing is bid either.
  const multiplier = line.toldMultiplier > 0 ? line.toldMultiplier : 1;
  const logMultiplier = Math.log(multiplier);
  const held = (one.reasons.pacing ?? 0) + (one.reasons.budget ?? 0);
  for (const state of line.path) {
    for (const track of state.tracks) track.seen += share * one.matched;
    state.touched = true;
    state.flowNanos += share * one.bidNanos;
    noteBids(state.evidence, share * one.bids, share * one.bidNanos, multiplier);
    const row = cohortAt(state.evidence.pending, startMs);
    if (row === NONE) continue;
    const { values } = pacer.cohorts;
    values[row + AUCTIONS]! += share * one.matched;
    values[row + OPEN]! += share * Math.max(0, one.matched - held);
    values[row + BIDS]! += share * one.bids;
    values[row + BID_NANOS]! += share * one.bidNanos;
    values[row + LOG_MULTIPLIER]! += share * one.matched * logMultiplier;
  }
}

/** Without the store, confirmed spend is known when it was settled; the usual delay tells about when it was bid. */
function inferCohorts(pacer: PacerState, stats: BidStats): void {
  const { cohortMs } = pacer.options;
  const atMs = Math.floor((stats.toMs - pacer.delays.ageOf(0.5)) / cohortMs) * cohortMs;
  for (const use of stats.cells) {
    const state = levelOfCell(pacer, use.cell);
    if (state?.cells[0]?.name !== use.cell) continue;
    const more = Number(BigInt(use.confirmedNanos) - pacer.allocation.confirmed(use.cell, stats.node));
    const row = findCohort(state.evidence.pending, atMs);
    if (more <= 0 || row === NONE) continue;
    pacer.cohorts.values[row + SPEND_NANOS]! += more;
    pacer.cohorts.values[row + BILLS]! += state.evidence.priceNanos > 0 ? more / state.evidence.priceNanos : 1;
  }
}

/** Spend by cohort for bids made in [fromMs, toMs): replaces what was known of that range. */
export function takeCohorts(
  pacer: PacerState,
  rows: readonly SpendRow[],
  fromMs: number,
  toMs: number,
  nowMs: number,
): void {
  const { levels, lines, billed, delays, options } = pacer;
  pacer.storeDown = false;
  pacer.firstReadMs = Math.min(pacer.firstReadMs, nowMs);
  pacer.readMs = nowMs;
  const { values } = pacer.cohorts;
  for (const { evidence } of levels.values()) {
    const { pending } = evidence;
    for (let row = pending.first; row !== NONE; row = nextCohort(pending, row)) {
      if (values[row + START]! < fromMs || values[row + START]! >= toMs) continue;
      values[row + SPEND_NANOS] = 0;
      values[row + BILLS] = 0;
    }
  }
  const bills = new Map<number, number>();
  for (const row of rows) {
    bills.set(row.bucketMs, (bills.get(row.bucketMs) ?? 0) + row.bills);
    for (const state of lines.get(row.lineItemId)?.path ?? []) {
      const at = findCohort(state.evidence.pending, row.bucketMs);
      if (at === NONE) continue;
      values[at + SPEND_NANOS]! += Number(row.billedNanos);
      values[at + BILLS]! += row.bills;
    }
  }
  for (const [bucketMs, count] of bills) {
    const before = billed.get(bucketMs);
    // Of a cohort older than our first look it is not known when its bills came.
    const ageMs = Math.max(0, nowMs - bucketMs - options.cohortMs / 2);
    if (before !== undefined || bucketMs + options.cohortMs > pacer.firstReadMs)
      delays.seen(ageMs, count - (before ?? 0));
    if (count > (before ?? 0)) pacer.storedMs = nowMs;
    billed.set(bucketMs, count);
  }
  if (rows.length > 0) {
    for (const { bucketMs } of rows) pacer.firstBillMs = Math.min(pacer.firstBillMs, bucketMs);
    delays.watched(nowMs - pacer.firstBillMs);
  }
  for (const bucketMs of billed.keys()) if (bucketMs < fromMs) billed.delete(bucketMs);
}

/** Cumulative spend of cells by node. Buckets must not cross a local midnight; `fromMs` 0 means since ever. */
export function takeTotals(pacer: PacerState, rows: readonly SpendRow[], fromMs: number, nowMs: number): void {
  const { allocation, byLine, levels } = pacer;
  const asOfMs = nowMs - pacer.options.storeLagMs;
  const sums = new Map<string, Map<string, bigint>>();
  for (const row of rows) {
    for (const level of byLine.get(row.lineItemId)?.budgets ?? []) {
      const period = fromMs === 0 ? 'lifetime' : localDay(level.timeZone, row.bucketMs).date;
      const cell = `${level.key}:${period}`;
      if (!allocation.has(cell)) continue;
      const byNode = sums.get(cell) ?? new Map<string, bigint>();
      sums.set(cell, byNode);
      byNode.set(row.node, (byNode.get(row.node) ?? 0n) + row.billedNanos);
    }
  }
  for (const [cell, byNode] of sums) for (const [node, nanos] of byNode) allocation.stored(cell, node, nanos, asOfMs);
  for (const state of levels.values())
    for (const cell of state.cells)
      if (cell.name.endsWith(':lifetime') === (fromMs === 0)) allocation.storedTo(cell.name, asOfMs);
}

/** Takes over what an earlier pacer had handed out, and the multipliers it had found. */
export function takeOver(pacer: PacerState, message: PacingMessage): void {
  pacer.epoch = Math.max(pacer.epoch, message.epoch + 1);
  const owner = ownerOf(pacer, message.owner);
  for (const grant of message.grants) {
    pacer.allocation.restore(grant);
    owner.cells.add(grant.cell);
    // A bidder not heard of since is resolved when it stays silent.
    if (grant.node !== GONE && !pacer.nodes.has(grant.node))
      pacer.nodes.set(grant.node, { seenMs: 0, final: false, flow: 0 });
  }
  if (pacer.treeChanged) rebuild(pacer);
  for (const one of message.lineItems) {
    const line = pacer.lines.get(one.lineItemId);
    // This is what bidders go on bidding with until they hear of us.
    if (line !== undefined && one.multiplierPpm > 0) line.toldMultiplier = one.multiplierPpm / 1e6;
    for (const state of line?.path ?? []) {
      if (state.started || one.multiplierPpm <= 0) continue;
      state.multiplier = Math.max(state.restored ? state.multiplier : 0, one.multiplierPpm / 1e6);
      state.restored = true;
    }
  }
}
