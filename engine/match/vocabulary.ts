/**
 * A text that a request brings, made once and remembered by whoever reads requests. It keeps the number under which the
 * indexes of this thread know the text, so that a search needs no look-up by text.
 */
export class Term {
  readonly text: string;
  /** Tells terms apart cheaply; two terms may have the same text. */
  readonly serial: number;
  #number = 0;
  #version = -1;

  constructor(text: string) {
    this.text = text;
    this.serial = serials++;
  }

  /** The number of this text, 0 when no index has it. */
  get number(): number {
    if (this.#version !== version) {
      this.#number = known.get(this.text)?.number ?? 0;
      this.#version = version;
    }
    return this.#number;
  }
}

interface Word {
  readonly number: number;
  uses: number;
}

let serials = 0;
/** Rises whenever a text is given a number or loses it: what terms remember is asked for again. */
let version = 0;
let next = 1;
const known = new Map<string, Word>();
const free: number[] = [];

/** Begins to use a text in an index. @returns its number, from 1 */
export function takeNumber(text: string): number {
  const word = known.get(text);
  if (word !== undefined) {
    word.uses++;
    return word.number;
  }
  const number = free.pop() ?? next++;
  known.set(text, { number, uses: 1 });
  version++;
  return number;
}

/** Ends a use of a text; its number is given to another one after the last. */
export function giveNumber(text: string): void {
  const word = known.get(text);
  if (word === undefined || --word.uses > 0) return;
  known.delete(text);
  free.push(word.number);
  version++;
}

/** What '' stands for: no term. */
export const noTerm = new Term('');

/** A power of two; enough for all cells of a degree by a degree. */
const NUMERIC = 65_536;
const values = new Float64Array(NUMERIC).fill(Number.NaN);
const numeric: (Term | undefined)[] = Array.from({ length: NUMERIC }, () => undefined);

/** A whole number as a term; those of the day are remembered. */
export function numericTerm(value: number): Term {
  const at = value & (NUMERIC - 1);
  const known = numeric[at];
  if (known !== undefined && values[at] === value) return known;
  const made = new Term(String(value));
  values[at] = value;
  numeric[at] = made;
  return made;
}
