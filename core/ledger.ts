import { type Cell, type Cells, createCells } from './ledgercells.ts';
import { createPresumption, createResponse, type Response } from './presumption.ts';
import type { CellUse, PacingMessage } from './topics.ts';

/** Credit left per slot in nanos. Bid threads take from it; the ledger puts back. May go below zero: then it refuses. */
export interface CreditBank {
  add(slot: number, deltaNanos: bigint): void;
  /** Bids may take from the slot only while fromMs ≤ now < untilMs. */
  setWindow(slot: number, fromMs: number, untilMs: number): void;
}

export type SettleOutcome = { readonly billedNanos: bigint } | 'released';

/**
 * `billed` and `released` changed the ledger; `late`: billed after it had been released (counted, and confirmed all the
 * same); `duplicate`: settled before, nothing changed; `early`: the bid is not known (yet), the outcome is kept for the
 * reservation that may still come.
 */
export type SettleResult = 'billed' | 'released' | 'late' | 'duplicate' | 'early';

/** Everything that was not the normal course, since the start. */
export interface LedgerCounters {
  readonly lateBills: number;
  readonly lateNanos: bigint;
  /** The most by which confirmed + reserved was ever above the grant, summed over cells: only late bills can do it. */
  readonly overNanos: bigint;
  readonly timeouts: number;
  /** What is counted as spent of bids whose notice never came, summed over bids; taken back when it comes after all. */
  readonly presumedNanos: bigint;
  /** Share of bids on which no notice comes, 0 to 1. */
  readonly silentShare: number;
  /** Strict mode: reservations that were never settled and stay. */
  readonly unproven: number;
  /** Reservations charged in full because the table was full. */
  readonly untracked: number;
  /** Settled bids forgotten before their token expired, because the table was full: a late bill would not be seen. */
  readonly forgotten: number;
  readonly early: number;
  readonly duplicates: number;
  readonly staleMessages: number;
  /** Cells or owners refused because the table was full, or because their day is long over. */
  readonly refusedCells: number;
  readonly openReservations: number;
  readonly rememberedBids: number;
}

/**
 * One bidder node's share of every budget: which grants it holds, what its bids have reserved and what was confirmed.
 * For every cell confirmed + reserved ≤ the largest grant received, except by bills that come after their reservation
 * was released by time-out (standard mode). Not thread-safe: one owner calls it.
 */
export interface NodeLedger {
  /** Takes this node's grants. A message older than the owner's last one is ignored; a repeated one changes nothing. */
  applyPacing(message: PacingMessage): void;
  /** The slot of a cell, allocated on first use; -1 when there is none left (treat as no credit). */
  slotOf(cell: string): number;
  /**
   * A bid thread took `nanos` from each of the slots.
   * @param count how many of the slots are meant
   * @param releaseAfterMs when the exchange's own delays call for another time-out than the default (standard mode only)
   */
  reserved(
    bidId: string,
    slots: ArrayLike<number>,
    nanos: bigint,
    bidAtMs: number,
    releaseAfterMs?: number,
    count?: number,
  ): void;
  /**
   * Idempotent per bid: the first outcome counts, and a bill also after a release.
   * @param exchange who told: whether it tells of losses at all is learned
   */
  settle(bidId: string, outcome: SettleOutcome, exchange?: string): SettleResult;
  /**
   * Releases what is due: in standard mode reservations past the time-out, but for what such bids have cost on average,
   * which stays reserved (`presumedNanos`) until a notice comes after all. In strict mode silence proves nothing (the
   * notice may have been lost): what its token's life has not settled stays reserved for good, and is counted.
   * @param readToMs up to when the `events` topic has been read; a reservation is never released on a log not yet read
   * @returns how many were released
   */
  expire(nowMs: number, readToMs?: number): number;
  /** All cells, cumulative. */
  uses(): readonly CellUse[];
  /**
   * What a report needs: cells that changed since they were last returned, cells whose window ended, and a tenth of the
   * others in turn, so that a lost report is made good within ten.
   */
  dueUses(nowMs: number): readonly CellUse[];
  counters(): LedgerCounters;
}

export interface NodeLedgerOptions {
  /** This node's incarnation, eight hex digits. */
  readonly node: string;
  readonly bank: CreditBank;
  readonly mode: 'standard' | 'strict';
  /** Standard mode: how long a reservation waits for its notice. */
  readonly releaseAfterMs: number;
  /** After this a token never bills. */
  readonly tokenLifetimeMs: number;
  /** Bids remembered, open and settled together; about 200 bytes each. */
  readonly maxReservations: number;
  readonly maxCells: number;
}

/** The cells of a path of budgets, and what its bids cost. */
interface Path {
  readonly cells: readonly Cell[];
  readonly response: Response;
}

