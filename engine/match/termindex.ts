import { clearBit, grown, setBit } from './bits.ts';
import { Posting } from './posting.ts';

/** Terms one line item includes and excludes in one dimension. */
export interface TermPair {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/** The terms of a request, one list per dimension, in the order of the index's dimensions. */
export type RequestTerms = readonly (readonly string[])[];

interface DimensionRows {
  /** Slots that include nothing in this dimension and so take any request. */
  free: Uint32Array<ArrayBuffer>;
  includers: number;
  readonly include: Map<string, Posting>;
  readonly exclude: Map<string, Posting>;
}

const WORD_STEP = 32;

/**
 * Which slots match a request: for every dimension, one of the request's terms is included (or nothing is) and none is
 * excluded. Rows of bits for what is frequent and lists for what is rare, so the cost of a request is a few words per
 * dimension for every 32 slots, whatever the number of terms.
 */
export class TermIndex {
  #words = WORD_STEP;
  #active = new Uint32Array(WORD_STEP);
  #rows: DimensionRows[];
  #acc = new Uint32Array(WORD_STEP);
  #row = new Uint32Array(WORD_STEP);
  readonly #terms = new Map<number, readonly TermPair[]>();

  /** @param dimensions how many */
  constructor(dimensions: number) {
    this.#rows = Array.from({ length: dimensions }, () => ({
      free: new Uint32Array(WORD_STEP),
      includers: 0,
      include: new Map(),
      exclude: new Map(),
    }));
  }

  /** How many slots are in use. */
  get size(): number {
    return this.#terms.size;
  }

  /** Puts a slot in, or replaces what it had. `terms` has one pair per dimension. */
  set(slot: number, terms: readonly TermPair[]): void {
    this.remove(slot);
    this.#reach(slot);
    this.#terms.set(slot, terms);
    setBit(this.#active, slot);
    terms.forEach((pair, d) => {
      const rows = this.#rows[d]!;
      if (pair.include.length === 0) setBit(rows.free, slot);
      else rows.includers++;
      for (const term of pair.include) this.#posting(rows.include, term).add(slot, this.#words);
      for (const term of pair.exclude) this.#posting(rows.exclude, term).add(slot, this.#words);
    });
  }

  remove(slot: number): void {
    const terms = this.#terms.get(slot);
    if (terms === undefined) return;
    this.#terms.delete(slot);
    clearBit(this.#active, slot);
    terms.forEach((pair, d) => {
      const rows = this.#rows[d]!;
      clearBit(rows.free, slot);
      if (pair.include.length > 0) rows.includers--;
      for (const term of pair.include) drop(rows.include, term, slot);
      for (const term of pair.exclude) drop(rows.exclude, term, slot);
    });
  }

  /**
   * Writes the matching slots into `out`, in ascending order.
   * @returns how many; never more than `out` holds
   */
  match(request: RequestTerms, out: Int32Array): number {
    const acc = this.#acc;
    acc.set(this.#active);
    for (let d = 0; d < this.#rows.length; d++) {
      const rows = this.#rows[d]!;
      const terms = request[d]!;
      if (rows.includers > 0) this.#restrict(rows, terms);
      if (rows.exclude.size > 0) {
        for (let i = 0; i < terms.length; i++) {
          const posting = rows.exclude.get(terms[i]!);
          if (posting !== undefined) exclude(acc, posting);
        }
      }
    }
    return this.#collect(out);
  }

  #restrict(rows: DimensionRows, terms: readonly string[]): void {
    const acc = this.#acc;
    const words = this.#words;
    let allowed: Uint32Array = rows.free;
    for (let i = 0; i < terms.length; i++) {
      const posting = rows.include.get(terms[i]!);
      if (posting === undefined) continue;
      if (allowed === rows.free) {
        allowed = this.#row;
        allowed.set(rows.free);
      }
      const bits = posting.bits;
      if (bits === null) {
        const list = posting.list;
        for (let k = posting.size - 1; k >= 0; k--) setBit(allowed, list[k]!);
      } else for (let w = 0; w < words; w++) allowed[w] = allowed[w]! | bits[w]!;
    }
    for (let w = 0; w < words; w++) acc[w] = acc[w]! & allowed[w]!;
  }

  #collect(out: Int32Array): number {
    const acc = this.#acc;
    let count = 0;
    for (let w = 0; w < this.#words; w++) {
      let word = acc[w]! | 0;
      while (word !== 0) {
        if (count === out.length) return count;
        out[count++] = (w << 5) + (31 - Math.clz32(word & -word));
        word &= word - 1;
      }
    }
    return count;
  }

  #posting(postings: Map<string, Posting>, term: string): Posting {
    let posting = postings.get(term);
    if (posting === undefined) {
      posting = new Posting();
      postings.set(term, posting);
    }
    return posting;
  }

  #reach(slot: number): void {
    if (slot >>> 5 < this.#words) return;
    const words = Math.max(this.#words * 2, Math.ceil(((slot >>> 5) + 1) / WORD_STEP) * WORD_STEP);
    this.#words = words;
    this.#active = grown(this.#active, words);
    this.#acc = new Uint32Array(words);
    this.#row = new Uint32Array(words);
    for (const rows of this.#rows) {
      rows.free = grown(rows.free, words);
      for (const posting of rows.include.values()) posting.grow(words);
      for (const posting of rows.exclude.values()) posting.grow(words);
    }
  }
}

function exclude(acc: Uint32Array, posting: Posting): void {
  const bits = posting.bits;
  if (bits === null) {
    const list = posting.list;
    for (let k = posting.size - 1; k >= 0; k--) clearBit(acc, list[k]!);
  } else for (let w = 0; w < acc.length; w++) acc[w] = acc[w]! & ~bits[w]!;
}

function drop(postings: Map<string, Posting>, term: string, slot: number): void {
  const posting = postings.get(term);
  if (posting === undefined) return;
  posting.remove(slot);
  if (posting.size === 0) postings.delete(term);
}
