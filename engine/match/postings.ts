import { Posting } from './posting.ts';
import type { BitRows } from './rows.ts';
import { giveNumber, takeNumber } from './vocabulary.ts';

interface Kept {
  readonly posting: Posting;
  readonly number: number;
  /** Its place in the list of postings. */
  readonly at: number;
}

/** The postings of all terms that one dimension includes, or excludes: by text to change them, by number to find them. */
export class Postings {
  readonly #byText = new Map<string, Kept>();
  readonly #postings: (Posting | undefined)[] = [];
  readonly #free: number[] = [];
  /**
   * Where the positions of a text are, by its number: 0 nowhere, the number of a row of bits plus 1, or below 0 what
   * `listAt` takes. What is beyond its end is nowhere. Another array after a change.
   */
  places = new Int32Array(64);

  /** How many terms. */
  get size(): number {
    return this.#byText.size;
  }

  listAt(place: number): Posting {
    return this.#postings[-1 - place]!;
  }

  add(text: string, position: number, rows: BitRows): void {
    const kept = this.#byText.get(text) ?? this.#begin(text);
    kept.posting.add(position, rows);
    this.places[kept.number] = kept.posting.row >= 0 ? kept.posting.row + 1 : -1 - kept.at;
  }

  remove(text: string, position: number, rows: BitRows): void {
    const kept = this.#byText.get(text);
    if (kept === undefined) return;
    kept.posting.remove(position, rows);
    if (kept.posting.size > 0) return;
    kept.posting.release(rows);
    this.#postings[kept.at] = undefined;
    this.#free.push(kept.at);
    this.places[kept.number] = 0;
    this.#byText.delete(text);
    giveNumber(text);
  }

  /** Gives its numbers back: it is not used any more. */
  abandon(): void {
    for (const text of this.#byText.keys()) giveNumber(text);
  }

  #begin(text: string): Kept {
    const number = takeNumber(text);
    if (number >= this.places.length) {
      const larger = new Int32Array(Math.max(number + 1, this.places.length * 2));
      larger.set(this.places);
      this.places = larger;
    }
    const kept = { posting: new Posting(), number, at: this.#free.pop() ?? this.#postings.length };
    this.#postings[kept.at] = kept.posting;
    this.#byText.set(text, kept);
    return kept;
  }
}
