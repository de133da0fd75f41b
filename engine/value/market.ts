import type { Nanos } from '../../core/money.ts';
import { BINS, binOf, binPrice } from './pricebins.ts';
import type { ShadingTable } from './shading.ts';

/**
 * Learns, per row of the shading table, how the price that would have won is distributed, from three kinds of evidence:
 * the price itself where a notice brings it, "at most our bid" from a win, "above our bid" from a bid that did not win.
 * The estimate begins with the rising curve closest to the share of bids won at each price (isotonic regression, which
 * is the most likely one when no prices are known) and takes the known prices in by a few self-consistent rounds
 * (Turnbull 1976).
 */
export interface MarketLearner {
  /** A bid at `bidNanos` won; `minToWinNanos` when the notice brought it. */
  won(row: number, bidNanos: Nanos, minToWinNanos: Nanos | null): void;
  /** A bid lost to a known price. Losses without one are found by counting. */
  lost(row: number, bidNanos: Nanos, minToWinNanos: Nanos): void;
  /**
   * Looks at the next `maxRows` rows in turn and works out the offers of those where bids were sent since: a market that
   * is no longer won must be learned too. About 15 µs a row.
   * @returns rows worked out
   */
  publish(maxRows: number): number;
  /** Lets old evidence fade: multiplies all of it. */
  fade(factor: number): void;
  /** The distribution of a row's price to win by bin, sums to 1; for explanations and tests. */
  distribution(row: number): Float64Array;
  /** Everything learned, to be kept across restarts. */
  readonly memory: Float64Array;
}

/** Bids a row must have had before its own evidence shades. */
const ENOUGH_BIDS = 200;
/** Bids a row remembers at most: then it forgets half, so that it follows a market that changes. */
const REMEMBERED_BIDS = 8000;
/** Weight of the broad prior, in bids. */
const PRIOR_BIDS = 8;
const ROUNDS = 6;
/** Never offer less than a tenth of the value: beyond that the evidence is an artefact. */
const LEAST_SHARE = 0.1;
const MILLION = 1_000_000;

// Per row and bin: prices seen; then of bids of this bin: wins without a price, those that need no guess, all wins.
const EXACT = 0;
const UNPRICED = 1;
const KNOWN = 2;
const WINS = 3;
const KINDS = 4;

export function createMarketLearner(table: ShadingTable): MarketLearner {
  const memory = new Float64Array(table.rows * KINDS * BINS);
  const bidsBefore = new Float64Array(table.rows);
  let next = 0;
  const at = (row: number, kind: number, bin: number): number => (row * KINDS + kind) * BINS + bin;
  const add = (row: number, kind: number, bin: number): void => {
    const index = at(row, kind, bin);
    memory[index] = memory[index]! + 1;
  };
  const exact = (row: number, bidNanos: Nanos, minToWinNanos: Nanos): void => {
    add(row, EXACT, binOf(minToWinNanos));
    add(row, KNOWN, binOf(bidNanos));
  };
  const fadeRow = (row: number, factor: number): void => {
    for (let i = at(row, 0, 0); i < at(row + 1, 0, 0); i++) memory[i] = memory[i]! * factor;
    for (let i = row * BINS; i < (row + 1) * BINS; i++) {
      const count = Atomics.load(table.bids, i);
      // Bids that are added meanwhile stay: only the faded part is taken away.
      if (count > 0) Atomics.sub(table.bids, i, count - Math.round(count * factor));
    }
  };
  const bidsOf = (row: number): Int32Array => table.bids.subarray(row * BINS, (row + 1) * BINS);

  return {
    memory,
    won(row, bidNanos, minToWinNanos) {
      add(row, WINS, binOf(bidNanos));
      if (minToWinNanos !== null && minToWinNanos > 0 && minToWinNanos <= bidNanos) exact(row, bidNanos, minToWinNanos);
      else {
        add(row, UNPRICED, binOf(bidNanos));
        add(row, KNOWN, binOf(bidNanos));
      }
    },
    lost(row, bidNanos, minToWinNanos) {
      if (minToWinNanos >= bidNanos) exact(row, bidNanos, minToWinNanos);
    },
    publish(maxRows) {
      let done = 0;
      for (let looked = 0; looked < Math.min(maxRows, table.rows); looked++) {
        const row = next;
        next = (next + 1) % table.rows;
        const bids = bidsOf(row);
        const sent = total(bids);
        if (sent < ENOUGH_BIDS || sent === bidsBefore[row]) continue;
        bidsBefore[row] = sent;
        if (sent > REMEMBERED_BIDS) fadeRow(row, 0.5);
        writeOffers(table.offers, row, estimate(memory, at(row, 0, 0), bids));
        done++;
      }
      return done;
    },
    fade(factor) {
      for (let row = 0; row < table.rows; row++) fadeRow(row, factor);
    },
    distribution: (row) => estimate(memory, at(row, 0, 0), bidsOf(row)),
  };
}

