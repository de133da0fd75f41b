import type { CreditBank } from '../../core/ledger.ts';

/** Time in shared windows is counted in tenths of a second: 32 bits then last 6.8 years from the start of the process. */
const UNIT_MS = 100;
const DAY_MS = 86_400_000;
const MAX_UNIT = 2 ** 31 - 1;

/**
 * Credit of every budget cell of this node, shared by the bid threads and the main thread that owns the ledger. A cell
 * has 16 bytes: its nanos, then first and end of the time in which bids may draw, in units of 100 ms.
 */
export interface SharedCredit {
  /** What windows are counted from, milliseconds since the epoch. */
  readonly baseMs: number;
  /** The memory as nanos: every second one is a cell's. */
  readonly nanos: BigInt64Array<SharedArrayBuffer>;
  /** The same memory as words: low and high half of the nanos, window from, window until. */
  readonly words: Int32Array<SharedArrayBuffer>;
}

const LOW = 0;
const HIGH = 1;
const FROM = 2;
const UNTIL = 3;

/** @param slots how many cells there can be; @param nowMs the present */
export function createSharedCredit(slots: number, nowMs: number): SharedCredit {
  const memory = new SharedArrayBuffer(slots * 16);
  return {
    baseMs: Math.floor(nowMs / UNIT_MS) * UNIT_MS - DAY_MS,
    nanos: new BigInt64Array(memory),
    words: new Int32Array(memory),
  };
}

/** What the ledger writes through. Windows are rounded inwards to 100 ms, never outwards. */
export function creditBank(credit: SharedCredit): CreditBank {
  return {
    add(slot, deltaNanos) {
      Atomics.add(credit.nanos, slot * 2, deltaNanos);
    },
    setWindow(slot, fromMs, untilMs) {
      Atomics.store(credit.words, slot * 4 + FROM, toUnit(Math.ceil((fromMs - credit.baseMs) / UNIT_MS)));
      Atomics.store(credit.words, slot * 4 + UNTIL, toUnit(Math.floor((untilMs - credit.baseMs) / UNIT_MS)));
    },
  };
}

/** What is left in a cell, whatever its window. */
export function creditOf(credit: SharedCredit, slot: number): bigint {
  return Atomics.load(credit.nanos, slot * 2);
}

function toUnit(unit: number): number {
  return Math.max(0, Math.min(MAX_UNIT, unit));
}

/**
 * Takes credit from every cell of a path, by one atomic subtraction each; when one refuses, what was taken is put back.
 * Another thread may meanwhile see less credit than there is, never more.
 * @param cells cell slots in [from, from + count)
 * @returns whether all levels agreed
 */
export function takeCredit(
  credit: SharedCredit,
  cells: Int32Array,
  count: number,
  nanos: number,
  nowMs: number,
): boolean {
  const now = (nowMs - credit.baseMs) / UNIT_MS;
  const amount = BigInt(nanos);
  for (let i = 0; i < count; i++) {
    const slot = cells[i]!;
    const open = isOpen(credit, slot, now);
    if (open && Atomics.sub(credit.nanos, slot * 2, amount) >= amount) continue;
    if (open) Atomics.add(credit.nanos, slot * 2, amount);
    giveBack(credit, cells, i, nanos);
    return false;
  }
  return true;
}

/** Read plainly: what is taken is exact by the subtraction that follows, whenever the window changes. */
function isOpen(credit: SharedCredit, slot: number, now: number): boolean {
  const { words } = credit;
  return words[slot * 4 + FROM]! <= now && now < words[slot * 4 + UNTIL]!;
}

/**
 * Whether every cell of a path could pay now, without taking anything. Asked of every candidate, so it reads plain words
 * and makes no BigInt: it may be wrong while another thread changes the cell, and `takeCredit` has the last word.
 */
export function hasCredit(
  credit: SharedCredit,
  cells: Int32Array,
  count: number,
  nanos: number,
  nowMs: number,
): boolean {
  const { words } = credit;
  const now = (nowMs - credit.baseMs) / UNIT_MS;
  for (let i = 0; i < count; i++) {
    const at = cells[i]! * 4;
    if (words[at + FROM]! > now || now >= words[at + UNTIL]!) return false;
    if (words[at + HIGH]! * WORD + (words[at + LOW]! >>> 0) < nanos) return false;
  }
  return true;
}
const WORD = 0x1_0000_0000;

/** Puts back what `takeCredit` took from the first `count` cells. */
export function giveBack(credit: SharedCredit, cells: Int32Array, count: number, nanos: number): void {
  const amount = BigInt(nanos);
  for (let i = 0; i < count; i++) Atomics.add(credit.nanos, cells[i]! * 2, amount);
}

/** Cells whose window is open now: with credit (`live`), or without any (`dry`). */
export function creditCells(credit: SharedCredit, nowMs: number): { readonly live: number; readonly dry: number } {
  const now = (nowMs - credit.baseMs) / UNIT_MS;
  let live = 0;
  let dry = 0;
  for (let slot = 0; slot < credit.nanos.length / 2; slot++) {
    if (!isOpen(credit, slot, now)) continue;
    if (creditOf(credit, slot) > 0n) live++;
    else dry++;
  }
  return { live, dry };
}
