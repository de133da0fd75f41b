import { Term } from './vocabulary.ts';

/** Most terms of one dimension that a request may bring. */
export const MAX_TERMS = 200;

/**
 * The terms of a request in one dimension. Reused from request to request: an array that is emptied by its length gives
 * its memory away, and the next request would allocate it again.
 */
export class TermList {
  /** Only the first `size` count. */
  readonly items: Term[] = [];
  size = 0;

  clear(): void {
    this.size = 0;
  }

  /** Adds a term that is not there yet; '' is none, and what is too much is left out. */
  add(term: Term): void {
    const { text, number } = term;
    if (text === '' || this.size >= MAX_TERMS) return;
    for (let i = 0; i < this.size; i++) {
      const other = this.items[i]!;
      // Texts that some index has are told apart by their numbers.
      if (other === term || (other.number === number && (number !== 0 || other.text === text))) return;
    }
    this.items[this.size++] = term;
  }

  /** Adds terms of which none is '' or there twice. */
  addAll(terms: readonly Term[]): void {
    if (this.size > 0 || terms.length > MAX_TERMS) {
      for (let i = 0; i < terms.length; i++) this.add(terms[i]!);
      return;
    }
    for (let i = 0; i < terms.length; i++) this.items[i] = terms[i]!;
    this.size = terms.length;
  }

  has(text: string): boolean {
    for (let i = 0; i < this.size; i++) if (this.items[i]!.text === text) return true;
    return false;
  }

  /** The texts, for explanations and reports. */
  toArray(): string[] {
    return this.items.slice(0, this.size).map(({ text }) => text);
  }
}

/** A list for tests and measurements. */
export function termList(texts: Iterable<string>): TermList {
  const list = new TermList();
  for (const text of texts) list.add(new Term(text));
  return list;
}
