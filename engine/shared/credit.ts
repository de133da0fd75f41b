import type { CreditBank } from '../../core/ledger.ts';

/** Time in shared windows is counted in tenths of a second: 32 bits then last 6.8 years from the start of the process. */
const UNIT_MS = 100;
const DAY_MS = 86_400_000;
const MAX_UNIT = 2 ** 31 - 1;

/** Credit of every budget cell of this node, shared by the bid threads and the main thread that owns the ledger. */
export interface SharedCredit {
  /** What windows are counted from, milliseconds since the epoch. */
  readonly baseMs: number;
  readonly nanos: BigInt64Array<SharedArrayBuffer>;
  /** Per slot: first and end of the time in which bids may draw, in units of 100 ms. */
  readonly windows: Int32Array<SharedArrayBuffer>;
}

/** @param slots how many cells there can be; @param nowMs the present */
export function createSharedCredit(slots: number, nowMs: number): SharedCredit {
  return {
    baseMs: Math.floor(nowMs / UNIT_MS) * UNIT_MS - DAY_MS,
    nanos: new BigInt64Array(new SharedArrayBuffer(slots * 8)),
    windows: new Int32Array(new SharedArrayBuffer(slots * 8)),
  };
}

/** What the ledger writes through. Windows are rounded inwards to 100 ms, never outwards. */
export function creditBank(credit: SharedCredit): CreditBank {
  return {
    add(slot, deltaNanos) {
      Atomics.add(credit.nanos, slot, deltaNanos);
    },
    setWindow(slot, fromMs, untilMs) {
      Atomics.store(credit.windows, slot * 2, toUnit(Math.ceil((fromMs - credit.baseMs) / UNIT_MS)));
      Atomics.store(credit.windows, slot * 2 + 1, toUnit(Math.floor((untilMs - credit.baseMs) / UNIT_MS)));
    },
  };
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
    const open = Atomics.load(credit.windows, slot * 2) <= now && now < Atomics.load(credit.windows, slot * 2 + 1);
    if (open && Atomics.sub(credit.nanos, slot, amount) >= amount) continue;
    if (open) Atomics.add(credit.nanos, slot, amount);
    giveBack(credit, cells, i, nanos);
    return false;
  }
  return true;
}

/** Whether every cell of a path could pay now, without taking anything. */
export function hasCredit(
  credit: SharedCredit,
  cells: Int32Array,
  count: number,
  nanos: number,
  nowMs: number,
): boolean {
  const now = (nowMs - credit.baseMs) / UNIT_MS;
  for (let i = 0; i < count; i++) {
    const slot = cells[i]!;
    if (Atomics.load(credit.windows, slot * 2) > now || now >= Atomics.load(credit.windows, slot * 2 + 1)) return false;
    if (Atomics.load(credit.nanos, slot) < nanos) return false;
  }
  return true;
}

/** Puts back what `takeCredit` took from the first `count` cells. */
export function giveBack(credit: SharedCredit, cells: Int32Array, count: number, nanos: number): void {
  const amount = BigInt(nanos);
  for (let i = 0; i < count; i++) Atomics.add(credit.nanos, cells[i]!, amount);
}

/** Cells whose window is open now: with credit (`live`), or without any (`dry`). */
export function creditCells(credit: SharedCredit, nowMs: number): { readonly live: number; readonly dry: number } {
  const now = (nowMs - credit.baseMs) / UNIT_MS;
  let live = 0;
  let dry = 0;
  for (let slot = 0; slot < credit.nanos.length; slot++) {
    if (Atomics.load(credit.windows, slot * 2) > now || now >= Atomics.load(credit.windows, slot * 2 + 1)) continue;
    if (Atomics.load(credit.nanos, slot) > 0n) live++;
    else dry++;
  }
  return { live, dry };
}
