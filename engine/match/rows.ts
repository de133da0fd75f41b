/**
 * Many sets of positions as rows of bits in one array, so that the innermost loop of matching reads a single typed array
 * whatever rows a request needs. A row is named by its number; `stride` words of 32 bits belong to each.
 */
export class BitRows {
  data = new Int32Array(0);
  stride: number;
  #rows = 0;
  #capacity = 0;
  readonly #free: number[] = [];

  /** @param words of each row at first */
  constructor(words: number) {
    this.stride = words;
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
    const data = new Int32Array(capacity * stride);
    for (let row = 0; row < this.#rows; row++) {
      data.set(this.data.subarray(row * this.stride, (row + 1) * this.stride), row * stride);
    }
    this.data = data;
    this.stride = stride;
    this.#capacity = capacity;
  }
}
