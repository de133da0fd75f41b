import { Positions } from './positions.ts';
import type { Posting } from './posting.ts';
import { Postings } from './postings.ts';
import { RowSearch } from './rowsearch.ts';
import { MAX_TERMS, type TermList } from './termlist.ts';

/** Terms one line item includes and excludes in one dimension. */
export interface TermPair {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/** The terms of a request, one list per dimension, in the order of the index's dimensions. */
export type RequestTerms = readonly TermList[];

interface Dimension {
  readonly at: number;
  /** Row of the positions that include nothing in this dimension and so take any request. */
  readonly freeRow: number;
  includers: number;
  readonly include: Postings;
  readonly exclude: Postings;
  /** Row in which short lists are laid out for one request. */
  readonly scratchRow: number;
}

/** What a search needs of a dimension that some slot aims at. */
interface Step {
  readonly at: number;
  /** Nobody aims at it, but some exclude. */
  readonly excludesOnly: boolean;
  /** Where the row begins of those that include nothing; -1 when there are none. */
  readonly freeAddress: number;
  readonly scratchRow: number;
  readonly include: Postings;
  readonly exclude: Postings;
  readonly included: Int32Array;
  /** null when nothing is excluded. */
  readonly excluded: Int32Array | null;
}

interface Entry {
  readonly terms: readonly TermPair[];
  readonly bound: number;
}

const FIRST_WORDS = 32;
/** Most searches end within so many words: lists are laid out for these, and for the others when one goes on. */
const NEAR_WORDS = 256;

/**
 * Which slots match a request: for every dimension, one of the request's terms is included (or nothing is) and none is
 * excluded. A search yields them from dear to cheap, 32 at a time by a few words of bits each, and leaves a word at
 * the first dimension that empties it. Rows of bits for what is frequent and lists for what is rare.
 */
export class TermIndex {
  readonly #search: RowSearch;
  #positions = new Positions();
  #dimensions: Dimension[] = [];
  /** Most restrictive first. */
  #steps: Step[] = [];
  #sorted = false;
  /** By dimension: 1 when any slot aims at it. */
  readonly #used: Uint8Array;
  #active = 0;
  #refusing = 0;
  /** The order of words, where a search finds it. */
  #orderRow = 0;
  readonly #entries = new Map<number, Entry>();

  /** Words that the present search wrote to. */
  #dirty = new Int32Array(64);
  #dirtyCount = 0;
  /** Lists laid out in part: what is left of them, from which entry, and in which row. */
  readonly #left: Posting[] = [];
  #leftFrom = new Int32Array(64);
  #leftRows = new Int32Array(64);
  #leftCount = 0;
  #turn = 0;
  #turns = 0;
  #bits = 0;
  #word = 0;

  /** No slot that the search has still to yield has a higher bound than this. */
  upper = 0;

  /** @param dimensions how many */
  constructor(dimensions: number) {
    // A dimension has one row more than terms for those that include nothing, and one for lists that are laid out.
    this.#search = new RowSearch(FIRST_WORDS, dimensions, MAX_TERMS + 2);
    this.#used = new Uint8Array(dimensions);
    this.#begin(dimensions);
  }