interface Bid {
  readonly path: Path;
  /** At most MAX_EVENT_NANOS: a safe integer. */
  readonly nanos: number;
  readonly bidAtMs: number;
  billed: boolean;
  /** Timed out: still held of its reservation, because it probably was spent. */
  presumed: number;
}

const MAX_EARLY = 4096;
const noCounts = {
  lateBills: 0,
  lateNanos: 0n,
  timeouts: 0,
  presumedNanos: 0n,
  unproven: 0,
  untracked: 0,
  forgotten: 0,
  early: 0,
  duplicates: 0,
};

/** @see NodeLedger */
export function createNodeLedger(options: NodeLedgerOptions): NodeLedger {
  const { mode, maxReservations, tokenLifetimeMs } = options;
  const cells = createCells(options);
  const open = new Map<string, Bid>();
  const settled = new Map<string, Bid>();
  const paths = createPaths(cells);
  const early = new Map<string, SettleOutcome>();
  const due = createDueList();
  const presumption = createPresumption();
  const count = { ...noCounts };

  /** Makes room for one more bid by forgetting the oldest settled ones, in bulk: deleting one by one is slow in a Map. */
  function hasRoom(): boolean {
    if (open.size + settled.size < maxReservations) return true;
    let left = Math.max(1, maxReservations >> 4);
    for (const bidId of settled.keys()) {
      if (left-- === 0) break;
      settled.delete(bidId);
      count.forgotten++;
    }
    return open.size + settled.size < maxReservations;
  }

  function release(bidId: string, bid: Bid): void {
    open.delete(bidId);
    for (const cell of bid.path.cells) cells.move(cell, 0n, -BigInt(bid.nanos));
    settled.set(bidId, bid);
  }

  /** No notice came: all but what it probably cost goes back. */
  function timeOut(bidId: string, bid: Bid): void {
    bid.presumed = presumption.silent(bid.path.response, bid.nanos);
    const kept = BigInt(bid.presumed);
    open.delete(bidId);
    for (const cell of bid.path.cells) {
      cells.move(cell, 0n, kept - BigInt(bid.nanos));
      cells.presume(cell, kept);
    }
    count.presumedNanos += kept;
    settled.set(bidId, bid);
  }

  /** Its notice came after all: what was presumed of it is over. */
  function endPresumption(bid: Bid, confirmed: bigint): void {
    const kept = BigInt(bid.presumed);
    bid.presumed = 0;
    for (const cell of bid.path.cells) {
      cells.presume(cell, -kept);
      cells.move(cell, confirmed, -kept);
    }
    count.presumedNanos -= kept;
  }

  function bill(bidId: string, bid: Bid, nanos: bigint): void {
    open.delete(bidId);
    const reserved = BigInt(bid.nanos);
    // A price above the cap is billed at the cap, here as in reporting.
    const billed = nanos < 0n ? 0n : nanos < reserved ? nanos : reserved;
    for (const cell of bid.path.cells) cells.move(cell, billed, -reserved);
    bid.billed = true;
    settled.set(bidId, bid);
  }

  function billLate(bid: Bid, nanos: bigint): void {
    const cap = BigInt(bid.nanos);
    const billed = nanos < 0n ? 0n : nanos < cap ? nanos : cap;
    endPresumption(bid, billed);
    count.lateBills++;
    count.lateNanos += billed;
    bid.billed = true;
  }

  function keepEarly(bidId: string, outcome: SettleOutcome): SettleResult {
    const before = early.get(bidId);
    if (before !== undefined && before !== 'released') return 'duplicate';
    if (before === undefined && early.size >= MAX_EARLY) {
      let left = MAX_EARLY >> 4;
      for (const oldest of early.keys()) if (left-- > 0) early.delete(oldest);
    }
    early.set(bidId, outcome);
    count.early++;
    return 'early';
  }

  function forgetExpired(nowMs: number): void {
    for (const [bidId, bid] of settled) {
      // In order of settlement, which is nearly the order of bids: good enough for forgetting.
      if (bid.bidAtMs + tokenLifetimeMs >= nowMs) break;
      settled.delete(bidId);
    }
  }

  function settle(bidId: string, outcome: SettleOutcome, exchange = ''): SettleResult {
    const bid = open.get(bidId);
    if (bid !== undefined) {
      const spent = outcome === 'released' ? 0 : Math.max(0, Math.min(Number(outcome.billedNanos), bid.nanos));
      presumption.heard(bid.path.response, exchange, bid.nanos, spent);
      if (outcome === 'released') release(bidId, bid);
      else bill(bidId, bid, outcome.billedNanos);
      return outcome === 'released' ? 'released' : 'billed';
    }
    const past = settled.get(bidId);
    if (past === undefined) return keepEarly(bidId, outcome);
    if (past.billed || (outcome === 'released' && past.presumed === 0)) {
      count.duplicates++;
      return 'duplicate';
    }
    if (mode === 'standard') presumption.heardLate();
    if (outcome === 'released') {
      endPresumption(past, 0n);
      return 'released';
    }
    billLate(past, outcome.billedNanos);
    return 'late';
  }

  return {
    applyPacing: (message) => cells.applyPacing(message),
    slotOf: (cell) => cells.find(cell)?.slot ?? -1,
    reserved(bidId, slots, nanos, bidAtMs, releaseAfterMs = options.releaseAfterMs, slotCount = slots.length) {
      if (open.has(bidId) || settled.has(bidId)) return;
      const path = paths(slots, slotCount);
      if (!hasRoom()) {
        // It can not be followed, so it counts as spent: the safe side.
        for (const cell of path.cells) cells.moveTaken(cell, nanos, 0n);
        count.untracked++;
        return;
      }
      for (const cell of path.cells) cells.moveTaken(cell, 0n, nanos);
      open.set(bidId, { path, nanos: Number(nanos), bidAtMs, billed: false, presumed: 0 });
      const waitMs = mode === 'strict' ? tokenLifetimeMs : Math.min(releaseAfterMs, tokenLifetimeMs);
      due.add(bidId, bidAtMs + waitMs);
      const outcome = early.get(bidId);
      if (outcome === undefined) return;
      early.delete(bidId);
      settle(bidId, outcome);
    },
    settle,
    expire(nowMs, readToMs = nowMs) {
      const safeMs = Math.min(nowMs, readToMs);
      let released = 0;
      const dueNow = due.take(safeMs);
      const silent = dueNow.reduce((sum, bidId) => sum + (open.has(bidId) ? 1 : 0), 0);
      presumption.fellDue(dueNow.length - silent, silent);
      for (const bidId of dueNow) {
        const bid = open.get(bidId);
        if (bid === undefined) continue;
        if (mode === 'strict') {
          open.delete(bidId);
          count.unproven++;
          continue;
        }
        timeOut(bidId, bid);
        released++;
      }
      count.timeouts += released;
      forgetExpired(safeMs);
      cells.retire(safeMs);
      return released;
    },
    uses: () => cells.all(),
    dueUses: (nowMs) => cells.due(nowMs),
    counters: () => ({
      ...count,
      ...cells.counters(),
      silentShare: presumption.silentShare(),
      openReservations: open.size,
      rememberedBids: settled.size,
    }),
  };
}

