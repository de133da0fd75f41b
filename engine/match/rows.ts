const PAGE_BYTES = 65_536;

/**
 * Many sets of positions as rows of bits in one WebAssembly memory, so that the innermost loop of matching reads it
 * whatever rows a request needs. A row is named by its number; `stride` words of 32 bits belong to each.
 */
export class BitRows {
  readonly memory: WebAssembly.Memory;
  data = new Int32Array(0);
  stride: number;
  /** Where the first row begins, bytes. */
  readonly #base: number;
  readonly #firstWords: number;
  #rows = 0;
  #capacity = 0;
  readonly #free: number[] = [];

  /**
   * @param words of each row at first, a multiple of 4
   * @param base bytes of the memory that are kept for other uses, a multiple of 16
   */
  constructor(words: number, base: number) {
    this.#firstWords = words;
    this.stride = words;
    this.#base = base;
    this.memory = new WebAssembly.Memory({ initial: Math.ceil(base / PAGE_BYTES) });
  }

  /** Where a row begins, bytes. */
  addressOf(row: number): number {
    return this.#base + row * this.stride * 4;
  }

  /** A row of zeros. */
  add(): number {
    const freed = this.#free.pop();
    if (freed !== undefined) return freed;
    if (this.#rows === this.#capacity) this.#layOut(Math.max(32, this.#capacity * 2), this.stride);
    return this.#rows++;
  }

  drop(row: number): void {
    this.data.fill(0, row * this.stride, (row + 1) * this.stride);
    this.#free.push(row);
  }

  /** Drops all rows. */
  clearAll(): void {
    this.data.fill(0, 0, this.#rows * this.stride);
    this.#free.length = 0;
    this.#capacity = Math.floor((this.#capacity * this.stride) / this.#firstWords);
    this.stride = this.#firstWords;
    this.#rows = 0;
  }

  /** Makes every row at least this long. */
  reach(words: number): void {
    if (words > this.stride) this.#layOut(this.#capacity, Math.max(words, this.stride * 2));
  }

  set(row: number, position: number): void {
    const at = row * this.stride + (position >>> 5);
    this.data[at] = this.data[at]! | (1 << (position & 31));
  }

  clear(row: number, position: number): void {
    const at = row * this.stride + (position >>> 5);
    this.data[at] = this.data[at]! & ~(1 << (position & 31));
  }

  has(row: number, position: number): boolean {
    return (this.data[row * this.stride + (position >>> 5)]! & (1 << (position & 31))) !== 0;
  }

  #layOut(capacity: number, stride: number): void {
    const wanted = this.#base + capacity * stride * 4 - this.memory.buffer.byteLength;
    if (wanted > 0) this.memory.grow(Math.ceil(wanted / PAGE_BYTES));
    const data = new Int32Array(this.memory.buffer, this.#base);
    const before = this.stride;
    // From the last one on, because a row moves to where a later one was.
    for (let row = this.#rows - 1; row >= 0 && stride > before; row--) {
      data.copyWithin(row * stride, row * before, (row + 1) * before);
      data.fill(0, row * stride + before, (row + 1) * stride);
    }
    this.data = data;
    this.stride = stride;
    this.#capacity = capacity;
  }
}
