import type { BitRows } from './rows.ts';

const SHORT = 16;

/**
 * The positions of one term: a short list, or a row of bits once there are so many that setting and clearing them for
 * every request would cost more than reading the row. Adding and removing cost at most the length of the list.
 */
export class Posting {
  #list = new Int32Array(4);
  #count = 0;
  #rising = true;
  /** The row of bits, -1 while it is a list. */
  row = -1;

  get size(): number {
    return this.#count;
  }

  /** The list; only the first `size` entries count, and only while there is no row. */
  get list(): Int32Array {
    return this.#list;
  }

  /** Whether the list goes from low positions to high ones. */
  get rising(): boolean {
    return this.#rising;
  }

  add(position: number, rows: BitRows): void {
    if (this.#has(position, rows)) return;
    this.#rising &&= this.#count === 0 || position > this.#list[this.#count - 1]!;
    if (this.row < 0 && this.#count >= Math.max(SHORT, rows.stride >> 4)) this.#toRow(rows);
    if (this.row >= 0) rows.set(this.row, position);
    else {
      if (this.#count === this.#list.length) {
        const larger = new Int32Array(this.#count * 2);
        larger.set(this.#list);
        this.#list = larger;
      }
      this.#list[this.#count] = position;
    }
    this.#count++;
  }

  remove(position: number, rows: BitRows): void {
    if (!this.#has(position, rows)) return;
    this.#count--;
    if (this.row >= 0) rows.clear(this.row, position);
    else {
      this.#rising &&= this.#list[this.#count] === position;
      this.#list[this.#list.indexOf(position)] = this.#list[this.#count]!;
    }
  }

  /** Gives its row back. */
  release(rows: BitRows): void {
    if (this.row >= 0) rows.drop(this.row);
    this.row = -1;
  }

  #has(position: number, rows: BitRows): boolean {
    if (this.row >= 0) return rows.has(this.row, position);
    for (let i = 0; i < this.#count; i++) if (this.#list[i] === position) return true;
    return false;
  }

  #toRow(rows: BitRows): void {
    this.row = rows.add();
    for (let i = 0; i < this.#count; i++) rows.set(this.row, this.#list[i]!);
    this.#list = new Int32Array(0);
  }
}
