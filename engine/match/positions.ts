/** Neighbouring classes differ by this factor in price. */
const RATIO = 1.1;
const LOG_RATIO = Math.log(RATIO);

/**
 * Gives every slot a position so that words of 32 positions hold slots of about the same highest price, and knows the
 * order of words from dear to cheap. A search that goes through the words in this order may stop when nothing dearer
 * than what it has can come.
 */
export class Positions {
  /** Slot at each position; only meaningful where the position is in use. */
  slots = new Int32Array(32);
  /** Words in use, dearest first. */
  order = new Int32Array(0);
  /** For each entry of `order`: no slot in its word, or in any after it, has a higher bound. */
  uppers = new Float64Array(0);
  readonly #positionOf = new Map<number, number>();
  readonly #classOfWord: number[] = [];
  readonly #usedInWord: number[] = [];
  /** Free positions of words in use, by class. */
  readonly #free = new Map<number, number[]>();
  readonly #freeWords: number[] = [];

  get size(): number {
    return this.#positionOf.size;
  }

  /** Words ever needed: the length of a row. */
  get words(): number {
    return this.#classOfWord.length;
  }

  positionOf(slot: number): number | undefined {
    return this.#positionOf.get(slot);
  }

  /** @param bound the most that the slot can offer */
  add(slot: number, bound: number): number {
    const level = levelOf(bound);
    const free = this.#freeOf(level);
    if (free.length === 0) this.#openWord(level, free);
    const position = free.pop()!;
    this.#usedInWord[position >>> 5]!++;
    this.#raise(position >>> 5, bound);
    this.slots[position] = slot;
    this.#positionOf.set(slot, position);
    return position;
  }

  remove(slot: number): void {
    const position = this.#positionOf.get(slot);
    if (position === undefined) return;
    this.#positionOf.delete(slot);
    const word = position >>> 5;
    const level = this.#classOfWord[word]!;
    const free = this.#freeOf(level);
    free.push(position);
    this.#usedInWord[word]!--;
    if (this.#usedInWord[word] === 0) this.#closeWord(word, level, free);
  }

  #openWord(level: number, free: number[]): void {
    const word = this.#freeWords.pop() ?? this.#classOfWord.length;
    this.#classOfWord[word] = level;
    this.#usedInWord[word] = 0;
    for (let i = 31; i >= 0; i--) free.push(word * 32 + i);
    if (this.slots.length < (word + 1) * 32) {
      const larger = new Int32Array(Math.max((word + 1) * 32, this.slots.length * 2));
      larger.set(this.slots);
      this.slots = larger;
    }
    let at = 0;
    while (at < this.order.length && this.#classOfWord[this.order[at]!]! >= level) at++;
    this.order = inserted(this.order, new Int32Array(this.order.length + 1), at, word);
    this.uppers = inserted(this.uppers, new Float64Array(this.order.length), at, 0);
  }

  /** A word's bound is that of its dearest slot: filled in falling order, as `arrange` does, words are told apart finely. */
  #raise(word: number, bound: number): void {
    for (let at = this.order.lastIndexOf(word); at >= 0 && this.uppers[at]! < bound; at--) this.uppers[at] = bound;
  }

  #closeWord(word: number, level: number, free: readonly number[]): void {
    const kept = free.filter((position) => position >>> 5 !== word);
    if (kept.length === 0) this.#free.delete(level);
    else this.#free.set(level, kept);
    this.#freeWords.push(word);
    const at = this.order.indexOf(word);
    this.order = this.order.filter((_, i) => i !== at);
    this.uppers = this.uppers.filter((_, i) => i !== at);
  }

  /** Free positions of a class. */
  #freeOf(level: number): number[] {
    let free = this.#free.get(level);
    if (free === undefined) {
      free = [];
      this.#free.set(level, free);
    }
    return free;
  }
}

function inserted<T extends Int32Array | Float64Array>(from: T, into: T, at: number, value: number): T {
  into.set(from.subarray(0, at));
  into[at] = value;
  into.set(from.subarray(at), at + 1);
  return into;
}

function levelOf(bound: number): number {
  return bound < 1 ? 0 : Math.floor(Math.log(bound) / LOG_RATIO);
}
