import { packSize } from '../auction/banneroffer.ts';
import { addBits, blockableCategories, blockableDomains } from '../auction/blocks.ts';
import type { Line } from './line.ts';

// One row of 64 bytes per slot, so that looking at a candidate touches one line of the processor's cache.
const ROW_DOUBLES = 8;
const ROW_WORDS = 16;

/** Places in a row of doubles. */
export const DOUBLE = { start: 0, end: 1, usdRate: 2, price: 3 } as const;
/** Places in a row of words. */
export const WORD = {
  flags: 8,
  lineItem: 9,
  size: 10,
  creative: 11,
  categories: 12,
  domains: 14,
} as const;
/** What a row says about its line item; what no flag stands for need not be looked at. */
export const FLAG = {
  /** Day-parting or circles. */
  narrowed: 1,
  capped: 2,
  /** Exactly one creative, a banner approved by every exchange, and no deal is asked for: the rest of the row describes it. */
  plainBanner: 4,
  insecure: 8,
  attributes: 16,
  bundle: 32,
} as const;

/**
 * What the auction asks of every candidate, in flat rows by slot. Most candidates are refused, or lose, by these few
 * numbers: following them through the objects of a line item costs a cache miss each.
 */
export class LineSheet {
  doubles = new Float64Array(0);
  words = new Int32Array(0);

  /** @param usdRate US dollars of a unit of the account's currency; 0 when it is not known */
  set(line: Line, usdRate: number): void {
    this.#reach(line.slot + 1);
    const double = line.slot * ROW_DOUBLES;
    const word = line.slot * ROW_WORDS;
    const { goal } = line.item;
    this.doubles[double + DOUBLE.start] = line.startMs;
    this.doubles[double + DOUBLE.end] = line.endMs;
    this.doubles[double + DOUBLE.usdRate] = usdRate;
    this.doubles[double + DOUBLE.price] = goal.type === 'cpm' ? goal.bidCpmMicros : 0;
    this.words[word + WORD.flags] = flagsOf(line);
    this.words[word + WORD.lineItem] = line.lineItemId;
    this.#setCreative(line, word);
  }

  /**
   * Whether a line item can be worth so much before pacing: false only where the bid is a fixed price below it.
   * @param usd nanos of US dollars
   */
  mayOffer(slot: number, usd: number): boolean {
    const at = slot * ROW_DOUBLES;
    const price = this.doubles[at + DOUBLE.price]!;
    return price === 0 || price * this.doubles[at + DOUBLE.usdRate]! >= usd;
  }

  #setCreative(line: Line, word: number): void {
    const [creative] = line.creatives;
    if (creative === undefined) return;
    const { words } = this;
    words[word + WORD.size] = packSize(creative.w, creative.h);
    words[word + WORD.creative] = creative.id;
    words.fill(0, word + WORD.categories, word + WORD.domains + 2);
    for (const category of blockableCategories(creative.cat)) addBits(words, word + WORD.categories, category);
    for (const domain of blockableDomains(creative.adomain)) addBits(words, word + WORD.domains, domain);
  }

  #reach(rows: number): void {
    if (rows * ROW_WORDS <= this.words.length) return;
    const memory = new ArrayBuffer(Math.max(1024, 2 * rows) * ROW_WORDS * 4);
    const words = new Int32Array(memory);
    words.set(this.words);
    this.words = words;
    this.doubles = new Float64Array(memory);
  }
}

function flagsOf(line: Line): number {
  const [creative] = line.creatives;
  let flags = 0;
  if (line.hours !== null || line.circles.length > 0) flags |= FLAG.narrowed;
  if (line.caps !== null) flags |= FLAG.capped;
  if (creative === undefined || line.creatives.length > 1 || line.deals.length > 0) return flags;
  const { source } = creative;
  const approved = source.approval === 'approved' && Object.keys(source.exchangeApprovals).length === 0;
  if (creative.format === 'banner' && packSize(creative.w, creative.h) !== 0 && approved) flags |= FLAG.plainBanner;
  if (!creative.secure) flags |= FLAG.insecure;
  if (creative.attr.length > 0) flags |= FLAG.attributes;
  if (creative.bundle !== '') flags |= FLAG.bundle;
  return flags;
}
