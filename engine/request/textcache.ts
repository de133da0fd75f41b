import { Term } from '../match/vocabulary.ts';

const SLOTS = 2048;
const MAX_BYTES = 48;

/**
 * What short texts of requests stand for, remembered by their bytes: countries, systems, categories and domains come
 * again and again, and finding one costs a fifth of decoding, trimming and hashing it anew. One slot per hash, the last
 * text wins it, so memory is fixed whatever is sent.
 */
export class TextCache<Value> {
  readonly #make: (text: string) => Value;
  readonly #mask: number;
  readonly #values: (Value | undefined)[];
  readonly #lengths: Uint8Array;
  readonly #bytes: Uint8Array;
  /** What '' stands for. */
  readonly ofNothing: Value;

  /**
   * @param make what a text stands for; pure
   * @param slots a power of two; about 60 bytes each
   */
  constructor(make: (text: string) => Value, slots = SLOTS) {
    this.#make = make;
    this.ofNothing = make('');
    this.#mask = slots - 1;
    this.#values = Array.from({ length: slots }, () => undefined);
    this.#lengths = new Uint8Array(slots);
    this.#bytes = new Uint8Array(slots * MAX_BYTES);
  }

  /** What the ASCII text in [start, end) stands for. */
  ofAscii(bytes: Buffer, start: number, end: number): Value {
    const length = end - start;
    if (length > MAX_BYTES) return this.#make(bytes.latin1Slice(start, end));
    let hash = length;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
    const slot = (hash ^ (hash >>> 15)) & this.#mask;
    const kept = slot * MAX_BYTES;
    const value = this.#values[slot];
    if (value !== undefined && this.#lengths[slot] === length) {
      let i = 0;
      while (i < length && this.#bytes[kept + i] === bytes[start + i]) i++;
      if (i === length) return value;
    }
    const made = this.#make(bytes.latin1Slice(start, end));
    for (let i = 0; i < length; i++) this.#bytes[kept + i] = bytes[start + i]!;
    this.#lengths[slot] = length;
    this.#values[slot] = made;
    return made;
  }

  /** The same for a text that has been decoded. */
  ofText(text: string): Value {
    return this.#make(text);
  }
}

const upperCase = new TextCache((text) => new Term(text.trim().toUpperCase()));
const lowerCase = new TextCache((text) => new Term(text.trim().toLowerCase()));

/** Forms of a text that a thread's scanner remembers, as terms. */
export const forms = { upperCase, lowerCase } as const;
