import { noBidReasonList } from '../../core/reasons.ts';
import type { Line } from '../catalog/line.ts';

const MATCHED = 0;
const BIDS = 1;
const REASONS = 2;
/** Words of one row: matched, bids, then one per no-bid reason. */
const LINE_WORDS = REASONS + noBidReasonList.length;

/** What was counted of line items, one row each; flat, because it crosses to the main thread several times a second. */
export interface LineCounts {
  /** Line item and campaign in turn. */
  readonly ids: Int32Array<ArrayBuffer>;
  readonly counts: Int32Array<ArrayBuffer>;
  /** Sums of bid prices and of what the impressions were worth, in turn. */
  readonly nanos: Float64Array<ArrayBuffer>;
}

/** One row, for those who read it. */
export interface LineRow {
  readonly lineItemId: number;
  readonly campaignId: number;
  readonly matched: number;
  readonly bids: number;
  readonly bidNanos: number;
  readonly valueNanos: number;
  /** By index of `noBidReasonList`. */
  readonly reasons: Int32Array;
}

export function lineRows({ ids, counts, nanos }: LineCounts): LineRow[] {
  return Array.from({ length: nanos.length / 2 }, (_, row) => ({
    lineItemId: ids[row * 2]!,
    campaignId: ids[row * 2 + 1]!,
    matched: counts[row * LINE_WORDS + MATCHED]!,
    bids: counts[row * LINE_WORDS + BIDS]!,
    bidNanos: nanos[row * 2]!,
    valueNanos: nanos[row * 2 + 1]!,
    reasons: counts.subarray(row * LINE_WORDS + REASONS, (row + 1) * LINE_WORDS),
  }));
}

/** Rows that are counted in, in memory that is kept. */
export class LineTable {
  #rows = 0;
  #ids = new Int32Array(2 * 256);
  #counts = new Int32Array(LINE_WORDS * 256);
  #nanos = new Float64Array(2 * 256);

  get size(): number {
    return this.#rows;
  }

  isOf(row: number, lineItemId: number): boolean {
    return this.#ids[row * 2] === lineItemId;
  }

  open(lineItemId: number, campaignId: number): number {
    if (this.#rows * 2 === this.#nanos.length) this.#grow();
    const row = this.#rows++;
    this.#ids[row * 2] = lineItemId;
    this.#ids[row * 2 + 1] = campaignId;
    return row;
  }

  matched(row: number, times: number): void {
    const at = row * LINE_WORDS + MATCHED;
    this.#counts[at] = this.#counts[at]! + times;
  }

  refused(row: number, reason: number, times: number): void {
    const at = row * LINE_WORDS + REASONS + reason;
    this.#counts[at] = this.#counts[at]! + times;
  }

  bid(row: number, nanos: number, valueNanos: number): void {
    const at = row * LINE_WORDS + BIDS;
    this.#counts[at] = this.#counts[at]! + 1;
    this.#nanos[row * 2] = this.#nanos[row * 2]! + nanos;
    this.#nanos[row * 2 + 1] = this.#nanos[row * 2 + 1]! + valueNanos;
  }

  /** Adds a row of another table's. */
  add(row: number, from: LineCounts, fromRow: number): void {
    const at = row * LINE_WORDS;
    const fromAt = fromRow * LINE_WORDS;
    for (let i = 0; i < LINE_WORDS; i++) this.#counts[at + i] = this.#counts[at + i]! + from.counts[fromAt + i]!;
    this.#nanos[row * 2] = this.#nanos[row * 2]! + from.nanos[fromRow * 2]!;
    this.#nanos[row * 2 + 1] = this.#nanos[row * 2 + 1]! + from.nanos[fromRow * 2 + 1]!;
  }

  /** What was counted since the last call. */
  take(): LineCounts {
    const rows = this.#rows;
    const taken = {
      ids: this.#ids.slice(0, rows * 2),
      counts: this.#counts.slice(0, rows * LINE_WORDS),
      nanos: this.#nanos.slice(0, rows * 2),
    };
    this.#counts.fill(0, 0, rows * LINE_WORDS);
    this.#nanos.fill(0, 0, rows * 2);
    this.#rows = 0;
    return taken;
  }

  #grow(): void {
    const rows = this.#rows * 2;
    const [ids, counts, nanos] = [
      new Int32Array(rows * 2),
      new Int32Array(rows * LINE_WORDS),
      new Float64Array(rows * 2),
    ];
    ids.set(this.#ids);
    counts.set(this.#counts);
    nanos.set(this.#nanos);
    this.#ids = ids;
    this.#counts = counts;
    this.#nanos = nanos;
  }
}

/** Rows by the slot of their line item. */
export class SlotCounts {
  readonly #table = new LineTable();
  /** Row of a slot, plus one; 0: none yet. */
  #rowOf = new Int32Array(1024);
  #slots = new Int32Array(256);

  rowOf(line: Line): number {
    const { slot } = line;
    if (slot >= this.#rowOf.length) this.#rowOf = enlarged(this.#rowOf, slot + 1);
    const known = this.#rowOf[slot]! - 1;
    // A slot that was given to another line item begins a new row; the old one is still to be reported.
    if (known >= 0 && this.#table.isOf(known, line.lineItemId)) return known;
    const row = this.#table.open(line.lineItemId, line.campaignId);
    if (row >= this.#slots.length) this.#slots = enlarged(this.#slots, row + 1);
    this.#slots[row] = slot;
    this.#rowOf[slot] = row + 1;
    return row;
  }

  get table(): LineTable {
    return this.#table;
  }

  take(): LineCounts {
    for (let row = 0; row < this.#table.size; row++) this.#rowOf[this.#slots[row]!] = 0;
    return this.#table.take();
  }
}

function enlarged(from: Int32Array, least: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(Math.max(least, from.length * 2));
  larger.set(from);
  return larger;
}
