import { Term } from '../match/vocabulary.ts';

/**
 * What short texts of requests stand for: countries, systems, categories and domains come again and again, and finding
 * one by its number (see `RequestScan.cached`) costs a tenth of decoding, trimming and hashing it anew. There are only so
 * many numbers, so memory is fixed whatever is sent.
 */
export class TextCache<Value> {
  /** What a text stands for. */
  readonly make: (text: string) => Value;
  /** What '' stands for. */
  readonly ofNothing: Value;
  readonly remembers: boolean;
  /** By number of the text; whose numbers they are is `owner`. */
  values: (Value | undefined)[] = [];
  owner: object | null = null;

  /**
   * @param make what a text stands for; pure
   * @param remembers whether to keep it
   */
  constructor(make: (text: string) => Value, remembers = true) {
    this.make = make;
    this.ofNothing = make('');
    this.remembers = remembers;
  }
}

const upperCase = new TextCache((text) => new Term(text.trim().toUpperCase()));
const lowerCase = new TextCache((text) => new Term(text.trim().toLowerCase()));
const asSent = new TextCache((text) => text);

/** Forms of a text that a thread's scanner remembers: as terms, or the text itself. */
export const forms = { upperCase, lowerCase, asSent } as const;
