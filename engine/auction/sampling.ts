/** With so few line items every impression is looked at completely. */
const FEW_LINE_ITEMS = 256;
/** Line items that complete looks may go through in a second: about 0.3 % of a processor, however many there are. */
const LINE_ITEMS_PER_SECOND = 1_000_000;
const LEAST_LOOKS = 16;
const MOST_LOOKS = 256;
/** Before the traffic is known, and the rarest. */
const FIRST_EVERY = 64;
const RAREST = 4096;

/**
 * With many line items most impressions are decided by the few dearest, and the others are not looked at. So that
 * everyone still knows how much traffic matches and what it is refused for, one impression in so many is looked at
 * completely and counted that many times: seldom when there are many, each one when there are few.
 */
export class Sampling {
  #second = 0;
  #impressions = 0;
  #looks = 0;
  #every = FIRST_EVERY;

  /**
   * @param seed of auction and impression: decides which ones
   * @returns for how many impressions this one stands; 0: it is not looked at completely
   */
  weightOf(seed: number, lineItems: number, nowMs: number): number {
    if (lineItems <= FEW_LINE_ITEMS) return 1;
    const second = Math.floor(nowMs / 1000);
    const affordable = looksPerSecond(lineItems);
    if (second !== this.#second) this.#begin(second, affordable);
    this.#impressions++;
    const every = this.#every;
    if ((seed >>> 8) % every !== 0) return 0;
    this.#looks++;
    if (this.#looks >= 2 * affordable) this.#hold(affordable);
    return every;
  }

  /** Traffic that has suddenly grown must not be looked at as closely as the little there was. */
  #hold(affordable: number): void {
    this.#every = Math.min(RAREST, this.#every * 2);
    this.#looks = affordable;
  }

  /** Chooses the power of two that keeps to what can be afforded, by the traffic of the second before. */
  #begin(second: number, affordable: number): void {
    if (this.#second > 0) {
      const ratio = Math.max(1, Math.min(RAREST, this.#impressions / affordable));
      this.#every = 2 ** Math.round(Math.log2(ratio));
    }
    this.#second = second;
    this.#impressions = 0;
    this.#looks = 0;
  }
}

function looksPerSecond(lineItems: number): number {
  return Math.max(LEAST_LOOKS, Math.min(MOST_LOOKS, Math.round(LINE_ITEMS_PER_SECOND / lineItems)));
}
