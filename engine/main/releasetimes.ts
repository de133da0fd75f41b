import { createDelays, type Delays } from '../../core/delays.ts';
import { hashName } from '../value/learner.ts';

/** How long a reservation waits for its notice in standard mode, learned from how late each exchange's notices come. */
export interface ReleaseTimes {
  /** A notice of an exchange came, so long after its bid. */
  seen(exchange: string, bidAtMs: number, atMs: number): void;
  /**
   * How long to wait now for a notice of an exchange, milliseconds: twice the time in which 99.5 % of its notices come.
   * Until it has been watched long enough, at least the configured time.
   * @param exchangeHash `hashName` of the exchange
   */
  waitMs(exchangeHash: number): number;
}

const SHARE = 0.995;
const TIMES = 2;
const ENOUGH = 1000;
const MIN_WAIT_MS = 10_000;
/** Others wait the configured time. */
const MAX_EXCHANGES = 256;
/** How many notices of an exchange may come before its time is worked out again. */
const EVERY = 256;

interface Exchange {
  readonly delays: Delays;
  readonly firstMs: number;
  notices: number;
  waitMs: number;
}

/**
 * @param defaultMs the configured time-out
 * @param maxMs the life of a token: what comes later never bills
 */
export function createReleaseTimes(defaultMs: number, maxMs: number): ReleaseTimes {
  const exchanges = new Map<number, Exchange>();

  return {
    seen(exchange, bidAtMs, atMs) {
      const hash = hashName(exchange);
      let found = exchanges.get(hash);
      if (found === undefined) {
        if (exchanges.size >= MAX_EXCHANGES) return;
        found = { delays: createDelays(defaultMs / TIMES, ENOUGH), firstMs: bidAtMs, notices: 0, waitMs: defaultMs };
        exchanges.set(hash, found);
      }
      found.delays.seen(Math.max(0, atMs - bidAtMs), 1);
      found.delays.watched(atMs - found.firstMs);
      if (found.notices++ % EVERY !== 0) return;
      found.waitMs = Math.min(maxMs, Math.max(MIN_WAIT_MS, TIMES * found.delays.ageOf(SHARE)));
    },
    waitMs: (exchangeHash) => exchanges.get(exchangeHash)?.waitMs ?? defaultMs,
  };
}