  #begin(dimensions: number): void {
    this.#sorted = false;
    this.#positions = new Positions();
    this.#active = this.#search.rows.add();
    this.#refusing = this.#search.rows.add();
    this.#orderRow = this.#search.rows.add();
    this.#dimensions = Array.from({ length: dimensions }, (_, at) => ({
      at,
      freeRow: this.#search.rows.add(),
      includers: 0,
      include: new Postings(),
      exclude: new Postings(),
      scratchRow: this.#search.rows.add(),
    }));
  }

  /** How many slots are in use. */
  get size(): number {
    return this.#entries.size;
  }

  /** Words of 32 positions that a search at most goes through. */
  get words(): number {
    return this.#positions.words;
  }

  /** Whether any slot aims at this dimension: the terms of others need not be read. */
  uses(dimension: number): boolean {
    return this.#used[dimension] !== 0;
  }

  /**
   * Puts a slot in, or replaces what it had. `terms` has one pair per dimension.
   * @param bound the most that the slot can offer: the order of a search
   */
  set(slot: number, terms: readonly TermPair[], bound = 1): void {
    this.remove(slot);
    this.#clean();
    const position = this.#positions.add(slot, bound);
    const rows = this.#search.rows;
    rows.reach(this.#positions.words);
    this.#entries.set(slot, { terms, bound });
    rows.set(this.#active, position);
    terms.forEach((pair, d) => {
      const dimension = this.#dimensions[d]!;
      if (pair.include.length === 0) rows.set(dimension.freeRow, position);
      else dimension.includers++;
      for (const term of pair.include) dimension.include.add(term, position, rows);
      for (const term of pair.exclude) dimension.exclude.add(term, position, rows);
      this.#use(dimension);
    });
    this.#sorted = false;
  }

  remove(slot: number): void {
    const entry = this.#entries.get(slot);
    if (entry === undefined) return;
    this.#clean();
    const position = this.#positions.positionOf(slot)!;
    const rows = this.#search.rows;
    this.#entries.delete(slot);
    this.#positions.remove(slot);
    rows.clear(this.#active, position);
    entry.terms.forEach((pair, d) => {
      const dimension = this.#dimensions[d]!;
      rows.clear(dimension.freeRow, position);
      if (pair.include.length > 0) dimension.includers--;
      for (const term of pair.include) dimension.include.remove(term, position, rows);
      for (const term of pair.exclude) dimension.exclude.remove(term, position, rows);
      this.#use(dimension);
    });
    this.#sorted = false;
  }

  #use({ at, includers, exclude }: Dimension): void {
    this.#used[at] = includers > 0 || exclude.size > 0 ? 1 : 0;
  }

  /**
   * Lays everything out anew in the order of a search, so that it goes through memory from front to back: a third of
   * its time. Takes about 10 µs a slot: for when all have been set for the first time and nobody waits.
   */
  arrange(): void {
    this.#clean();
    const entries = [...this.#entries].sort(([, a], [, b]) => b.bound - a.bound);
    this.#entries.clear();
    for (const { include, exclude } of this.#dimensions) {
      include.abandon();
      exclude.abandon();
    }
    this.#search.rows.clearAll();
    this.#begin(this.#dimensions.length);
    for (const [slot, { terms, bound }] of entries) this.set(slot, terms, bound);
  }

  /**
   * Begins a search; the one before it ends.
   * @param without a dimension that does not count this time, -1 for none
   */
  search(request: RequestTerms, without = -1): void {
    this.#clean();
    if (!this.#sorted) this.#sort();
    this.#turn = 0;
    this.#bits = 0;
    this.#search.begin();
    this.#turns = this.#gather(request, without) ? this.#positions.order.length : 0;
    this.upper = this.#turns > 0 ? this.#positions.uppers[0]! : 0;
    this.#search.ready(this.#leftCount > 0 ? NEAR_WORDS : 0);
  }

  /** The next matching slot, dearer ones (by their bound's class) before cheaper ones; -1 at the end. */
  next(): number {
    if (this.#bits === 0 && !this.#advance()) return -1;
    const bits = this.#bits;
    this.#bits = bits & (bits - 1);
    return this.#positions.slots[(this.#word << 5) + (31 - Math.clz32(bits & -bits))]!;
  }

  /**
   * Writes all matching slots into `out`, dearer ones first.
   * @returns how many; never more than `out` holds
   */
  match(request: RequestTerms, out: Int32Array): number {
    this.search(request);
    let count = 0;
    for (let slot = this.next(); slot >= 0 && count < out.length; slot = this.next()) out[count++] = slot;
    return count;
  }

  /** Goes on to the next word in which something matches. */
  #advance(): boolean {
    if (this.#turn < this.#turns) {
      let turn = this.#search.advance(this.#turn);
      if (turn < 0) {
        this.#layOutRest();
        this.#search.layOutDone();
        turn = this.#search.advance(-1 - turn);
      }
      if (turn < this.#turns) {
        this.#bits = this.#search.bits;
        this.#word = this.#positions.order[turn]!;
        this.#turn = turn + 1;
        this.upper = this.#positions.uppers[turn]!;
        return true;
      }
    }
    this.#turn = this.#turns;
    this.upper = 0;
    return false;
  }

  /** Finds the rows that decide about a request. @returns false when nothing can match */
  #gather(request: RequestTerms, without: number): boolean {
    const steps = this.#steps;
    for (let i = 0; i < steps.length; i++) {
      const step = steps[i]!;
      if (step.at === without) continue;
      const terms = request[step.at]!;
      if (!step.excludesOnly) {
        if (step.freeAddress >= 0) this.#search.allow(step.freeAddress);
        this.#gatherIncluded(step, terms);
        if (!this.#search.endGroup()) return false;
      }
      if (step.excluded !== null) this.#gatherExcluded(step, step.excluded, terms);
    }
    return true;
  }

  #gatherIncluded({ include, included, scratchRow }: Step, terms: TermList): void {
    let laidOut = false;
    for (let i = 0; i < terms.size; i++) {
      const { number } = terms.items[i]!;
      const place = number < included.length ? included[number]! : 0;
      if (place > 0) this.#search.allow(this.#search.rows.addressOf(place - 1));
      else if (place < 0) {
        this.#layOut(include.listAt(place), scratchRow, 0, true);
        laidOut = true;
      }
    }
    if (laidOut) this.#search.allow(this.#search.rows.addressOf(scratchRow));
  }

  /** The row of laid out lists may come twice: refusing again changes nothing. */
  #gatherExcluded({ exclude }: Step, excluded: Int32Array, terms: TermList): void {
    let laidOut = false;
    for (let i = 0; i < terms.size; i++) {
      const { number } = terms.items[i]!;
      const place = number < excluded.length ? excluded[number]! : 0;
      if (place > 0) this.#search.refuse(this.#search.rows.addressOf(place - 1));
      else if (place < 0) {
        this.#layOut(exclude.listAt(place), this.#refusing, 0, true);
        laidOut = true;
      }
    }
    if (laidOut) this.#search.refuse(this.#search.rows.addressOf(this.#refusing));
  }

  #leave(posting: Posting, from: number, row: number): void {
    if (this.#leftCount === this.#leftFrom.length) {
      this.#leftFrom = doubled(this.#leftFrom);
      this.#leftRows = doubled(this.#leftRows);
    }
    this.#left[this.#leftCount] = posting;
    this.#leftFrom[this.#leftCount] = from;
    this.#leftRows[this.#leftCount++] = row;
  }

  #layOutRest(): void {
    for (let i = 0; i < this.#leftCount; i++) {
      this.#layOut(this.#left[i]!, this.#leftRows[i]!, this.#leftFrom[i]!, false);
    }
    this.#leftCount = 0;
  }

  #layOut(posting: Posting, row: number, from: number, near: boolean): void {
    const { data, stride } = this.#search.rows;
    const start = row * stride;
    const { list, size, rising } = posting;
    for (let i = from; i < size; i++) {
      const position = list[i]!;
      if (near && rising && position >= NEAR_WORDS * 32) {
        this.#leave(posting, i, row);
        return;
      }
      const at = start + (position >>> 5);
      if (data[at] === 0) {
        if (this.#dirtyCount === this.#dirty.length) this.#dirty = doubled(this.#dirty);
        this.#dirty[this.#dirtyCount++] = at;
      }
      data[at] = data[at]! | (1 << (position & 31));
    }
  }

  #clean(): void {
    const { data } = this.#search.rows;
    const dirty = this.#dirty;
    for (let i = 0; i < this.#dirtyCount; i++) data[dirty[i]!] = 0;
    this.#dirtyCount = 0;
    this.#leftCount = 0;
    this.#bits = 0;
    this.#turns = 0;
  }

  /** Lays out what only changes with the slots. */
  #sort(): void {
    const rows = this.#search.rows;
    this.#steps = this.#dimensions
      .filter((dimension) => dimension.includers > 0 || dimension.exclude.size > 0)
      .sort((a, b) => b.includers - a.includers)
      .map(({ at, includers, freeRow, scratchRow, include, exclude }) => ({
        at,
        excludesOnly: includers === 0,
        freeAddress: includers < this.#entries.size ? rows.addressOf(freeRow) : -1,
        scratchRow,
        include,
        exclude,
        included: include.places,
        excluded: exclude.size > 0 ? exclude.places : null,
      }));
    this.#search.settle(this.#positions.order, this.#orderRow, this.#active);
    this.#sorted = true;
  }
}

function doubled(from: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(from.length * 2);
  larger.set(from);
  return larger;
}