/** The probability of each bin to hold the price to win. */
function estimate(memory: Float64Array, from: number, bids: Int32Array): Float64Array {
  const part = (kind: number): Float64Array => memory.subarray(from + kind * BINS, from + (kind + 1) * BINS);
  const [exact, won, known] = [part(EXACT), part(UNPRICED), part(KNOWN)];
  let chance = risingShares(bids, part(WINS));
  for (let round = 0; round < ROUNDS; round++) {
    const next = Float64Array.from(exact, (count) => count + PRIOR_BIDS / BINS);
    spreadWins(chance, won, next);
    spreadLosses(chance, bids, known, next);
    const sum = total(next);
    for (let bin = 0; bin < BINS; bin++) next[bin] = next[bin]! / sum;
    chance = next;
  }
  return chance;
}

/** The chance of each bin when only bids and wins are looked at, with a little of the broad prior everywhere. */
function risingShares(bids: Int32Array, wins: Float64Array): Float64Array {
  // Pool neighbours whose shares fall, from left to right, until all rise.
  const ends: number[] = [];
  const sent: number[] = [];
  const won: number[] = [];
  for (let bin = 0; bin < BINS; bin++) {
    if (bids[bin]! <= 0) continue;
    ends.push(bin);
    sent.push(bids[bin]!);
    won.push(Math.min(wins[bin]!, bids[bin]!));
    while (ends.length > 1 && won.at(-1)! * sent.at(-2)! <= won.at(-2)! * sent.at(-1)!) {
      const [end, bidsOf, winsOf] = [ends.pop()!, sent.pop()!, won.pop()!];
      ends[ends.length - 1] = end;
      sent[sent.length - 1] = sent.at(-1)! + bidsOf;
      won[won.length - 1] = won.at(-1)! + winsOf;
    }
  }
  const chance = new Float64Array(BINS).fill(0.02 / BINS);
  let [before, upTo] = [-1, 0];
  for (const [i, end] of [...ends, BINS - 1].entries()) {
    const share = i < ends.length ? won[i]! / sent[i]! : 1;
    for (let bin = before + 1; bin <= end; bin++) {
      chance[bin] = chance[bin]! + (0.98 * Math.max(0, share - upTo)) / (end - before);
    }
    if (end > before) upTo = Math.max(upTo, share);
    before = Math.max(before, end);
  }
  return chance;
}

/** A win says "at most the bid": it is shared among the bins up to it, in proportion to their chance so far. */
function spreadWins(chance: Float64Array, won: Float64Array, into: Float64Array): void {
  const share = new Float64Array(BINS);
  let upTo = 0;
  for (let bin = 0; bin < BINS; bin++) {
    upTo += chance[bin]!;
    share[bin] = upTo > 0 ? won[bin]! / upTo : 0;
  }
  let sum = 0;
  for (let bin = BINS - 1; bin >= 0; bin--) {
    sum += share[bin]!;
    into[bin] = into[bin]! + chance[bin]! * sum;
  }
}

/** A bid without a win says "above the bid"; at the highest price there is nothing above. */
function spreadLosses(chance: Float64Array, bids: Int32Array, known: Float64Array, into: Float64Array): void {
  const share = new Float64Array(BINS);
  let above = 0;
  for (let bin = BINS - 1; bin >= 0; bin--) {
    const lost = Math.max(0, bids[bin]! - known[bin]!);
    share[bin] = above > 0 ? lost / above : 0;
    above += chance[bin]!;
  }
  let sum = 0;
  for (let bin = 0; bin < BINS; bin++) {
    into[bin] = into[bin]! + chance[bin]! * sum;
    sum += share[bin]!;
  }
}

/** For a value of each bin, the share of it whose bid keeps the most surplus on average: (value − bid) × chance to win. */
function writeOffers(offers: Int32Array, row: number, chance: Float64Array): void {
  const winning = new Float64Array(BINS);
  let sum = 0;
  for (let bin = 0; bin < BINS; bin++) {
    sum += chance[bin]!;
    winning[bin] = sum;
  }
  for (let value = 0; value < BINS; value++) {
    let best = value;
    let bestSurplus = 0;
    for (let bin = 0; bin < value; bin++) {
      const surplus = (binPrice[value]! - bidIn(bin)) * winning[bin]!;
      if (surplus > bestSurplus) {
        best = bin;
        bestSurplus = surplus;
      }
    }
    const share = best === value ? 1 : bidIn(best) / binPrice[value]!;
    Atomics.store(offers, row * BINS + value, Math.round(Math.min(1, Math.max(LEAST_SHARE, share)) * MILLION));
  }
}

/** The upper edge of a bin: what a bid must be to beat all prices in it. */
function bidIn(bin: number): number {
  return binPrice[bin]! * HALF_BIN;
}
const HALF_BIN = Math.sqrt(binPrice[1]! / binPrice[0]!);

function total(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum;
}
