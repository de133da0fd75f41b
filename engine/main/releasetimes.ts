import { createDelays, type Delays } from '../../core/delays.ts';

/** How long a reservation waits for its notice in standard mode, learned from how late each exchange's notices come. */
export interface ReleaseTimes {
  /** A notice of an exchange came, so long after its bid. */
  seen(exchange: string, bidAtMs: number, atMs: number): void;
  /**
   * How long to wait now, milliseconds: twice the time in which 99.5 % of the slowest exchange's notices come. Until an
   * exchange has been watched long enough, at least the configured time.
   */
  waitMs(): number;
}

const SHARE = 0.995;
const TIMES = 2;
const ENOUGH = 1000;
const MIN_WAIT_MS = 10_000;
const MAX_EXCHANGES = 256;
/** How many notices may come before the answer is worked out again. */
const EVERY = 256;

/**
 * @param defaultMs the configured time-out
 * @param maxMs the life of a token: what comes later never bills
 */
export function createReleaseTimes(defaultMs: number, maxMs: number): ReleaseTimes {
  const exchanges = new Map<string, { readonly delays: Delays; firstMs: number }>();
  let notices = 0;
  let waitMs = defaultMs;

  function learn(): void {
    let longest = 0;
    for (const { delays } of exchanges.values()) longest = Math.max(longest, TIMES * delays.ageOf(SHARE));
    waitMs = Math.min(maxMs, Math.max(MIN_WAIT_MS, longest));
  }

  return {
    seen(exchange, bidAtMs, atMs) {
      let found = exchanges.get(exchange);
      if (found === undefined) {
        if (exchanges.size >= MAX_EXCHANGES) return;
        found = { delays: createDelays(defaultMs / TIMES, ENOUGH), firstMs: bidAtMs };
        exchanges.set(exchange, found);
      }
      found.delays.seen(Math.max(0, atMs - bidAtMs), 1);
      found.delays.watched(atMs - found.firstMs);
      if (notices++ % EVERY === 0) learn();
    },
    waitMs: () => waitMs,
  };
}
