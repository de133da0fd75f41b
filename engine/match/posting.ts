import { clearBit, grown, hasBit, setBit } from './bits.ts';

/**
 * The slots of one term: a short list, or a row of bits once the list would be longer to read than the row.
 * Adding and removing cost at most the length of the list.
 */
export class Posting {
  #list = new Int32Array(4);
  #count = 0;
  #bits: Uint32Array | null = null;

  get size(): number {
    return this.#count;
  }

  /** The row of bits, null while it is a list. */
  get bits(): Uint32Array | null {
    return this.#bits;
  }

  /** The list; only the first `size` entries count. */
  get list(): Int32Array {
    return this.#list;
  }

  has(slot: number): boolean {
    if (this.#bits !== null) return hasBit(this.#bits, slot);
    return this.#list.subarray(0, this.#count).includes(slot);
  }

  /** @param words the index's present row length */
  add(slot: number, words: number): void {
    if (this.has(slot)) return;
    if (this.#bits === null && this.#count >= Math.max(16, words)) this.#toBits(words);
    if (this.#bits !== null) setBit(this.#bits, slot);
    else {
      if (this.#count === this.#list.length) {
        const larger = new Int32Array(this.#count * 2);
        larger.set(this.#list);
        this.#list = larger;
      }
      this.#list[this.#count] = slot;
    }
    this.#count++;
  }

  remove(slot: number): void {
    if (!this.has(slot)) return;
    this.#count--;
    if (this.#bits !== null) clearBit(this.#bits, slot);
    else this.#list[this.#list.indexOf(slot)] = this.#list[this.#count]!;
  }

  grow(words: number): void {
    if (this.#bits !== null) this.#bits = grown(this.#bits, words);
  }

  #toBits(words: number): void {
    const bits = new Uint32Array(words);
    for (let i = 0; i < this.#count; i++) setBit(bits, this.#list[i]!);
    this.#bits = bits;
    this.#list = new Int32Array(0);
  }
}
