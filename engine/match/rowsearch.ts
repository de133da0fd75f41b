import { BitRows } from './rows.ts';
import { wasmBase64 } from './search.wasm.ts';

/** What search.as exports. */
interface Search {
  advance(from: number): number;
  readonly HEADER: WebAssembly.Global;
}
const module = new WebAssembly.Module(Buffer.from(wasmBase64, 'base64'));

/** Words of the header of a search, from HEADER_AT on; as in search.as. */
const HEADER_AT = 1024 / 4;
const TURNS = HEADER_AT;
const ORDER = HEADER_AT + 1;
const NEAR = HEADER_AT + 2;
const ACTIVE = HEADER_AT + 3;
const GROUPS = HEADER_AT + 4;
const ENDS = HEADER_AT + 5;
const STARTS = HEADER_AT + 6;
const REFUSERS = HEADER_AT + 7;
const REFUSERS_END = HEADER_AT + 8;
const BITS = HEADER_AT + 9;
const LISTS_AT = HEADER_AT + 16;
/** More than there are words. */
const ALL_WORDS = 0x7fff_0000;

/**
 * A search through rows of bits: positions that are in one row of every group and in no refusing row, word by word in a
 * given order. This lays out for search.as which rows those are; rows are named by their addresses.
 */
export class RowSearch {
  readonly rows: BitRows;
  readonly #search: Search;
  // Lists of the present search as words of the memory: where each begins, and where the next entry goes.
  readonly #ends = LISTS_AT;
  readonly #starts: number;
  readonly #refusers: number;
  #endsEnd = 0;
  #startsEnd = 0;
  #refusersEnd = 0;
  #groupFrom = 0;
  /** The memory as words. */
  #head = new Int32Array(0);

  /**
   * @param firstWords of each row at first, a multiple of 4
   * @param groups how many there can be; @param perGroup rows that one can have, and refusing rows for each
   */
  constructor(firstWords: number, groups: number, perGroup: number) {
    this.#starts = this.#ends + groups;
    this.#refusers = this.#starts + groups * perGroup;
    const listsEnd = 4 * (this.#refusers + groups * perGroup);
    // Rows begin where a line of the processor's cache does.
    this.rows = new BitRows(firstWords, (listsEnd + 63) & ~63);
    const env = { memory: this.rows.memory };
    // A copy, because the exports themselves are an object whose properties are looked up at every use.
    this.#search = { ...(new WebAssembly.Instance(module, { env }).exports as unknown as Search) };
    if (this.#search.HEADER.value !== 4 * HEADER_AT) throw new RangeError('The header of a search is elsewhere.');
  }

  /** Says what stays as it is until rows are added or made longer. @param words in the order of the search */
  settle(words: Int32Array, orderRow: number, activeRow: number): void {
    const { rows } = this;
    rows.data.set(words, orderRow * rows.stride);
    this.#head = new Int32Array(rows.memory.buffer);
    this.#head[TURNS] = words.length;
    this.#head[ORDER] = rows.addressOf(orderRow);
    this.#head[ACTIVE] = rows.addressOf(activeRow);
    this.#head[ENDS] = 4 * this.#ends;
    this.#head[STARTS] = 4 * this.#starts;
    this.#head[REFUSERS] = 4 * this.#refusers;
  }

  /** Begins to say what is looked for. */
  begin(): void {
    this.#endsEnd = this.#ends;
    this.#startsEnd = this.#starts;
    this.#refusersEnd = this.#refusers;
    this.#groupFrom = this.#starts;
  }

  /** A row of the present group. */
  allow(address: number): void {
    this.#head[this.#startsEnd++] = address;
  }

  /** Ends a group. @returns false when it is empty: nothing can be found */
  endGroup(): boolean {
    this.#head[this.#endsEnd++] = 4 * this.#startsEnd;
    if (this.#groupFrom === this.#startsEnd) return false;
    this.#groupFrom = this.#startsEnd;
    return true;
  }

  refuse(address: number): void {
    this.#head[this.#refusersEnd++] = address;
  }

  /** All has been said. @param nearWords words from this one on are not laid out yet; 0: all are */
  ready(nearWords: number): void {
    this.#head[NEAR] = nearWords > 0 ? nearWords : ALL_WORDS;
    this.#head[GROUPS] = this.#endsEnd - this.#ends;
    this.#head[REFUSERS_END] = 4 * this.#refusersEnd;
  }

  /**
   * Goes on from a turn to the next word in which something is found.
   * @returns its turn, the number of turns when there is none, or -1 - turn when it comes to a word that is not laid out
   */
  advance(from: number): number {
    return this.#search.advance(from);
  }

  /** The rest has been laid out. */
  layOutDone(): void {
    this.#head[NEAR] = ALL_WORDS;
  }

  /** What was found last. */
  get bits(): number {
    return this.#head[BITS]!;
  }
}