/** The path of some slots: bids of one line item share it, so that a bid that is remembered costs less. */
function createPaths(cells: Cells): (slots: ArrayLike<number>, count: number) => Path {
  const byLast = new Map<number, Path>();
  const isOf = (path: readonly Cell[], slots: ArrayLike<number>, count: number): boolean => {
    if (path.length !== count) return false;
    for (let i = 0; i < count; i++) if (path[i] !== cells.at(slots[i]!)) return false;
    return true;
  };
  return (slots, count) => {
    const last = slots[count - 1] ?? -1;
    const known = byLast.get(last);
    if (known !== undefined && isOf(known.cells, slots, count)) return known;
    const own: Cell[] = [];
    for (let i = 0; i < count; i++) {
      const cell = cells.at(slots[i]!);
      if (cell !== undefined) own.push(cell);
    }
    const path = { cells: own, response: createResponse() };
    // As many as there are slots, which are given to other cells when these are over.
    byLast.set(last, path);
    return path;
  };
}

/** Bids by the second they are due in. */
function createDueList(): { add(bidId: string, atMs: number): void; take(nowMs: number): string[] } {
  const bySecond = new Map<number, string[]>();
  let taken = Number.NEGATIVE_INFINITY;
  return {
    add(bidId, atMs) {
      const second = Math.max(Math.ceil(atMs / 1000), taken + 1);
      const list = bySecond.get(second);
      if (list === undefined) bySecond.set(second, [bidId]);
      else list.push(bidId);
    },
    take(nowMs) {
      const second = Math.floor(nowMs / 1000);
      const found: string[] = [];
      if (second <= taken) return found;
      // Seconds one by one in the normal course, all keys after a jump of the clock.
      if (second - taken <= bySecond.size) for (let at = taken + 1; at <= second; at++) takeSecond(at, found);
      else for (const at of [...bySecond.keys()]) if (at <= second) takeSecond(at, found);
      taken = second;
      return found;
    },
  };

  function takeSecond(second: number, into: string[]): void {
    for (const bidId of bySecond.get(second) ?? []) into.push(bidId);
    bySecond.delete(second);
  }
}
