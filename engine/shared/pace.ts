/** Cells a bid can reserve in. */
const MAX_PATH = 8;
/** Of 64 bytes, a line of the processor's cache. */
const ROW = 16;
const SEQUENCE = 0;
const MULTIPLIER = 1;
const PASS = 2;
const COUNT = 3;
const CELLS = 4;

/** How every line item bids, one row per line item slot; written by the main thread, read by the bid threads. */
export type SharedPace = Int32Array<SharedArrayBuffer>;

/** @param slots how many line items there can be */
export function createSharedPace(slots: number): SharedPace {
  // One more row, for what is true of all.
  const pace = new Int32Array(new SharedArrayBuffer((slots + 1) * ROW * 4));
  pace[slots * ROW + MULTIPLIER] = 1_000_000;
  return pace;
}

/** No multiplier was ever above this; at least 1,000,000. */
export function highestMultiplier(pace: SharedPace): number {
  return pace[pace.length - ROW + MULTIPLIER]!;
}

/**
 * Writes a row. A sequence number that is odd during the change keeps readers from mixing old and new (a seqlock).
 * @param cells slots of budget cells, outermost first; -1 among them, or none at all, lets the line item not bid
 */
export function writePace(
  pace: SharedPace,
  slot: number,
  multiplierPpm: number,
  passPpm: number,
  cells: readonly number[],
): void {
  const at = slot * ROW;
  // First of all, so that no thread sees a multiplier above the highest. One thread writes.
  if (multiplierPpm > highestMultiplier(pace)) Atomics.store(pace, pace.length - ROW + MULTIPLIER, multiplierPpm);
  Atomics.add(pace, at + SEQUENCE, 1);
  Atomics.store(pace, at + MULTIPLIER, multiplierPpm);
  Atomics.store(pace, at + PASS, passPpm);
  const usable = cells.length <= MAX_PATH && cells.every((cell) => cell >= 0);
  Atomics.store(pace, at + COUNT, usable ? cells.length : 0);
  if (usable) for (let i = 0; i < cells.length; i++) Atomics.store(pace, at + CELLS + i, cells[i]!);
  Atomics.add(pace, at + SEQUENCE, 1);
}

/** The pace of one line item as a bid thread last read it; reused for every candidate. */
export interface Pace {
  multiplierPpm: number;
  passPpm: number;
  /** 0: no budget path is known, so it can not bid. */
  cellCount: number;
  readonly cells: Int32Array;
}

export function createPace(): Pace {
  return { multiplierPpm: 0, passPpm: 0, cellCount: 0, cells: new Int32Array(MAX_PATH) };
}

/**
 * Reads a row without asking whether it is being changed: good enough for looking at a candidate, and a tenth of the
 * price. Who takes credit asks `readPace` again.
 */
export function peekPace(pace: SharedPace, slot: number, into: Pace): void {
  const at = slot * ROW;
  into.multiplierPpm = pace[at + MULTIPLIER]!;
  into.passPpm = pace[at + PASS]!;
  const count = pace[at + COUNT]!;
  for (let i = 0; i < count; i++) into.cells[i] = pace[at + CELLS + i]!;
  into.cellCount = count;
}

/** Reads a row; one that is being changed right now reads as one without credit. */
export function readPace(pace: SharedPace, slot: number, into: Pace): void {
  const at = slot * ROW;
  const sequence = Atomics.load(pace, at + SEQUENCE);
  into.multiplierPpm = Atomics.load(pace, at + MULTIPLIER);
  into.passPpm = Atomics.load(pace, at + PASS);
  const count = Atomics.load(pace, at + COUNT);
  for (let i = 0; i < count; i++) into.cells[i] = Atomics.load(pace, at + CELLS + i);
  const unchanged = (sequence & 1) === 0 && Atomics.load(pace, at + SEQUENCE) === sequence;
  into.cellCount = unchanged ? count : 0;
}
