/** Ages at which spend arrived, in powers of √2 from 1 s to about 6 h. */
const BINS = 30;
const FIRST_MS = 1000;
/** Evidence older than this many bills fades. */
const MEMORY = 2000;
const WATCHED_TIMES = 3;

/** How long after their auction bills arrive, learned from what arrived. */
export interface Delays {
  /** @param ageMs how old the auctions were when `bills` more of their bills were seen */
  seen(ageMs: number, bills: number): void;
  /**
   * The age by which a share of all bills has arrived. While less than three times that has been watched, late bills
   * can not have been seen yet: then at least the default.
   */
  ageOf(share: number): number;
  /** @param watchedMs how long bids have been made and their bills watched */
  watched(watchedMs: number): void;
}

/**
 * @param defaultMs what holds until enough was seen
 * @param enough bills from which what was seen is believed
 */
export function createDelays(defaultMs: number, enough = 20): Delays {
  const bins = new Float64Array(BINS);
  let total = 0;
  let watchedMs = 0;
  return {
    watched(ms) {
      watchedMs = Math.max(watchedMs, ms);
    },
    seen(ageMs, bills) {
      if (bills <= 0) return;
      const at = Math.max(0, Math.min(BINS - 1, Math.floor(2 * Math.log2(Math.max(1, ageMs) / FIRST_MS)) + 1));
      if (total > MEMORY) {
        for (let i = 0; i < BINS; i++) bins[i]! *= 0.5;
        total *= 0.5;
      }
      bins[at]! += bills;
      total += bills;
    },
    ageOf(share) {
      if (total < enough) return defaultMs;
      let sum = 0;
      for (let at = 0; at < BINS; at++) {
        sum += bins[at]!;
        if (sum < share * total) continue;
        const age = FIRST_MS * 2 ** (at / 2);
        return watchedMs >= WATCHED_TIMES * age ? age : Math.max(age, defaultMs);
      }
      return FIRST_MS * 2 ** (BINS / 2);
    },
  };
}
